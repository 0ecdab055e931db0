"""Wire structs of Salesforce's responses without records: describes, deletions, bulk jobs; and contact roles."""

from collections.abc import Sequence
from urllib.parse import parse_qs, urlsplit

import msgspec

from astrelo.adapters.outbound.crm import decoding
from astrelo.adapters.outbound.salesforce.api import wire
from astrelo.domain.identifiers import Provider


class DescribedField(msgspec.Struct):
    name: str


class DescribedObject(msgspec.Struct):
    """Fields that field-level security hides are left out."""

    fields: Sequence[DescribedField]


class ContactRoleRow(wire.Row, frozen=True, gc=False):
    """One contact in one role of an opportunity; several roles of one contact are several rows."""

    opportunity_id: str | None = None
    contact_id: str | None = None


class QueryJob(msgspec.Struct, rename="camel"):
    id: str
    state: str
    error_message: str | None = None
    number_records_processed: int | None = None
    """How many rows the results of a finished job have."""


class ResultPage(msgspec.Struct, rename="camel"):
    result_url: str

    @property
    def locator(self) -> str | None:
        return parse_qs(urlsplit(self.result_url).query).get("locator", [None])[0]


class ResultPageList(msgspec.Struct, rename="camel"):
    """At most five of a job's result pages. The documentation names the next link in two ways."""

    result_pages: Sequence[ResultPage] = ()
    next_records_url: str | None = None
    next_record_url: str | None = None

    @property
    def next_url(self) -> str | None:
        return self.next_records_url or self.next_record_url


class DeletedRecord(msgspec.Struct):
    id: str


class DeletionLog(msgspec.Struct, rename="camel"):
    deleted_records: Sequence[DeletedRecord]


decode_description = decoding.TolerantDecoder(DescribedObject, Provider.SALESFORCE)
decode_job = decoding.TolerantDecoder(QueryJob, Provider.SALESFORCE)
decode_deletions = decoding.TolerantDecoder(DeletionLog, Provider.SALESFORCE)
decode_result_pages = decoding.TolerantDecoder(ResultPageList, Provider.SALESFORCE)
