"""A HubSpot dataset as a Salesforce org would hold it.

Every record and every link that Salesforce has a place for is kept, and ids keep their order. What Salesforce
cannot hold is left out: text in a number's field, a second company of a contact, a live record's link to one in
the recycle bin. Values of open text stay as they are, dirt and all. In an org with person accounts, a contact of no company
is a person: an Account beside the Contact.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache

from crm_sandbox.datasets import Association, Dataset, DatasetRecord
from crm_sandbox.datasets.hubspot_values import industries
from crm_sandbox.salesforce.ids import record_id
from crm_sandbox.salesforce.schema import MOST_INTEGER, standard_fields

OBJECTS = {"owners": "User", "companies": "Account", "contacts": "Contact", "deals": "Opportunity"}
LINKEDIN_FIELD = "LinkedIn_Page__c"
_STAGES = {
    "appointmentscheduled": "Prospecting",
    "qualifiedtobuy": "Qualification",
    "presentationscheduled": "Needs Analysis",
    "decisionmakerboughtin": "Id. Decision Makers",
    "contractsent": "Negotiation/Review",
    "closedwon": "Closed Won",
    "closedlost": "Closed Lost",
}
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
"""Where HubSpot's industry is one of Salesforce's; the others keep HubSpot's label, as an org may add values."""
_WHOLE = re.compile(r"\d{1,3}(?:,\d{3})+|\d+")
_DECIMAL = re.compile(r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?")
_MOST_AMOUNT = 10.0**16
_FIRST_PERSON = 10**18

Properties = Mapping[str, str | None]
Presented = dict[str, str | None]


def as_salesforce(dataset: Dataset, *, with_persons: bool = False) -> Iterator[DatasetRecord]:
    """Present every record of a HubSpot dataset, owners first."""
    presenter = _Presenter(dataset)
    for name in OBJECTS:
        told = [record for record in dataset.records if record.object == name]
        if name == "contacts" and with_persons:
            yield from (presenter.person(record) for record in told if presenter.is_person(record))
        yield from (presenter.present(record, with_persons=with_persons) for record in told)


class _Presenter:
    def __init__(self, dataset: Dataset) -> None:
        self._archived = {(record.object, record.id): record.archived for record in dataset.records}
        self._told_elsewhere = _reversed_links(dataset)
        self._properties: dict[str, Callable[[DatasetRecord], Presented]] = {
            "owners": self._user,
            "companies": self._account,
            "contacts": self._contact,
            "deals": self._opportunity,
        }

    def present(self, record: DatasetRecord, *, with_persons: bool = False) -> DatasetRecord:
        told = self._properties[record.object](record)
        name = OBJECTS[record.object]
        if with_persons and record.object == "contacts" and self.is_person(record):
            told["AccountId"] = _persons_account(record)
        return DatasetRecord(
            object=name,
            id=_id(record.object, record.id),
            properties={field: _shortened(name, field, value) for field, value in told.items()},
            created_at=record.created_at,
            updated_at=record.updated_at,
            archived=record.archived,
            associations=self._roles(record) if record.object == "deals" else {},
        )

    def is_person(self, record: DatasetRecord) -> bool:
        """Return whether a contact is a customer of its own where there are such."""
        return self._company(record) is None

    def person(self, record: DatasetRecord) -> DatasetRecord:
        """Present the account of a contact that is a person."""
        return DatasetRecord(
            object="Account",
            id=_persons_account(record),
            properties={
                "IsPersonAccount": "true",
                "Phone": _shortened("Account", "Phone", record.properties.get("phone")),
                "OwnerId": self._owner(record.properties),
            },
            created_at=record.created_at,
            updated_at=record.updated_at,
            archived=record.archived,
        )

    def _user(self, record: DatasetRecord) -> Presented:
        told = record.properties
        return {
            "Username": told.get("email") or f"user-{record.id}@sandbox.example.com",
            "Email": told.get("email"),
            "FirstName": told.get("firstName"),
            "LastName": told.get("lastName") or "User",
        }

    def _account(self, record: DatasetRecord) -> Presented:
        told = record.properties
        return {
            "Name": told.get("name"),
            "Website": told.get("domain"),
            "NumberOfEmployees": _whole(told.get("numberofemployees")),
            "AnnualRevenue": _decimal(told.get("annualrevenue")),
            "Industry": _industry(told.get("industry")),
            "BillingCountry": told.get("country"),
            "BillingState": told.get("state"),
            "BillingCity": told.get("city"),
            "Description": told.get("description"),
            "Phone": told.get("phone"),
            "Type": _type(told.get("lifecyclestage")),
            "OwnerId": self._owner(told),
            LINKEDIN_FIELD: told.get("linkedin_company_page"),
        }

    def _contact(self, record: DatasetRecord) -> Presented:
        told = record.properties
        return {
            "FirstName": told.get("firstname"),
            "LastName": told.get("lastname"),
            "Email": told.get("email"),
            "Title": told.get("jobtitle"),
            "Phone": told.get("phone"),
            "AccountId": self._company(record),
            "OwnerId": self._owner(told),
        }

    def _opportunity(self, record: DatasetRecord) -> Presented:
        told = record.properties
        return {
            "Name": told.get("dealname"),
            "Amount": _decimal(told.get("amount")),
            "StageName": _stage(told),
            "CloseDate": (told.get("closedate") or "")[:10],
            "Type": {"newbusiness": "New Business", "existingbusiness": "Existing Business"}.get(
                told.get("dealtype") or ""
            ),
            "CurrencyIsoCode": told.get("deal_currency_code"),
            "AccountId": self._company(record),
            "OwnerId": self._owner(told),
        }

    def _company(self, record: DatasetRecord) -> str | None:
        """Return the account of the primary company, else of the first one."""
        linked = self._linked(record, "companies")
        chosen = next((one for one in linked if one.primary), linked[0] if linked else None)
        return None if chosen is None else _id("companies", chosen.id)

    def _roles(self, record: DatasetRecord) -> dict[str, list[Association]]:
        people = self._linked(record, "contacts")
        roles = [
            Association(id=_id("contacts", one.id), primary=place == 0) for place, one in enumerate(people)
        ]
        return {"Contact": roles} if roles else {}

    def _linked(self, record: DatasetRecord, target: str) -> list[Association]:
        """Return what a record is linked to, told on either side; only a binned record may point into the bin."""
        told = [
            *record.associations.get(target, ()),
            *self._told_elsewhere.get((record.object, record.id, target), ()),
        ]
        known = {one.id: one for one in told if (target, one.id) in self._archived}
        return [one for one in known.values() if record.archived or not self._archived[target, one.id]]

    def _owner(self, told: Properties) -> str | None:
        owner = told.get("hubspot_owner_id") or ""
        return _id("owners", owner) if ("owners", owner) in self._archived else None


def _reversed_links(dataset: Dataset) -> dict[tuple[str, str, str], list[Association]]:
    """Return the links of contacts and deals that are told on the other record, by type, id and the other's type."""
    found: dict[tuple[str, str, str], list[Association]] = {}
    for record in dataset.records:
        for target, associations in record.associations.items():
            for one in associations:
                link = Association(id=record.id, primary=one.primary)
                found.setdefault((target, one.id, record.object), []).append(link)
    return found


def _id(hubspot_object: str, hubspot_id: str) -> str:
    """Return the id that stands for HubSpot's; the first is the sandbox's own administrator."""
    return record_id(OBJECTS[hubspot_object], int(hubspot_id) + 1)


def _persons_account(record: DatasetRecord) -> str:
    """Return an id behind those of companies: a contact may have the number of one of them."""
    return record_id("Account", _FIRST_PERSON + int(record.id))


def _shortened(object_name: str, field: str, value: str | None) -> str | None:
    known = standard_fields(object_name).get(field)
    most = known.length if known is not None and known.is_text else 255
    return value[:most] if value is not None and (known is None or known.is_text) else value


def _whole(told: str | None) -> str | None:
    if told is None or not _WHOLE.fullmatch(told.strip()):
        return None
    number = int(told.replace(",", ""))
    return str(number) if number <= MOST_INTEGER else None


def _decimal(told: str | None) -> str | None:
    if told is None or not _DECIMAL.fullmatch(told.strip()):
        return None
    number = float(told.replace(",", ""))
    return str(number) if number < _MOST_AMOUNT else None


def _industry(told: str | None) -> str | None:
    return told and (_INDUSTRIES.get(told) or _industry_labels().get(told, told))


@cache
def _industry_labels() -> dict[str, str]:
    return dict(industries())


def _type(lifecycle_stage: str | None) -> str | None:
    if lifecycle_stage is None:
        return None
    return "Customer - Direct" if lifecycle_stage == "customer" else "Prospect"


def _stage(told: Properties) -> str:
    stage = told.get("dealstage") or "appointmentscheduled"
    return _STAGES.get(stage, f"Stage {stage}")
