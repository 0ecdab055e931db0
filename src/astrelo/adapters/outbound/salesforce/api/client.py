"""Salesforce's endpoints, one method each: builds the request, sends it under the org's budget, decodes."""

import re
from collections.abc import Callable
from datetime import datetime
from functools import cache
from http import HTTPStatus
from typing import Generic, NamedTuple, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from astrelo.adapters.outbound.crm.http import Reply
from astrelo.adapters.outbound.crm.transport import (
    DEFAULT_RETRY,
    NO_RETRY,
    Call,
    CrmTransport,
    Incomplete,
    RetryPolicy,
)
from astrelo.adapters.outbound.salesforce.api.decoding import CsvDecoder, CsvPage, PageDecoder, RowPage
from astrelo.adapters.outbound.salesforce.api.error_mapper import timed_out
from astrelo.adapters.outbound.salesforce.api.rate_limiters import OrgBudget, RateLimiters
from astrelo.adapters.outbound.salesforce.api.responses import (
    QueryJob,
    ResultListing,
    decode_deletions,
    decode_description,
    decode_job,
    decode_listing,
)
from astrelo.adapters.outbound.salesforce.api.soql import Query
from astrelo.adapters.outbound.salesforce.api.wire import Row
from astrelo.adapters.outbound.salesforce.config import API_VERSION, SalesforceConfig
from astrelo.domain.errors import CrmRejected
from astrelo.domain.identifiers import ObjectType, Provider
from astrelo.domain.ports.crm import CrmSession

T = TypeVar("T")
R = TypeVar("R", bound=Row)

API = f"/services/data/v{API_VERSION}"
"""Salesforce keeps its pages' links within one version, and so do we."""

MAX_URL_LENGTH = 16_384
"""In bytes; Salesforce answers a longer one with 414 or 431."""

IDS_IN_A_QUERY = 500
"""So many ids of 18 characters, each quoted and percent-encoded, and the wanted fields fit into a URL."""

_LAST_LOCATOR = "null"
"""The text that stands where the next locator would: there is no more."""

_COUNT = re.compile(r"\d{1,12}", re.ASCII)
_LINK = re.compile(r"/services/data/[\w.\-~/?=&%+!]{1,2000}", re.ASCII)
_encode = msgspec.json.Encoder().encode


class Kind(NamedTuple, Generic[R]):
    """An object, what a row of it holds, and which object type a refusal concerns."""

    object: str
    row: type[R]
    object_type: ObjectType | None


class JobResults(NamedTuple, Generic[R]):
    page: CsvPage[R]
    following: str | None
    """The locator of what comes behind it; None at the end."""


class SalesforceClient:
    def __init__(
        self, config: SalesforceConfig, transport: CrmTransport[OrgBudget], rate_limiters: RateLimiters
    ) -> None:
        self._transport = transport
        self._rate_limiters = rate_limiters
        self._paged = {"Sforce-Query-Options": f"batchSize={config.batch_size}"}

    async def query(
        self, session: CrmSession, kind: Kind[R], query: Query, *, deleted: bool = False
    ) -> RowPage[R]:
        """Ask for the first page; with `deleted` for what is in the recycle bin too.

        Raises QueryTimedOut, as `more` does, when neither of two attempts is answered in time.
        """
        path = f"{API}/{'queryAll' if deleted else 'query'}"
        url = f"{path}?q={quote(str(query), safe='')}"
        return await self._page(session, kind, url, path)

    async def more(self, session: CrmSession, kind: Kind[R], url: str) -> RowPage[R]:
        """Ask for a query's next page by the link that the last one told. Refuses to follow it elsewhere."""
        path = f"{API}/query"
        return await self._page(session, kind, _link(url, path), path)

    async def _page(self, session: CrmSession, kind: Kind[R], url: str, label: str) -> RowPage[R]:
        late = timed_out("GET", label)
        call = Call("GET", url, label, kind.object_type, None, self._paged, late)
        return await self._asked(call, session, _pages_of(kind.row))

    async def describe(self, session: CrmSession, kind: Kind[R]) -> frozenset[str]:
        """Return the names of the fields that this user may see."""
        path = f"{API}/sobjects/{kind.object}/describe"
        described = await self._asked(Call("GET", path, path, kind.object_type), session, decode_description)
        return frozenset(field.name for field in described.fields)

    async def deletions(
        self, session: CrmSession, kind: Kind[R], since: datetime, until: datetime
    ) -> frozenset[str]:
        """Return the ids of the records that were deleted, those that have left the recycle bin too.

        The log goes back 15 days, or less where much is deleted.
        """
        path = f"{API}/sobjects/{kind.object}/deleted/"
        url = f"{path}?{urlencode({'start': since.isoformat('T', 'seconds'), 'end': until.isoformat('T', 'seconds')})}"
        call = Call("GET", url, path, kind.object_type)
        log = await self._asked(call, session, decode_deletions, NO_RETRY)
        return frozenset(record.id for record in log.deleted_records)

    async def create_job(
        self, session: CrmSession, kind: Kind[R], query: Query, *, deleted: bool
    ) -> QueryJob:
        """Start a bulk query. It is sent again like a read: a job too many costs nothing and ends by itself."""
        body = {
            "operation": "queryAll" if deleted else "query",
            "query": str(query),
            "contentType": "CSV",
            "columnDelimiter": "COMMA",
            "lineEnding": "LF",
        }
        path = f"{API}/jobs/query"
        call = Call("POST", path, path, kind.object_type, _encode(body))
        return await self._asked(call, session, decode_job)

    async def job(self, session: CrmSession, kind: Kind[R], job_id: str) -> QueryJob:
        call = Call("GET", _job(job_id), f"{API}/jobs/query/…", kind.object_type)
        return await self._asked(call, session, decode_job)

    async def listing(
        self, session: CrmSession, kind: Kind[R], job_id: str, url: str | None
    ) -> ResultListing:
        """List a finished job's result pages, up to five at a time, from the link that the last list told.

        Asked for once: who is not answered does without.
        """
        path = f"{_job(job_id)}/resultPages"
        asked = path if url is None else _link(url, path)
        call = Call("GET", asked, f"{API}/jobs/query/…/resultPages", kind.object_type)
        return await self._asked(call, session, decode_listing, NO_RETRY)

    async def results(
        self, session: CrmSession, kind: Kind[R], job_id: str, locator: str | None, rows: int
    ) -> JobResults[R]:
        """Read a finished job's results behind a locator, about so many rows. Raises TooLarge where they do not fit."""
        url = f"{_job(job_id)}/results?maxRecords={rows}"
        if locator is not None:
            url += f"&locator={quote(locator, safe='')}"
        call = Call("GET", url, f"{API}/jobs/query/…/results", kind.object_type, None, {"Accept": "text/csv"})
        rate_limiter = self._rate_limiters.of(session.account.account_id)
        decode = _results_of(kind.row)
        return await self._transport.read_reply(
            call, session, rate_limiter, lambda reply: _job_results(reply, decode)
        )

    async def _asked(
        self,
        call: Call,
        session: CrmSession,
        decode: Callable[[bytes], T],
        policy: RetryPolicy = DEFAULT_RETRY,
    ) -> T:
        rate_limiter = self._rate_limiters.of(session.account.account_id)
        return await self._transport.read(call, session, rate_limiter, decode, policy)


@cache
def _pages_of(row: type[R]) -> PageDecoder[R]:
    return PageDecoder(row)


@cache
def _results_of(row: type[R]) -> CsvDecoder[R]:
    return CsvDecoder(row)


def _job(job_id: str) -> str:
    return f"{API}/jobs/query/{quote(job_id, safe='')}"


def _link(url: str, path: str) -> str:
    """Refuse a link that leaves the endpoint it was told by: the access token goes wherever we are led."""
    if not url.startswith(path) or not _LINK.fullmatch(url) or ".." in url:
        raise CrmRejected(Provider.SALESFORCE, None, f"a link to a next page that leads away from {path}")
    return url


def _job_results(reply: Reply, decode: CsvDecoder[R]) -> JobResults[R]:
    """Read a page of CSV. Raise Incomplete for one that is not ready or not whole."""
    if reply.status == HTTPStatus.NO_CONTENT:
        raise Incomplete("the job's results are not ready")
    locator = reply.headers.get("sforce-locator")
    if not locator:
        raise CrmRejected(
            Provider.SALESFORCE, reply.status, "a page of results that does not say what follows"
        )
    announced = reply.headers.get("sforce-numberofrecords", "")
    page = decode(reply.body)
    come = page.count + len(page.rejected)
    if _COUNT.fullmatch(announced) and int(announced) != come:
        raise Incomplete(f"{come} of {announced} rows came")
    return JobResults(page, None if locator == _LAST_LOCATOR else locator)
