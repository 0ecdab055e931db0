"""Query parameters: their limits, and their descriptions in OpenAPI."""

from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

from litestar.openapi.spec import Example
from litestar.params import PathParameter, QueryParameter

from astrelo.application import messages
from astrelo.application.read import feed, readers
from astrelo.domain import errors
from astrelo.domain.contact import UnlinkedReason
from astrelo.domain.identifiers import MAX_RECORD_ID_LENGTH, Provider
from astrelo.domain.normalization import web_domain
from astrelo.domain.ports.reference import ReferenceData

DEFAULT_LIMIT = 25
MAX_LIMIT = 100
_MAX_TEXT = 200

END_OF_TEXT = r"$(?!\n)"
"""Python's $ also matches before a last line break, that of OpenAPI (ECMA 262) and of RE2 does not: with this none does."""
NAICS_PATTERN = rf"^([0-9]{{2,6}}|31-33|44-45|48-49){END_OF_TEXT}"
COUNTRY_PATTERN = rf"^[A-Z]{{2}}{END_OF_TEXT}"
_REGION_PATTERN = rf"^[A-Z]{{2}}-[A-Z0-9]{{1,3}}{END_OF_TEXT}"


ProviderPath = Annotated[Provider, PathParameter(description="The CRM.")]
CompanyPath = Annotated[UUID, PathParameter(description="The company's `id`.")]
ContactPath = Annotated[UUID, PathParameter(description="The contact's `id`.")]
DealPath = Annotated[UUID, PathParameter(description="The deal's `id`.")]
OwnerPath = Annotated[UUID, PathParameter(description="The owner's `id`.")]
RunPath = Annotated[UUID, PathParameter(description="The run's `id`.")]
RecordTypePath = Annotated[feed.RecordType, PathParameter(description="Which records.")]
WebhookEndpointPath = Annotated[UUID, PathParameter(description="The endpoint's `id`.")]
WebhookDeliveryPath = Annotated[
    UUID, PathParameter(description="The delivery's `id`, which is the header `webhook-id` of its attempts.")
]

Limit = Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT, description="How many entries a page has.")]
PageCursor = Annotated[
    str | None,
    QueryParameter(
        max_length=300, description="`next_cursor` of the page before, of the same list and filters."
    ),
]
Industry = Annotated[
    str | None,
    QueryParameter(
        min_length=1,
        max_length=_MAX_TEXT,
        description="The industry, as the CRM names it.",
        examples=[Example(value="COMPUTER_SOFTWARE")],
    ),
]
Pipeline = Annotated[
    str | None,
    QueryParameter(min_length=1, max_length=_MAX_TEXT, description="The pipeline's id or label."),
]
Stage = Annotated[
    str | None, QueryParameter(min_length=1, max_length=_MAX_TEXT, description="The stage's id or label.")
]
Site = Annotated[
    str | None,
    QueryParameter(
        min_length=1,
        max_length=_MAX_TEXT,
        description="A web domain, or a site's address as people type it.",
        examples=[Example(value="acme.com")],
    ),
]
NamePrefix = Annotated[
    str | None,
    QueryParameter(
        min_length=1,
        max_length=_MAX_TEXT,
        description="How the name begins, in any case.",
        examples=[Example(value="acme")],
    ),
]
EmailPrefix = Annotated[
    str | None,
    QueryParameter(
        min_length=1,
        max_length=_MAX_TEXT,
        description="How the address begins, in any case.",
        examples=[Example(value="ada@")],
    ),
]
Naics = Annotated[
    str | None,
    QueryParameter(
        pattern=NAICS_PATTERN,
        description="How the NAICS 2022 code begins, or a range of sectors such as 44-45.",
        examples=[Example(value="5132")],
    ),
]
Country = Annotated[
    str | None,
    QueryParameter(
        pattern=COUNTRY_PATTERN,
        description="ISO 3166-1 alpha-2.",
        examples=[Example(value="US")],
    ),
]
Region = Annotated[
    str | None,
    QueryParameter(
        pattern=_REGION_PATTERN,
        description="ISO 3166-2.",
        examples=[Example(value="US-CA")],
    ),
]
RevenueRange = Literal["<1M", "1M-10M", "10M-50M", "50M-250M", "250M-1B", ">1B"]
"""In USD; lower bounds are inclusive."""
Revenue = Annotated[
    RevenueRange | None,
    QueryParameter(description="The yearly revenue in US dollars; lower bounds are inclusive."),
]

Source = Annotated[Provider | None, QueryParameter(description="Only what this CRM has a record of.")]
OfCompany = Annotated[UUID | None, QueryParameter(description="Only what belongs to this company.")]
Linked = Annotated[
    bool | None, QueryParameter(description="Only those that belong to a company, or only those that do not.")
]
Unlinked = Annotated[
    UnlinkedReason | None, QueryParameter(description="Only those that belong to no company for this reason.")
]
IsClosed = Annotated[
    bool | None, QueryParameter(description="Only those that are won or lost, or only those that are open.")
]
IsWon = Annotated[
    bool | None, QueryParameter(description="Only those that are won, or only those that are not.")
]
Employees = Annotated[
    int | None,
    QueryParameter(
        ge=0,
        le=2**31 - 1,
        description="A bound of the head-count, which belongs to the range.",
        schema_extra={"minimum": 0},  # the framework leaves out a bound of zero
    ),
]
FitsIcp = Annotated[
    bool | None,
    QueryParameter(
        description="Whether the company meets every criterion of the stored ICP profile; what is unknown meets none."
    ),
]
Rep = Annotated[
    UUID | None, QueryParameter(description="The owner to whom the CRM assigns the record, by id.")
]
ExternalId = Annotated[
    str | None,
    QueryParameter(
        min_length=1, max_length=MAX_RECORD_ID_LENGTH, description="The record's id at its CRM, whole."
    ),
]
Contact = Annotated[
    UUID | None, QueryParameter(description="Only deals that the CRM associates with this contact, by id.")
]
_SORTS = (
    "The order: names from A to Z, everything else the latest or largest first. What has none comes last. "
    "Without it, in order of id."
)
CompanySort = Annotated[readers.CompanySort | None, QueryParameter(description=_SORTS)]
ContactSort = Annotated[
    readers.ContactSort | None, QueryParameter(description=f"{_SORTS} `name` is the last name.")
]
DealSort = Annotated[readers.DealSort | None, QueryParameter(description=f"{_SORTS} `amount` is in USD.")]
Count = Annotated[
    Literal["estimated", "exact"] | None,
    QueryParameter(
        description="Also count, as `total`, all that the filters leave. An estimate is exact up to a thousand; "
        "an exact count of very much may be `too_slow`."
    ),
]
UpdatedSince = Annotated[
    datetime | None,
    QueryParameter(description="Written by us at or after this time; ISO 8601 with an offset, such as Z."),
]
IncludeArchived = Annotated[
    bool, QueryParameter(description="Also what is gone at the source; `archived_at` says since when.")
]


def to_utc(name: str, value: datetime | None) -> datetime | None:
    """Return the time in UTC; refuse one without an offset, which could mean any of 26 hours."""
    if value is None:
        return None
    if value.tzinfo is None:
        raise errors.InvalidInput(name, messages.NEEDS_OFFSET)
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise errors.InvalidInput(name, messages.OUT_OF_RANGE) from None


def parse_domain(value: str | None, reference: ReferenceData) -> str | None:
    """Parse a domain as the sync does, so that every way of typing it in a CRM finds the company."""
    if value is None:
        return None
    if (domain := web_domain(value, reference)) is None:
        raise errors.InvalidInput("domain", messages.NO_WEB_DOMAIN)
    return domain
