"""Pagination of an object's rows by queries, in the order of ids.

Within a stream Salesforce's links are followed: they page through what the query found when it began. But a
cursor is the last id that was yielded, and resuming means querying the ids after it. So a cursor outlives
Salesforce's locators, and a locator that expires during pagination costs one query.

A full read queries live rows, and among accounts companies alone. A windowed one queries by SystemModstamp, which
moves with everything that happens to a row, and includes deleted rows and the accounts of persons: both may have
been companies. A row that is modified while its window is read may be missed there: its new stamp lies after the
window's end, which is no later than the start of reading, and the next window begins before that end. Rows appear
some seconds after their stamp; the overlap of the windows covers that too.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from astrelo.adapters.outbound.crm.pagination import PaginationLoopGuard
from astrelo.adapters.outbound.salesforce.api import error_mapper, soql, wire
from astrelo.adapters.outbound.salesforce.api.client import Kind, SalesforceClient
from astrelo.adapters.outbound.salesforce.api.decoding import RowPage
from astrelo.adapters.outbound.salesforce.api.field_access import FieldAccess
from astrelo.adapters.outbound.salesforce.read import cursors
from astrelo.domain import errors
from astrelo.domain.identifiers import Cursor, Provider
from astrelo.domain.ports.crm import CrmSession
from astrelo.domain.records import RejectedRecord

R = TypeVar("R", bound=wire.Row)
Q = TypeVar("Q", bound=wire.Row)

PAGE_SIZE = 1_000
"""Rows that are assembled and yielded together, at most."""

_EXPIRED = "INVALID_QUERY_LOCATOR"
_NO_PERSON = soql.Condition("IsPersonAccount", "=", value=False)
"""Only where the org's describe has the field: it comes with person accounts."""


@dataclass(slots=True, kw_only=True)
class RawPage(Generic[R]):
    """Rows that are assembled and yielded together; `cursor` is the position after them."""

    rows: Sequence[R] = ()
    rejected: Sequence[RejectedRecord] = ()
    cursor: Cursor | None = None
    expected_total: int | None = None


class TooManyRows(Exception):
    """Raised at the start of a stream with more rows than are worth reading by queries."""

    def __init__(self, rows: int, expected_total: int | None) -> None:
        super().__init__(f"{rows} rows")
        self.expected_total = expected_total


class QueryContext(NamedTuple, Generic[R]):
    """Which object's rows are read, and with whose session."""

    client: SalesforceClient
    field_access: FieldAccess
    session: CrmSession
    kind: Kind[R]

    def for_kind(self, kind: Kind[Q]) -> "QueryContext[Q]":
        """Return the context of another object of the same org."""
        return QueryContext(self.client, self.field_access, self.session, kind)

    def build_query(
        self,
        fields: Sequence[str],
        conditions: Sequence[soql.Condition],
        order: Sequence[str] = (),
        *,
        deleted: bool,
    ) -> soql.Query:
        """Query companies alone where neither deleted rows nor persons' accounts are wanted."""
        if not deleted and self.kind.row is wire.AccountRow and _NO_PERSON.field in fields:
            conditions = (*conditions, _NO_PERSON)
        return soql.Query(fields, self.kind.object, conditions, order)

    async def query_after(
        self, conditions: Sequence[soql.Condition], after: str | None, *, deleted: bool
    ) -> RowPage[R]:
        """Query the first page of rows after an id, with every field of ours that is visible."""
        rows_after = () if after is None else (soql.Condition("Id", ">", after),)

        async def run(fields: Sequence[str]) -> RowPage[R]:
            query = self.build_query(fields, (*conditions, *rows_after), ("Id",), deleted=deleted)
            return await self.client.query(self.session, self.kind, query, deleted=deleted)

        return await self.field_access.query(self.session, self.kind, run)


async def paginate_rows(
    context: QueryContext[R],
    conditions: Sequence[soql.Condition] = (),
    *,
    deleted: bool = False,
    after: str | None = None,
) -> AsyncGenerator[RowPage[R], None]:
    """Yield a query's pages in the order of ids, and query again after the last id where a locator has expired."""
    page = await context.query_after(conditions, after, deleted=deleted)
    queried_after, loop_guard = after, PaginationLoopGuard(None, Provider.SALESFORCE)
    while True:
        yield page
        if page.next_url is None:
            return
        after = page.rows[-1].id if page.rows else after
        try:
            url = loop_guard.follow(page.next_url)
            page = await context.client.query_more(context.session, context.kind, url)
        except error_mapper.Refused as error:
            if error.code != _EXPIRED:
                raise
            if after == queried_after:
                what = "its query locators die before they are used"
                raise errors.CrmUnavailable(Provider.SALESFORCE, what) from error
            queried_after = after
            page = await context.query_after(conditions, after, deleted=deleted)


async def query_rows(
    context: QueryContext[R], position: cursors.QueryPosition, max_rows: int | None = None
) -> AsyncGenerator[RawPage[R], None]:
    """Read by queries from a position on; raise TooManyRows for a stream from the start with over `max_rows` rows."""
    id_range, after = position.id_range, position.after
    is_start = after is None
    pages = paginate_rows(context, range_conditions(id_range), deleted=id_range is not None, after=after)
    async with aclosing(pages):
        async for page in pages:
            # None where accounts of persons are counted: how many of them a window has is unknown.
            expected_total = None if any(row.is_person for row in page.rows) else page.total
            if is_start and max_rows is not None and page.total > max_rows:
                raise TooManyRows(page.total, expected_total)
            for raw_page in _divide_page(page, id_range, after):
                raw_page.expected_total = expected_total if is_start else None
                is_start = False
                yield raw_page
            after = page.rows[-1].id if page.rows else after


def range_conditions(id_range: cursors.IdRange | None) -> list[soql.Condition]:
    """Return the conditions of a window: both bounds are inclusive, so that adjacent windows miss no row."""
    if id_range is None:
        return []
    return [
        soql.Condition("SystemModstamp", ">=", id_range.first),
        soql.Condition("SystemModstamp", "<=", id_range.last),
    ]


def _divide_page(page: RowPage[R], id_range: cursors.IdRange | None, after: str | None) -> list[RawPage[R]]:
    """Divide a page. Rejected records go with the first part: an interruption then repeats, and loses none."""
    starts = range(0, len(page.rows), PAGE_SIZE) or range(1)
    raw_pages = [RawPage(rows=page.rows[start : start + PAGE_SIZE]) for start in starts]
    raw_pages[0].rejected = page.rejected
    for raw_page in raw_pages:
        after = raw_page.rows[-1].id if raw_page.rows else after
        raw_page.cursor = cursors.encode_cursor(cursors.QueryPosition(id_range, after))
    if page.next_url is None:
        raw_pages[-1].cursor = None
    return raw_pages
