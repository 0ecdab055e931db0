"""Names of the real API that the sandbox does not play: requests for them are 501 instead of a CRM error.

A name that is missing here gets the error that Salesforce has for unknown names: add it.
"""

RESOURCES = frozenset({
    "actions", "analytics", "appMenu", "async-queries", "chatter", "commerce", "compactLayouts", "composite",
    "connect", "consent", "dedupe", "domino", "eclair", "einstein", "emailConnect", "event", "externalData",
    "fingerprint", "folders", "graphql", "iot", "jobs", "jsonxform", "knowledgeManagement", "licensing",
    "localizedvalue", "match", "metadata", "mobile", "nouns", "parameterizedSearch", "payments", "prechatForms",
    "process", "quickActions", "scheduling", "search", "serviceTemplates", "smartdatadiscovery", "sobjects",
    "support", "tabs", "theme", "tokenSecurity", "tooling", "ui-api", "wave",
})  # fmt: skip
"""Resources below `/services/data/vXX.X/` (REST API Developer Guide, "Resources by Version")."""

OBJECT_RESOURCES = frozenset({
    "defaultValues", "events", "listviews", "namedLayouts", "quickActions", "relevantItems",
})  # fmt: skip
"""Resources of one object at the place of a record's id in the path."""

SERVICES = {
    "async": "the Bulk API 1.0 (use Bulk API 2.0: /services/data/vXX.X/jobs/query)",
    "Soap": "the SOAP API",
    "apexrest": "Apex REST",
    "auth": "single sign-on",
    "wave": "CRM Analytics",
}
"""APIs other than the REST API, by the path segment after `/services/`."""

GRANT_TYPES = {
    "password": "the username-password flow",
    "client_credentials": "the client credentials flow",
    "device": "the device flow",
    "hybrid_auth_code": "the hybrid web server flow",
    "hybrid_refresh": "the hybrid refresh flow",
    "urn:ietf:params:oauth:grant-type:jwt-bearer": "the JWT bearer flow",
    "urn:ietf:params:oauth:grant-type:saml2-bearer": "the SAML bearer flow",
    "urn:ietf:params:oauth:grant-type:token-exchange": "the token exchange flow",
}

RESPONSE_TYPES = frozenset({"token", "token id_token", "code id_token", "hybrid_token", "device_code"})

OBJECTS = frozenset({
    "AccountContactRelation", "AccountContactRole", "AccountHistory", "AccountShare", "AccountTeamMember",
    "ApexClass", "Asset", "Attachment", "Campaign", "CampaignMember", "CampaignMemberStatus", "Case", "CaseComment",
    "ContactHistory", "ContentDocument", "ContentDocumentLink", "ContentVersion", "Contract", "DatedConversionRate",
    "Document", "EmailMessage", "EntityDefinition", "Event", "FieldDefinition", "Folder", "Group",
    "GroupMember", "Lead", "LeadHistory", "LeadStatus", "LoginHistory", "Note", "OpportunityFieldHistory",
    "OpportunityHistory", "OpportunityLineItem", "OpportunityShare", "OpportunityTeamMember", "Order", "OrderItem",
    "Partner", "Period", "PermissionSet", "PermissionSetAssignment", "Pricebook2", "PricebookEntry", "Product2",
    "Profile", "QueueSobject", "Quote", "QuoteLineItem", "RecentlyViewed", "RecordType", "Report", "SetupAuditTrail",
    "Solution", "Task", "Territory2", "Topic", "UserLicense", "UserLogin", "UserRole",
})  # fmt: skip
"""Standard objects that the sandbox does not play."""
_OBJECTS_BY_LOWER_NAME = {name.lower(): name for name in OBJECTS}

_EVERYWHERE = frozenset(
    {"CreatedById", "LastModifiedById", "LastReferencedDate", "LastViewedDate", "RecordTypeId"}
)
_FIELDS = {
    "Account": frozenset({
        "BillingGeocodeAccuracy", "BillingLatitude", "BillingLongitude", "CleanStatus", "DandbCompanyId", "Jigsaw",
        "JigsawCompanyId", "OperatingHoursId", "PhotoUrl", "Salutation", "ShippingGeocodeAccuracy",
        "ShippingLatitude", "ShippingLongitude",
    }),
    "Contact": frozenset({
        "AssistantName", "AssistantPhone", "Birthdate", "CleanStatus", "DoNotCall", "EmailBouncedReason", "Fax",
        "HasOptedOutOfEmail", "HasOptedOutOfFax", "HomePhone", "IndividualId", "IsEmailBounced", "Jigsaw",
        "JigsawContactId", "LastActivityDate", "LastCURequestDate", "LastCUUpdateDate", "MailingGeocodeAccuracy",
        "MailingLatitude", "MailingLongitude", "OtherAddress", "OtherCity", "OtherCountry", "OtherPhone",
        "OtherPostalCode", "OtherState", "OtherStreet", "PhotoUrl", "Salutation",
    }),
    "Opportunity": frozenset({
        "CampaignId", "ContactId", "ContractId", "ExpectedRevenue", "Fiscal", "FiscalQuarter", "FiscalYear",
        "ForecastCategory", "HasOpenActivity", "HasOpportunityLineItem", "HasOverdueTask", "IsPrivate",
        "LastActivityDate", "LastAmountChangedHistoryId", "LastCloseDateChangedHistoryId", "LastStageChangeDate",
        "NextStep", "Pricebook2Id", "PushCount", "SyncedQuoteId", "TotalOpportunityQuantity",
    }),
    "User": frozenset({
        "AboutMe", "Address", "Alias", "City", "CommunityNickname", "CompanyName", "ContactId", "Country",
        "Department", "Division", "EmailEncodingKey", "EmployeeNumber", "Extension", "Fax", "FederationIdentifier",
        "LanguageLocaleKey", "LastLoginDate", "LocaleSidKey", "ManagerId", "MobilePhone", "Phone", "PostalCode",
        "SmallPhotoUrl", "State", "Street", "TimeZoneSidKey", "Title",
    }),
    "Organization": frozenset({
        "City", "Division", "Fax", "FiscalYearStartMonth", "Phone", "PostalCode", "PrimaryContact", "Street",
    }),
}  # fmt: skip
"""Standard fields that the sandbox does not play, by object."""

DATE_LITERALS = frozenset({
    "yesterday", "today", "tomorrow", "last_week", "this_week", "next_week", "last_month", "this_month", "next_month",
    "last_90_days", "next_90_days", "this_quarter", "last_quarter", "next_quarter", "this_year", "last_year",
    "next_year", "this_fiscal_quarter", "last_fiscal_quarter", "next_fiscal_quarter", "this_fiscal_year",
    "last_fiscal_year", "next_fiscal_year",
})  # fmt: skip
"""Date literals without a number; those with one, such as LAST_N_DAYS:7, are recognized by their colon."""

SOQL_WORDS = frozenset({
    "as", "excludes", "for", "group", "having", "includes", "like", "not", "nulls", "offset", "or", "typeof", "update",
    "using", "with",
})  # fmt: skip
"""Keywords of SOQL clauses that the sandbox does not play."""


def is_unsimulated_field(object_name: str, field_name: str) -> bool:
    """Return whether an object has a standard field of that name that the sandbox does not play."""
    unsimulated = _EVERYWHERE | _FIELDS.get(object_name, frozenset())
    return field_name.lower() in {name.lower() for name in unsimulated}


def find_unsimulated_object(name: str) -> str | None:
    """Return the spelling of a standard object that the sandbox does not play; None for another name."""
    return _OBJECTS_BY_LOWER_NAME.get(name.lower())
