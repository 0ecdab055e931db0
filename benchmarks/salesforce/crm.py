"""Salesforce, measured: how our processes reach the played one, and what its pages cost at the least."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from datetime import datetime
from itertools import islice

import httpx
import msgspec

from astrelo.adapters.outbound.salesforce.api.decoding import CsvDecoder
from astrelo.adapters.outbound.salesforce.api.responses import decode_job, decode_result_pages
from astrelo.adapters.outbound.salesforce.api.soql import Query
from astrelo.adapters.outbound.salesforce.api.wire import ROWS, RecordRow
from astrelo.domain.connection import CrmAccount, Grant, TokenSet
from astrelo.domain.identifiers import CrmAccountId, ObjectType, Provider
from benchmarks.crm import Crm, Rows, Table
from benchmarks.salesforce.answers import SalesforceAnswers
from benchmarks.salesforce.org import API, BIG_OBJECTS, FIELDS, record_id

_ROWS_AT_A_TIME = 1_000
_HEADERS = httpx.Headers({"Authorization": "Bearer bench-access", "Content-Type": "application/json"})


class Salesforce(Crm):
    @property
    def provider(self) -> Provider:
        return Provider.SALESFORCE

    @property
    def title(self) -> str:
        return "Salesforce"

    @property
    def tables(self) -> Sequence[Table]:
        return [Table(name=name, columns=_row(name).__struct_fields__) for name in BIG_OBJECTS]

    @property
    def left_out(self) -> str:
        return "contact roles"

    def answers(self, records: int) -> SalesforceAnswers:
        return SalesforceAnswers(records)

    def settings(self, url: str, records: int) -> Mapping[str, str]:
        """Read accounts of every size in bulk and what changed of them by queries, as one of 100,000 is."""
        return {
            "ASTRELO_SALESFORCE_CLIENT_ID": "benchmark",
            "ASTRELO_SALESFORCE_CLIENT_SECRET": "benchmark-secret",
            "ASTRELO_SALESFORCE_LOGIN_URL": url,
            "ASTRELO_SALESFORCE_BULK_THRESHOLD": str(max(records // 2, 1)),
        }

    def grant(self, url: str, now: datetime) -> Grant:  # noqa: ARG002 - its tokens do not say how long they live
        tokens = TokenSet(
            access_token="bench-access",  # noqa: S106 - what the page server would issue; it asks for none
            refresh_token="bench-refresh",  # noqa: S106 - the same
            expires_at=None,
            api_url=url,
            issuer_url=url,
        )
        org = CrmAccountId(record_id("Organization", 1))
        return Grant(tokens=tokens, account=CrmAccount(account_id=org, name="Benchmark", currency="USD"))

    async def rows(
        self, table: Table, url: str, transport: httpx.AsyncBaseTransport
    ) -> AsyncGenerator[Rows, None]:
        decode = CsvDecoder(_row(table.name))
        async for listed in _result_urls(table, url, transport):
            rows = map(msgspec.structs.astuple, decode(await _send("GET", listed, transport)).rows())
            while some := list(islice(rows, _ROWS_AT_A_TIME)):
                yield some


def _row(name: str) -> type[RecordRow]:
    return ROWS[ObjectType(name)]


async def _result_urls(table: Table, url: str, transport: httpx.AsyncBaseTransport) -> AsyncIterator[str]:
    """Start a bulk job, which the page server finishes at once, and return where its results are."""
    name = BIG_OBJECTS[table.name]
    body = msgspec.json.encode({"operation": "query", "query": str(Query(FIELDS[name], name))})
    job = decode_job(await _send("POST", f"{url}{API}/jobs/query", transport, body))
    following: str | None = f"{API}/jobs/query/{job.id}/resultPages"
    while following is not None:
        listing = decode_result_pages(await _send("GET", url + following, transport))
        for page in listing.result_pages:
            yield url + page.result_url
        following = listing.next_url


async def _send(
    method: str, url: str, transport: httpx.AsyncBaseTransport, body: bytes | None = None
) -> bytes:
    request = httpx.Request(method, url, headers=_HEADERS, content=body)
    response = await transport.handle_async_request(request)
    return await response.aread()
