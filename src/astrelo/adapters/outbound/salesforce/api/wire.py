"""Wire structs of Salesforce's records, one row each: the same for REST's JSON and a bulk job's CSV.

CSV has text only, so a row holds text: numbers and booleans as they were written, None for null and
for empty. A field that the user may not see is absent, which for us is the same. The names of the fields
are also the list of fields that we query.
"""

from datetime import datetime
from typing import Annotated, Any

import msgspec

from astrelo.adapters.outbound.crm.mapping import record_id
from astrelo.domain.identifiers import ObjectType, RecordId
from astrelo.domain.normalization import flag, timestamp

Number = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class Row(msgspec.Struct, frozen=True, gc=False, rename="pascal"):
    """What every object has. A record without a usable id is rejected and becomes no row."""

    id: RecordId
    system_modstamp: str | None = None
    """When the record was last modified, also by system jobs, which LastModifiedDate leaves out."""

    @property
    def modified(self) -> datetime | None:
        return timestamp(self.system_modstamp)

    @property
    def is_deleted(self) -> bool:
        """Whether it lies in the recycle bin; only queryAll returns such rows."""
        return False

    @property
    def is_person(self) -> bool:
        """Whether it stands for a person where the object is one of companies."""
        return False

    @property
    def master_id(self) -> RecordId | None:
        """The record that this one was merged into."""
        return None


class DeletableRow(Row, frozen=True, gc=False):
    deleted: str | None = msgspec.field(default=None, name="IsDeleted")

    @property
    def is_deleted(self) -> bool:
        return flag(self.deleted) is True


class MergeableRow(DeletableRow, frozen=True, gc=False):
    master_record_id: str | None = None

    @property
    def master_id(self) -> RecordId | None:
        return record_id(self.master_record_id)


class AccountRow(MergeableRow, frozen=True, gc=False):
    """Not every org has every field: NaicsCode comes with D&B's data, the codes of places with picklists for them.

    CurrencyIsoCode, here and in opportunities, comes with several currencies. IsPersonAccount, here and in contacts,
    comes with person accounts: then each person is an account of its own, and the one contact of that account.
    """

    name: str | None = None
    website: str | None = None
    industry: str | None = None
    naics_code: str | None = None
    sic: str | None = None
    number_of_employees: str | None = None
    annual_revenue: str | None = None
    currency_iso_code: str | None = None
    billing_country_code: str | None = None
    billing_country: str | None = None
    billing_state_code: str | None = None
    billing_state: str | None = None
    billing_city: str | None = None
    description: str | None = None
    phone: str | None = None
    type: str | None = None
    owner_id: str | None = None
    is_person_account: str | None = None

    @property
    def is_person(self) -> bool:
        return self.is_person_account is not None and flag(self.is_person_account) is True

    @property
    def master_id(self) -> RecordId | None:
        """None for a person, who was merged into another person."""
        return None if self.is_person else record_id(self.master_record_id)


class ContactRow(MergeableRow, frozen=True, gc=False):
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    title: str | None = None
    phone: str | None = None
    mobile_phone: str | None = None
    account_id: str | None = None
    owner_id: str | None = None
    is_person_account: str | None = None


class OpportunityRow(DeletableRow, frozen=True, gc=False):
    name: str | None = None
    amount: str | None = None
    currency_iso_code: str | None = None
    stage_name: str | None = None
    probability: str | None = None
    """A percentage: '45.0'."""
    is_closed: str | None = None
    is_won: str | None = None
    close_date: str | None = None
    """A day, without a time."""
    account_id: str | None = None
    owner_id: str | None = None


RecordRow = AccountRow | ContactRow | OpportunityRow


class UserRow(Row, frozen=True, gc=False):
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    is_active: str | None = None


class StageRow(Row, frozen=True, gc=False):
    """An OpportunityStage. Opportunities name it by its ApiName; MasterLabel is what people see."""

    api_name: str | None = None
    master_label: str | None = None
    is_closed: str | None = None
    is_won: str | None = None
    default_probability: str | None = None


ROWS: dict[ObjectType, type[RecordRow]] = {
    ObjectType.COMPANIES: AccountRow,
    ObjectType.CONTACTS: ContactRow,
    ObjectType.DEALS: OpportunityRow,
}


def field_names(row: type[Row]) -> tuple[str, ...]:
    """Return the fields of an object that its row has, named as Salesforce names them; Id is the first."""
    return row.__struct_encode_fields__


class QueryResponse(msgspec.Struct, frozen=True, rename="camel"):
    """A page of query or queryAll. Records are converted one by one, so that a bad one is rejected alone."""

    records: list[Any]
    done: bool
    total_size: Number
    next_records_url: str | None = None
