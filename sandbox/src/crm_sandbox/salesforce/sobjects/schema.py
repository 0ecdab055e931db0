"""The standard objects that the sandbox simulates, and their fields.

The lists are the part of Salesforce's standard schema that clients of accounts, contacts and opportunities read
(Object Reference, October 2026). A field with a feature exists only in orgs that have the feature.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from crm_sandbox.clock import parse_milliseconds
from crm_sandbox.salesforce.org.ids import PREFIXES, full_id

Value = str | int | float | bool | None
"""Datetimes are whole seconds since the epoch, as Salesforce stores them; dates are YYYY-MM-DD."""
Feature = Literal["state_country_picklists", "multi_currency", "dun_and_bradstreet", "person_accounts"]
MAX_INTEGER = 99_999_999
MAX_FILTERABLE_TEXTAREA_LENGTH = 255

_TIMESTAMPS = "datetime CreatedDate LastModifiedDate SystemModstamp"
_RECORD = ("id Id", "boolean IsDeleted", _TIMESTAMPS)
_CURRENCY = "@multi_currency picklist:3 CurrencyIsoCode"
# one line for each type: "[@feature] type[:length][>object] name name …"
_FIELDS = {
    "Account": (
        *_RECORD,
        "reference>Account MasterRecordId ParentId",
        "reference>User OwnerId",
        "string:255 Name",
        "url:255 Website",
        "phone:40 Phone Fax",
        "textarea:32000 Description",
        "int NumberOfEmployees",
        "currency AnnualRevenue",
        "picklist:255 Industry Type Ownership Rating AccountSource",
        "string:20 Sic TickerSymbol BillingPostalCode ShippingPostalCode",
        "string:80 SicDesc Site BillingState BillingCountry ShippingState ShippingCountry",
        "string:40 AccountNumber BillingCity ShippingCity",
        "textarea:255 BillingStreet ShippingStreet",
        "address BillingAddress ShippingAddress",
        "date LastActivityDate",
        "@state_country_picklists picklist:10 BillingCountryCode BillingStateCode ShippingCountryCode ShippingStateCode",
        "@dun_and_bradstreet string:8 NaicsCode",
        "@dun_and_bradstreet string:9 DunsNumber",
        "@dun_and_bradstreet string:120 NaicsDesc",
        "@dun_and_bradstreet string:255 Tradestyle",
        "@dun_and_bradstreet string:4 YearStarted",
        "@person_accounts boolean IsPersonAccount",
        "@person_accounts reference>Contact PersonContactId",
        "@person_accounts string:40 FirstName",
        "@person_accounts string:80 LastName",
        "@person_accounts email:80 PersonEmail",
        "@person_accounts phone:40 PersonMobilePhone",
        "@person_accounts string:128 PersonTitle",
        _CURRENCY,
    ),
    "Contact": (
        *_RECORD,
        "reference>Account AccountId",
        "reference>Contact MasterRecordId ReportsToId",
        "reference>User OwnerId",
        "string:121 Name",
        "string:40 FirstName MailingCity",
        "string:80 LastName Department MailingState MailingCountry",
        "string:128 Title",
        "string:20 MailingPostalCode",
        "textarea:255 MailingStreet",
        "address MailingAddress",
        "email:80 Email",
        "phone:40 Phone MobilePhone",
        "picklist:255 LeadSource",
        "textarea:32000 Description",
        "datetime EmailBouncedDate",
        "@state_country_picklists picklist:10 MailingCountryCode MailingStateCode",
        "@person_accounts boolean IsPersonAccount",
        _CURRENCY,
    ),
    "Opportunity": (
        *_RECORD,
        "reference>Account AccountId",
        "reference>User OwnerId",
        "string:120 Name",
        "textarea:32000 Description",
        "currency Amount",
        "picklist:255 StageName Type LeadSource ForecastCategoryName",
        "date CloseDate",
        "percent Probability",
        "boolean IsClosed IsWon",
        _CURRENCY,
    ),
    "OpportunityContactRole": (
        *_RECORD,
        "reference>Opportunity OpportunityId",
        "reference>Contact ContactId",
        "picklist:255 Role",
        "boolean IsPrimary",
        _CURRENCY,
    ),
    "User": (
        "id Id",
        _TIMESTAMPS,
        "string:80 Username LastName",
        "string:40 FirstName",
        "string:121 Name",
        "email:128 Email",
        "boolean IsActive",
        "picklist:40 UserType",
        "reference>Profile ProfileId",
        "reference>UserRole UserRoleId",
        "@multi_currency picklist:3 DefaultCurrencyIsoCode",
    ),
    "OpportunityStage": (
        "id Id",
        _TIMESTAMPS,
        "string:255 MasterLabel ApiName Description",
        "boolean IsActive IsClosed IsWon",
        "int SortOrder",
        "picklist:40 ForecastCategory ForecastCategoryName",
        "percent DefaultProbability",
    ),
    "Organization": (
        "id Id",
        _TIMESTAMPS,
        "string:80 Name Country State",
        "picklist:40 TimeZoneSidKey DefaultLocaleSidKey LanguageLocaleKey OrganizationType",
        "string:5 InstanceName",
        "string:15 NamespacePrefix",
        "datetime TrialExpirationDate",
        "boolean IsSandbox",
    ),
    "CurrencyType": (
        "id Id",
        _TIMESTAMPS,
        "picklist:3 IsoCode",
        "double ConversionRate",
        "int DecimalPlaces",
        "boolean IsActive IsCorporate",
    ),
}
OBJECT_FEATURES: Mapping[str, Feature] = {"CurrencyType": "multi_currency"}
_REQUIRED = {"Id", "IsDeleted", "Name", "LastName", "OwnerId", "StageName", "CloseDate", "CreatedDate"}
_REQUIRED |= {"LastModifiedDate", "SystemModstamp", "IsClosed", "IsWon", "Username", "IsActive", "IsoCode"}
_TEXT_TYPES = frozenset({"string", "url", "phone", "email", "picklist", "textarea"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    name: str
    type: str
    length: int = 0
    reference_to: str | None = None
    feature: Feature | None = None
    custom: bool = False

    @property
    def is_text(self) -> bool:
        return self.type in _TEXT_TYPES

    @property
    def is_id(self) -> bool:
        return self.type in {"id", "reference"}

    @property
    def filterable(self) -> bool:
        return self.type != "address" and not (
            self.type == "textarea" and self.length > MAX_FILTERABLE_TEXTAREA_LENGTH
        )

    @property
    def nillable(self) -> bool:
        return self.name not in _REQUIRED

    def parse(self, value: Value) -> Value:
        """Return the value as the org stores it; ValueError when the field cannot hold it. Empty text is null."""
        if value is None or value == "":
            return None
        try:
            if self.is_text:
                return self._parse_text(str(value))
            return _PARSERS["id" if self.is_id else self.type](str(value))
        except ValueError as error:
            raise ValueError(f"{self.name} ({self.type}) cannot be {value!r}: {error}.") from None

    def _parse_text(self, text: str) -> str:
        if len(text) > self.length:
            raise ValueError(f"it is longer than {self.length} characters")
        if text.isascii():
            return text.replace("\0", "")
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "")


def _parse_id(text: str) -> Value:
    found = full_id(text)
    if found is None:
        raise ValueError("it is no id of 15 or 18 characters")
    return found


def _parse_integer(text: str) -> Value:
    number = float(text)
    if not number.is_integer() or abs(number) > MAX_INTEGER:
        raise ValueError("it is no whole number of up to 8 digits")
    return int(number)


def _parse_boolean(text: str) -> Value:
    if text.lower() not in {"true", "false"}:
        raise ValueError("say true or false")
    return text.lower() == "true"


def _reject_compound(_text: str) -> Value:
    raise ValueError("set its parts")


_PARSERS: Mapping[str, Callable[[str], Value]] = {
    "id": _parse_id,
    "int": _parse_integer,
    "boolean": _parse_boolean,
    "date": lambda text: dt.date.fromisoformat(text).isoformat(),
    "datetime": lambda text: parse_milliseconds(text) // 1000,
    "double": float,
    "currency": float,
    "percent": float,
    "address": _reject_compound,
}


@cache
def standard_fields(object_name: str) -> Mapping[str, Field]:
    """Return every standard field of an object by its name, those of features included; KeyError without such an object."""
    return {field.name: field for line in _FIELDS[object_name] for field in _parse_line(line)}


def _parse_line(line: str) -> Iterator[Field]:
    words = line.split()
    feature = words.pop(0)[1:] if line.startswith("@") else None
    kind, *names = words
    kind, _, target = kind.partition(">")
    kind, _, length = kind.partition(":")
    for name in names:
        yield Field(
            name=name,
            type=kind,
            length=int(length or 0) or (18 if kind in {"id", "reference"} else 0),
            reference_to=target or None,
            feature=feature,  # type: ignore[arg-type] # the lines above name features alone
        )


def custom_field(name: str) -> Field:
    return Field(name=name, type="string", length=255, custom=True)


OBJECT_NAMES = tuple(PREFIXES)
_BY_LOWER_NAME = {name.lower(): name for name in OBJECT_NAMES}


def find_object_name(name: str) -> str | None:
    """Return an object's own spelling, as Salesforce ignores case; None when there is no such object."""
    return _BY_LOWER_NAME.get(name.lower())
