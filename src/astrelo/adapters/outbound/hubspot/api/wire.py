"""Wire structs of HubSpot's CRM API, as its dated version (2026-09) sends them, and how much fits into a call.

Unknown fields are ignored, fields that HubSpot calls optional are optional, and nothing is interpreted here.
Every property value is text or null; a property that the account does not have is absent, which
for us is the same as null. The names of the property fields are also the list of properties we request.
"""

from collections.abc import Mapping
from typing import Annotated, Generic, TypeVar

import msgspec

from astrelo.domain.identifiers import ObjectType

LIST_LIMIT = 100
SEARCH_LIMIT = 200
MAX_SEARCH_RESULTS = 10_000
"""A search returns the true total, but cannot be paged past this many."""
BATCH_READ_LIMIT = 100
ASSOCIATIONS_LIMIT = 1_000

MODIFIED: Mapping[ObjectType, str] = {
    ObjectType.COMPANIES: "hs_lastmodifieddate",
    ObjectType.CONTACTS: "lastmodifieddate",
    ObjectType.DEALS: "hs_lastmodifieddate",
}
"""The property that search filters by. With the other one it returns 200 and no records."""

T = TypeVar("T")

Number = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class CompanyProperties(msgspec.Struct, frozen=True, gc=False):
    name: str | None = None
    domain: str | None = None
    website: str | None = None
    numberofemployees: str | None = None
    annualrevenue: str | None = None
    hs_annual_revenue_currency_code: str | None = None
    industry: str | None = None
    country: str | None = None
    state: str | None = None
    hs_country_code: str | None = None
    hs_state_code: str | None = None
    city: str | None = None
    description: str | None = None
    phone: str | None = None
    linkedin_company_page: str | None = None
    hs_linkedin_handle: str | None = None
    lifecyclestage: str | None = None
    hubspot_owner_id: str | None = None
    hs_lastmodifieddate: str | None = None
    hs_additional_domains: str | None = None
    """Further domains of the company, separated by ';'."""
    hs_merged_object_ids: str | None = None
    """Ids that were merged into this record, separated by ';'."""


class ContactProperties(msgspec.Struct, frozen=True, gc=False):
    email: str | None = None
    firstname: str | None = None
    lastname: str | None = None
    jobtitle: str | None = None
    phone: str | None = None
    mobilephone: str | None = None
    lifecyclestage: str | None = None
    hubspot_owner_id: str | None = None
    lastmodifieddate: str | None = None
    hs_additional_emails: str | None = None
    """Further addresses of the contact, separated by ';'."""
    hs_merged_object_ids: str | None = None


class DealProperties(msgspec.Struct, frozen=True, gc=False):
    dealname: str | None = None
    amount: str | None = None
    amount_in_home_currency: str | None = None
    deal_currency_code: str | None = None
    pipeline: str | None = None
    dealstage: str | None = None
    hs_deal_stage_probability: str | None = None
    hs_is_closed: str | None = None
    hs_is_closed_won: str | None = None
    closedate: str | None = None
    hubspot_owner_id: str | None = None
    hs_lastmodifieddate: str | None = None
    hs_merged_object_ids: str | None = None


class CompanyObject(msgspec.Struct, frozen=True, gc=False):
    id: str
    properties: CompanyProperties
    updated_at: str | None = msgspec.field(default=None, name="updatedAt")
    archived: bool = False


class ContactObject(msgspec.Struct, frozen=True, gc=False):
    id: str
    properties: ContactProperties
    updated_at: str | None = msgspec.field(default=None, name="updatedAt")
    archived: bool = False


class DealObject(msgspec.Struct, frozen=True, gc=False):
    id: str
    properties: DealProperties
    updated_at: str | None = msgspec.field(default=None, name="updatedAt")
    archived: bool = False


CrmObject = CompanyObject | ContactObject | DealObject


class OwnerObject(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """Join a record's `hubspot_owner_id` to `id`, never to the user id."""

    id: str
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    archived: bool = False


class StageMetadata(msgspec.Struct, frozen=True, rename="camel"):
    """Numbers and booleans as text: '0.2', 'false'."""

    is_closed: str | None = None
    probability: str | None = None


class PipelineStage(msgspec.Struct, frozen=True):
    id: str
    label: str | None = None
    metadata: StageMetadata = StageMetadata()


class Pipeline(msgspec.Struct, frozen=True):
    id: str
    label: str | None = None
    stages: tuple[PipelineStage, ...] = ()


class Next(msgspec.Struct, frozen=True):
    """`link` is left out on purpose: it may show an older path, so requests are built from `after`."""

    after: str


class Paging(msgspec.Struct, frozen=True):
    next: Next | None = None


class BatchError(msgspec.Struct, frozen=True, rename="camel"):
    """Why a batch returned 207: records that are gone, or that have no association."""

    category: str | None = None
    sub_category: str | None = None
    message: str | None = None
    context: Mapping[str, list[str]] | None = None


class ObjectPage(msgspec.Struct, Generic[T], frozen=True):
    """A list, search or batch response. Without `paging.next` it is the last page, however short or full."""

    results: list[T]
    paging: Paging | None = None
    total: Number | None = None
    """Of a search: how many records match, also beyond the 10,000 that can be paged to."""
    errors: list[BatchError] = []


class PipelineList(msgspec.Struct, frozen=True):
    results: list[Pipeline]


class AssociationType(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    category: str | None = None
    """HUBSPOT_DEFINED, USER_DEFINED …: type ids are unique only within their category."""
    type_id: int | None = None
    label: str | None = None


class AssociatedObject(msgspec.Struct, frozen=True, rename="camel"):
    to_object_id: int | str
    """A number in live responses, text in the 2026-09 specification."""
    association_types: list[AssociationType] = []


class AssociationSource(msgspec.Struct, frozen=True, gc=False):
    id: str | int


class AssociationInput(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    id: str
    after: str | None = None


class AssociationEntry(msgspec.Struct, frozen=True):
    from_: AssociationSource = msgspec.field(name="from")
    to: list[AssociatedObject] = []
    paging: Paging | None = None
    """There are more associations of this one record: request it again with `after`."""


class AssociationBatch(msgspec.Struct, frozen=True):
    results: list[AssociationEntry]
    errors: list[BatchError] = []


class ErrorDetail(msgspec.Struct, frozen=True):
    message: str | None = None
    code: str | None = None
    context: Mapping[str, list[str]] | None = None


class ErrorBody(msgspec.Struct, frozen=True, rename="camel"):
    """An error of the CRM API. HubSpot asks parsers to take every field as optional."""

    status: str | None = None
    message: str | None = None
    category: str | None = None
    sub_category: str | None = None
    correlation_id: str | None = None
    policy_name: str | None = None
    """Of a 429: TEN_SECONDLY_ROLLING, SECONDLY or DAILY."""
    correct_hublet: str | None = None
    """Of a 488: the data centre that has the account, such as eu1."""
    errors: list[ErrorDetail] = []
