"""Salesforce's endpoints, one method each: build the request, send it under the org's rate limiter, decode."""

import re
from collections.abc import Callable
from datetime import datetime
from functools import cache
from http import HTTPStatus
from typing import Generic, NamedTuple, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from astrelo.adapters.outbound.crm import http, retries, transport
from astrelo.adapters.outbound.salesforce.api import error_mapper, responses, soql, wire
from astrelo.adapters.outbound.salesforce.api.decoding import CsvDecoder, CsvPage, PageDecoder, RowPage
from astrelo.adapters.outbound.salesforce.api.rate_limiters import OrgRateLimiter, RateLimiters
from astrelo.adapters.outbound.salesforce.config import API_VERSION, SalesforceConfig
from astrelo.domain import errors
from astrelo.domain.identifiers import ObjectType, Provider
from astrelo.domain.ports.crm import CrmSession

T = TypeVar("T")
R = TypeVar("R", bound=wire.Row)

API = f"/services/data/v{API_VERSION}"
"""Salesforce keeps the links of its pages within one version."""

MAX_URL_LENGTH = 16_384
"""In bytes; Salesforce refuses a longer one with 414 or 431."""

MAX_IDS_PER_QUERY = 500
"""So many ids of 18 characters, each quoted and percent-encoded, fit into a URL together with our fields."""

_LAST_LOCATOR = "null"
"""Sent in place of the next locator at the end of the results."""

_COUNT = re.compile(r"\d{1,12}", re.ASCII)
_LINK = re.compile(r"/services/data/[\w.\-~/?=&%+!]{1,2000}", re.ASCII)
_encode = msgspec.json.Encoder().encode


class Kind(NamedTuple, Generic[R]):
    """A Salesforce object, the shape of its rows, and the object type that a refusal concerns."""

    object: str
    row: type[R]
    object_type: ObjectType | None


class JobResults(NamedTuple, Generic[R]):
    page: CsvPage[R]
    next_locator: str | None
    """The locator of the next page; None at the end."""


class SalesforceClient:
    def __init__(
        self,
        config: SalesforceConfig,
        crm_transport: transport.CrmTransport[OrgRateLimiter],
        rate_limiters: RateLimiters,
    ) -> None:
        self._transport = crm_transport
        self._rate_limiters = rate_limiters
        self._paged = {"Sforce-Query-Options": f"batchSize={config.batch_size}"}

    async def query(
        self, session: CrmSession, kind: Kind[R], query: soql.Query, *, deleted: bool = False
    ) -> RowPage[R]:
        """Read the first page; with `deleted` also of what lies in the recycle bin.

        Raise QueryTimedOut, as `query_more` does, when two attempts time out.
        """
        path = f"{API}/{'queryAll' if deleted else 'query'}"
        url = f"{path}?q={quote(str(query), safe='')}"
        return await self._page(session, kind, url, path)

    async def query_more(self, session: CrmSession, kind: Kind[R], url: str) -> RowPage[R]:
        """Read a query's next page by the link in the last one. Raise CrmRejected for a link that leads elsewhere."""
        path = f"{API}/query"
        return await self._page(session, kind, _require_link(url, path), path)

    async def _page(self, session: CrmSession, kind: Kind[R], url: str, label: str) -> RowPage[R]:
        on_timeout = error_mapper.retry_timeout("GET", label)
        call = transport.Call("GET", url, label, kind.object_type, None, self._paged, on_timeout)
        return await self._send(call, session, _page_decoder(kind.row))

    async def describe(self, session: CrmSession, kind: Kind[R]) -> frozenset[str]:
        """Return the names of the fields that this user may see."""
        path = f"{API}/sobjects/{kind.object}/describe"
        described = await self._send(
            transport.Call("GET", path, path, kind.object_type), session, responses.decode_description
        )
        return frozenset(field.name for field in described.fields)

    async def deletions(
        self, session: CrmSession, kind: Kind[R], since: datetime, until: datetime
    ) -> frozenset[str]:
        """Return the ids of deleted records, also of those that have left the recycle bin.

        The log goes back 15 days, or less where much is deleted.
        """
        path = f"{API}/sobjects/{kind.object}/deleted/"
        url = f"{path}?{urlencode({'start': since.isoformat('T', 'seconds'), 'end': until.isoformat('T', 'seconds')})}"
        call = transport.Call("GET", url, path, kind.object_type)
        log = await self._send(call, session, responses.decode_deletions, retries.NO_RETRY)
        return frozenset(record.id for record in log.deleted_records)

    async def create_job(
        self, session: CrmSession, kind: Kind[R], query: soql.Query, *, deleted: bool
    ) -> responses.QueryJob:
        """Start a bulk query. It is retried like a read: a superfluous job costs nothing and ends by itself."""
        body = {
            "operation": "queryAll" if deleted else "query",
            "query": str(query),
            "contentType": "CSV",
            "columnDelimiter": "COMMA",
            "lineEnding": "LF",
        }
        path = f"{API}/jobs/query"
        call = transport.Call("POST", path, path, kind.object_type, _encode(body))
        return await self._send(call, session, responses.decode_job)

    async def job(self, session: CrmSession, kind: Kind[R], job_id: str) -> responses.QueryJob:
        call = transport.Call("GET", _job_path(job_id), f"{API}/jobs/query/…", kind.object_type)
        return await self._send(call, session, responses.decode_job)

    async def result_pages(
        self, session: CrmSession, kind: Kind[R], job_id: str, url: str | None
    ) -> responses.ResultPageList:
        """List a finished job's result pages, up to five at a time, from the link in the last list on.

        Sent once only: callers can do without the list.
        """
        path = f"{_job_path(job_id)}/resultPages"
        page_url = path if url is None else _require_link(url, path)
        call = transport.Call("GET", page_url, f"{API}/jobs/query/…/resultPages", kind.object_type)
        return await self._send(call, session, responses.decode_result_pages, retries.NO_RETRY)

    async def results(
        self, session: CrmSession, kind: Kind[R], job_id: str, locator: str | None, rows: int
    ) -> JobResults[R]:
        """Read a finished job's results from a locator on, about so many rows.

        Raise ResponseTooLarge where they exceed the limit.
        """
        url = f"{_job_path(job_id)}/results?maxRecords={rows}"
        if locator is not None:
            url += f"&locator={quote(locator, safe='')}"
        call = transport.Call(
            "GET", url, f"{API}/jobs/query/…/results", kind.object_type, None, {"Accept": "text/csv"}
        )
        rate_limiter = self._rate_limiters.for_account(session.account.account_id)
        decode = _csv_decoder(kind.row)
        return await self._transport.read_response(
            call, session, rate_limiter, lambda response: _decode_results(response, decode)
        )

    async def _send(
        self,
        call: transport.Call,
        session: CrmSession,
        decode: Callable[[bytes], T],
        policy: retries.RetryPolicy = retries.DEFAULT_RETRY,
    ) -> T:
        rate_limiter = self._rate_limiters.for_account(session.account.account_id)
        return await self._transport.read(call, session, rate_limiter, decode, policy)


@cache
def _page_decoder(row: type[R]) -> PageDecoder[R]:
    return PageDecoder(row)


@cache
def _csv_decoder(row: type[R]) -> CsvDecoder[R]:
    return CsvDecoder(row)


def _job_path(job_id: str) -> str:
    return f"{API}/jobs/query/{quote(job_id, safe='')}"


def _require_link(url: str, path: str) -> str:
    """Raise CrmRejected for a link that leaves its endpoint: the access token is sent wherever a link leads."""
    if not url.startswith(path) or not _LINK.fullmatch(url) or ".." in url:
        raise errors.CrmRejected(
            Provider.SALESFORCE, None, f"a link to a next page that leads away from {path}"
        )
    return url


def _decode_results(response: http.HttpResponse, decode: CsvDecoder[R]) -> JobResults[R]:
    """Decode a page of CSV. Raise IncompleteResponse for one that is not ready or not whole."""
    if response.status == HTTPStatus.NO_CONTENT:
        raise transport.IncompleteResponse("the job's results are not ready")
    locator = response.headers.get("sforce-locator")
    if not locator:
        raise errors.CrmRejected(
            Provider.SALESFORCE, response.status, "a page of results that does not say what follows"
        )
    announced = response.headers.get("sforce-numberofrecords", "")
    page = decode(response.body)
    received = page.count + len(page.rejected)
    if _COUNT.fullmatch(announced) and int(announced) != received:
        raise transport.IncompleteResponse(f"{received} of {announced} rows came")
    return JobResults(page, None if locator == _LAST_LOCATOR else locator)
