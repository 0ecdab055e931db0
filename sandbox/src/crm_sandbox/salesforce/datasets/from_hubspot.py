"""Convert a dataset of HubSpot records to the records of a Salesforce org.

Every record and association that Salesforce can hold is kept, and ids keep their order. Left out are: text in number
fields, a contact's second company, and associations of live records to deleted ones. Free text is unchanged, however
dirty. In an org with person accounts a contact without a company becomes one: an Account beside the Contact.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache

from crm_sandbox.datasets import Association, Dataset, DatasetRecord
from crm_sandbox.datasets.hubspot_values import industries
from crm_sandbox.salesforce.org.ids import record_id
from crm_sandbox.salesforce.sobjects.schema import MAX_INTEGER, standard_fields

SALESFORCE_OBJECTS = {"owners": "User", "companies": "Account", "contacts": "Contact", "deals": "Opportunity"}
LINKEDIN_FIELD = "LinkedIn_Page__c"
_OPPORTUNITY_STAGES = {
    "appointmentscheduled": "Prospecting",
    "qualifiedtobuy": "Qualification",
    "presentationscheduled": "Needs Analysis",
    "decisionmakerboughtin": "Id. Decision Makers",
    "contractsent": "Negotiation/Review",
    "closedwon": "Closed Won",
    "closedlost": "Closed Lost",
}
_OPPORTUNITY_TYPES = {"newbusiness": "New Business", "existingbusiness": "Existing Business"}
_INDUSTRIES = {
    "APPAREL_FASHION": "Apparel", "BANKING": "Banking", "BIOTECHNOLOGY": "Biotechnology", "CHEMICALS": "Chemicals",
    "CONSTRUCTION": "Construction", "MANAGEMENT_CONSULTING": "Consulting", "EDUCATION_MANAGEMENT": "Education",
    "HIGHER_EDUCATION": "Education", "OIL_ENERGY": "Energy", "RENEWABLES_ENVIRONMENT": "Environmental",
    "ENTERTAINMENT": "Entertainment", "ENVIRONMENTAL_SERVICES": "Environmental", "FINANCIAL_SERVICES": "Finance",
    "FOOD_BEVERAGES": "Food & Beverage", "FOOD_PRODUCTION": "Food & Beverage", "HOSPITAL_HEALTH_CARE": "Healthcare",
    "GOVERNMENT_ADMINISTRATION": "Government", "HOSPITALITY": "Hospitality", "INSURANCE": "Insurance",
    "MACHINERY": "Machinery", "NON_PROFIT_ORGANIZATION_MANAGEMENT": "Not For Profit", "RETAIL": "Retail",
    "RECREATIONAL_FACILITIES_AND_SERVICES": "Recreation", "MARITIME": "Shipping", "COMPUTER_SOFTWARE": "Technology",
    "INFORMATION_TECHNOLOGY_AND_SERVICES": "Technology", "TELECOMMUNICATIONS": "Telecommunications",
    "TRANSPORTATION_TRUCKING_RAILROAD": "Transportation", "UTILITIES": "Utilities", "BROADCAST_MEDIA": "Media",
}  # fmt: skip
"""HubSpot's industries that Salesforce has too; the others keep HubSpot's label, as an org may add values."""
_INTEGER = re.compile(r"\d{1,3}(?:,\d{3})+|\d+")
_DECIMAL = re.compile(r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?")
_MAX_AMOUNT = 10.0**16
_FIRST_PERSON_ACCOUNT = 10**18

Properties = Mapping[str, str | None]
Fields = dict[str, str | None]


def convert_from_hubspot(dataset: Dataset, *, person_accounts: bool = False) -> Iterator[DatasetRecord]:
    """Convert every record of a HubSpot dataset, owners first."""
    converter = _Converter(dataset, person_accounts=person_accounts)
    for name in SALESFORCE_OBJECTS:
        records = [record for record in dataset.records if record.object == name]
        if name == "contacts":
            yield from map(converter.build_account, filter(converter.is_person_account, records))
        yield from map(converter.convert, records)


class _Converter:
    def __init__(self, dataset: Dataset, *, person_accounts: bool) -> None:
        self._person_accounts = person_accounts
        self._archived = {(record.object, record.id): record.archived for record in dataset.records}
        self._reverse_associations = _reverse_associations(dataset)
        self._fields: dict[str, Callable[[DatasetRecord], Fields]] = {
            "owners": self._user_fields,
            "companies": self._account_fields,
            "contacts": self._contact_fields,
            "deals": self._opportunity_fields,
        }

    def convert(self, record: DatasetRecord) -> DatasetRecord:
        name = SALESFORCE_OBJECTS[record.object]
        return DatasetRecord(
            object=name,
            id=_convert_id(record.object, record.id),
            properties={
                field: _truncate(name, field, value)
                for field, value in self._fields[record.object](record).items()
            },
            created_at=record.created_at,
            updated_at=record.updated_at,
            archived=record.archived,
            associations=self._contact_roles(record) if record.object == "deals" else {},
        )

    def is_person_account(self, contact: DatasetRecord) -> bool:
        """Return whether a contact becomes a person account: it has no company, and the org has the feature."""
        return self._person_accounts and self._account_id(contact) is None

    def build_account(self, contact: DatasetRecord) -> DatasetRecord:
        """Build the Account of a person account."""
        return DatasetRecord(
            object="Account",
            id=_person_account_id(contact),
            properties={
                "IsPersonAccount": "true",
                "Phone": _truncate("Account", "Phone", contact.properties.get("phone")),
                "OwnerId": self._owner_id(contact.properties),
            },
            created_at=contact.created_at,
            updated_at=contact.updated_at,
            archived=contact.archived,
        )

    def _user_fields(self, owner: DatasetRecord) -> Fields:
        properties = owner.properties
        return {
            "Username": properties.get("email") or f"user-{owner.id}@sandbox.example.com",
            "Email": properties.get("email"),
            "FirstName": properties.get("firstName"),
            "LastName": properties.get("lastName") or "User",
        }

    def _account_fields(self, company: DatasetRecord) -> Fields:
        properties = company.properties
        return {
            "Name": properties.get("name"),
            "Website": properties.get("domain"),
            "NumberOfEmployees": _parse_integer(properties.get("numberofemployees")),
            "AnnualRevenue": _parse_decimal(properties.get("annualrevenue")),
            "Industry": _convert_industry(properties.get("industry")),
            "BillingCountry": properties.get("country"),
            "BillingState": properties.get("state"),
            "BillingCity": properties.get("city"),
            "Description": properties.get("description"),
            "Phone": properties.get("phone"),
            "Type": _convert_lifecycle_stage(properties.get("lifecyclestage")),
            "OwnerId": self._owner_id(properties),
            LINKEDIN_FIELD: properties.get("linkedin_company_page"),
        }

    def _contact_fields(self, contact: DatasetRecord) -> Fields:
        properties = contact.properties
        person_account_id = _person_account_id(contact) if self.is_person_account(contact) else None
        return {
            "FirstName": properties.get("firstname"),
            "LastName": properties.get("lastname"),
            "Email": properties.get("email"),
            "Title": properties.get("jobtitle"),
            "Phone": properties.get("phone"),
            "AccountId": person_account_id or self._account_id(contact),
            "OwnerId": self._owner_id(properties),
        }

    def _opportunity_fields(self, deal: DatasetRecord) -> Fields:
        properties = deal.properties
        stage = properties.get("dealstage") or "appointmentscheduled"
        return {
            "Name": properties.get("dealname"),
            "Amount": _parse_decimal(properties.get("amount")),
            "StageName": _OPPORTUNITY_STAGES.get(stage, f"Stage {stage}"),
            "CloseDate": (properties.get("closedate") or "")[:10],
            "Type": _OPPORTUNITY_TYPES.get(properties.get("dealtype") or ""),
            "CurrencyIsoCode": properties.get("deal_currency_code"),
            "AccountId": self._account_id(deal),
            "OwnerId": self._owner_id(properties),
        }

    def _account_id(self, record: DatasetRecord) -> str | None:
        """Return the account of the primary company, else of the first one."""
        companies = self._list_associations(record, "companies")
        chosen = next((one for one in companies if one.primary), companies[0] if companies else None)
        return None if chosen is None else _convert_id("companies", chosen.id)

    def _contact_roles(self, deal: DatasetRecord) -> dict[str, list[Association]]:
        roles = [
            Association(id=_convert_id("contacts", contact.id), primary=index == 0)
            for index, contact in enumerate(self._list_associations(deal, "contacts"))
        ]
        return {"Contact": roles} if roles else {}

    def _list_associations(self, record: DatasetRecord, target: str) -> list[Association]:
        """List associations of either direction; those to deleted records only for a deleted record."""
        associations = [
            *record.associations.get(target, ()),
            *self._reverse_associations.get((record.object, record.id, target), ()),
        ]
        known = {one.id: one for one in associations if (target, one.id) in self._archived}
        return [one for one in known.values() if record.archived or not self._archived[target, one.id]]

    def _owner_id(self, properties: Properties) -> str | None:
        owner = properties.get("hubspot_owner_id") or ""
        return _convert_id("owners", owner) if ("owners", owner) in self._archived else None


def _reverse_associations(dataset: Dataset) -> dict[tuple[str, str, str], list[Association]]:
    """Return the associations that the other record has, by object and id of this one and object of the other."""
    found: dict[tuple[str, str, str], list[Association]] = {}
    for record in dataset.records:
        for target, associations in record.associations.items():
            for one in associations:
                reverse = Association(id=record.id, primary=one.primary)
                found.setdefault((target, one.id, record.object), []).append(reverse)
    return found


def _convert_id(hubspot_object: str, hubspot_id: str) -> str:
    """Return the Salesforce id of a HubSpot id; the first User is the org's administrator."""
    return record_id(SALESFORCE_OBJECTS[hubspot_object], int(hubspot_id) + 1)


def _person_account_id(contact: DatasetRecord) -> str:
    """Return an Account id greater than those of companies, as a contact and a company may have the same number."""
    return record_id("Account", _FIRST_PERSON_ACCOUNT + int(contact.id))


def _truncate(object_name: str, field_name: str, value: str | None) -> str | None:
    """Cut text to its field's length; a field that is not standard is a custom one of 255 characters."""
    field = standard_fields(object_name).get(field_name)
    if value is None or (field is not None and not field.is_text):
        return value
    return value[: 255 if field is None else field.length]


def _parse_integer(text: str | None) -> str | None:
    if text is None or not _INTEGER.fullmatch(text.strip()):
        return None
    number = int(text.replace(",", ""))
    return str(number) if number <= MAX_INTEGER else None


def _parse_decimal(text: str | None) -> str | None:
    if text is None or not _DECIMAL.fullmatch(text.strip()):
        return None
    number = float(text.replace(",", ""))
    return str(number) if number < _MAX_AMOUNT else None


def _convert_industry(industry: str | None) -> str | None:
    return industry and (_INDUSTRIES.get(industry) or _industry_labels().get(industry, industry))


@cache
def _industry_labels() -> dict[str, str]:
    return dict(industries())


def _convert_lifecycle_stage(lifecycle_stage: str | None) -> str | None:
    if lifecycle_stage is None:
        return None
    return "Customer - Direct" if lifecycle_stage == "customer" else "Prospect"
