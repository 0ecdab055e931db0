"""The property definitions of an account's records.

The lists are the parts of HubSpot's default schema that matter to a reader of companies, contacts and
deals; a property that only a dataset's records have is added as text.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from crm_sandbox.datasets.hubspot_values import industries

EPOCH = "1970-01-01T00:00:00Z"

# one line for each type: "type/fieldType name name …"
_PROPERTIES = {
    "companies": (
        (
            "string/text name domain website city state zip address country linkedin_company_page linkedinbio "
            "hs_country_code hs_state_code hs_industry_group hs_employee_range hs_revenue_range hs_linkedin_handle "
            "founded_year timezone total_money_raised hs_logo_url hs_annual_revenue_currency_code"
        ),
        "string/textarea description",
        "string/phonenumber phone",
        "number/number numberofemployees annualrevenue hs_object_id hs_parent_company_id",
        "enumeration/select industry type lifecyclestage hs_lead_status hubspot_owner_id",
        "enumeration/checkbox hs_additional_domains hs_merged_object_ids",
        "bool/booleancheckbox hs_is_enriched is_public",
        "datetime/date createdate hs_lastmodifieddate",
    ),
    "contacts": (
        (
            "string/text email firstname lastname jobtitle company country state city zip address website "
            "annualrevenue hs_email_domain hs_country_region_code hs_state_code"
        ),
        "string/phonenumber phone mobilephone",
        "number/number associatedcompanyid hs_object_id",
        "enumeration/select lifecyclestage hs_lead_status hubspot_owner_id hs_role hs_seniority hs_sub_role",
        "enumeration/checkbox hs_additional_emails hs_merged_object_ids hs_calculated_merged_vids",
        "datetime/date createdate lastmodifieddate hs_lastmodifieddate closedate",
    ),
    "deals": (
        "string/text dealname",
        "string/textarea description",
        (
            "number/number amount amount_in_home_currency hs_deal_stage_probability hs_forecast_amount hs_exchange_rate hs_mrr "
            "hs_object_id num_associated_contacts"
        ),
        "enumeration/select deal_currency_code dealstage pipeline hubspot_owner_id hs_manual_forecast_category",
        "enumeration/radio dealtype",
        "enumeration/checkbox hs_merged_object_ids",
        "bool/booleancheckbox hs_is_closed hs_is_closed_won hs_is_closed_lost",
        "datetime/date createdate hs_lastmodifieddate closedate",
    ),
}
_READ_ONLY = frozenset(
    {"createdate", "hs_lastmodifieddate", "lastmodifieddate", "hs_object_id", "hs_merged_object_ids"}
)
_OPTIONS = {
    "type": ("PROSPECT", "PARTNER", "RESELLER", "VENDOR", "OTHER"),
    "lifecyclestage": (
        "subscriber", "lead", "marketingqualifiedlead", "salesqualifiedlead",
        "opportunity", "customer", "evangelist", "other",
    ),
    "hs_lead_status": (
        "NEW", "OPEN", "IN_PROGRESS", "OPEN_DEAL",
        "UNQUALIFIED", "ATTEMPTED_TO_CONTACT", "CONNECTED", "BAD_TIMING",
    ),
    "dealtype": ("newbusiness", "existingbusiness"),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    name: str
    type: str
    field_type: str
    hubspot_defined: bool = True

    def document(self) -> dict[str, object]:
        """Show the definition as the properties endpoint shows it."""
        read_only = self.name in _READ_ONLY
        return {
            "name": self.name,
            "label": self.name.replace("_", " ").title(),
            "type": self.type,
            "fieldType": self.field_type,
            "groupName": "information",
            "description": "",
            "options": _options(self.name),
            "displayOrder": -1,
            "calculated": False,
            "externalOptions": self.name in {"lifecyclestage", "hubspot_owner_id"},
            "hasUniqueValue": self.name in {"email", "hs_object_id"},
            "hidden": False,
            "hubspotDefined": self.hubspot_defined,
            "archived": False,
            "modificationMetadata": {
                "archivable": not self.hubspot_defined,
                "readOnlyDefinition": self.hubspot_defined,
                "readOnlyValue": read_only,
            },
            "formField": not read_only,
            "dataSensitivity": "non_sensitive",
            "createdAt": EPOCH,
            "updatedAt": EPOCH,
        } | ({"referencedObjectType": "OWNER"} if self.name == "hubspot_owner_id" else {})


@cache
def standard_properties(object_type: str) -> Mapping[str, Property]:
    """HubSpot's own definitions for `companies`, `contacts` or `deals`, by name."""
    found: dict[str, Property] = {}
    for line in _PROPERTIES[object_type]:
        kinds, *names = line.split()
        kind, _, field_type = kinds.partition("/")
        found |= {name: Property(name=name, type=kind, field_type=field_type) for name in names}
    return found


def custom_property(name: str) -> Property:
    return Property(name=name, type="string", field_type="text", hubspot_defined=False)


def _options(name: str) -> list[dict[str, object]]:
    values = _OPTIONS.get(name, ())
    choices = (
        industries() if name == "industry" else [(value, value.replace("_", " ").title()) for value in values]
    )
    return [
        {"label": label, "value": value, "displayOrder": order, "hidden": False, "description": ""}
        for order, (value, label) in enumerate(choices)
    ]
