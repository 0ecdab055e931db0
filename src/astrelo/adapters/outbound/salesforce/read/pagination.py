"""Walking an object's rows by queries, in the order of ids.

Within a walk Salesforce's links are followed: they page through what the query found when it began. But the
cursor is the last id handed out, and going on means asking for the ids behind it. So a cursor outlives
Salesforce's locators, and one that dies in mid-walk costs a query.

A whole walk asks for live rows, and among accounts for companies alone. One of a window asks by SystemModstamp, which moves with everything that happens
to a row, and among the deleted ones and the accounts of persons too: both may have been companies. A row that is modified while its window is walked may be missed there:
its new stamp lies beyond the window's end, which is no later than the walk's begin, and the next window begins
before that end. Rows appear some seconds after their stamp; the overlap of the windows covers that too.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from astrelo.adapters.outbound.crm.pagination import PaginationLoopGuard
from astrelo.adapters.outbound.salesforce.api.client import Kind, SalesforceClient
from astrelo.adapters.outbound.salesforce.api.decoding import RowPage
from astrelo.adapters.outbound.salesforce.api.error_mapper import Refused
from astrelo.adapters.outbound.salesforce.api.field_access import Describing
from astrelo.adapters.outbound.salesforce.api.soql import Condition, Query
from astrelo.adapters.outbound.salesforce.api.wire import AccountRow, Row
from astrelo.adapters.outbound.salesforce.read.cursors import IdRange, QueryPosition, cursor_of
from astrelo.domain.errors import CrmUnavailable
from astrelo.domain.identifiers import Cursor, Provider
from astrelo.domain.ports.crm import CrmSession
from astrelo.domain.records import RejectedRecord

R = TypeVar("R", bound=Row)
Q = TypeVar("Q", bound=Row)

GROUP_SIZE = 1_000
"""Rows that are completed and handed out together, at most."""

_EXPIRED = "INVALID_QUERY_LOCATOR"
_NO_PERSON = Condition("IsPersonAccount", "=", value=False)
"""Only where the org's describe has the field: it comes with person accounts."""


@dataclass(slots=True, kw_only=True)
class Group(Generic[R]):
    """Rows to be completed and yielded together; `cursor` is where the walk goes on after them."""

    rows: Sequence[R] = ()
    rejected: Sequence[RejectedRecord] = ()
    cursor: Cursor | None = None
    expected_total: int | None = None


class TooMany(Exception):
    """A walk that begins has more rows than are worth reading by queries."""

    def __init__(self, rows: int, expected_total: int | None) -> None:
        super().__init__(f"{rows} rows")
        self.expected_total = expected_total


class QueryContext(NamedTuple, Generic[R]):
    """Whose rows of which object are read."""

    client: SalesforceClient
    describing: Describing
    session: CrmSession
    kind: Kind[R]

    def of(self, kind: Kind[Q]) -> "QueryContext[Q]":
        """Read another object of the same org."""
        return QueryContext(self.client, self.describing, self.session, kind)

    def query(
        self,
        fields: Sequence[str],
        conditions: Sequence[Condition],
        order: Sequence[str] = (),
        *,
        deleted: bool,
    ) -> Query:
        """Ask for these fields; for companies alone where neither deleted rows nor persons' accounts are wanted."""
        if not deleted and self.kind.row is AccountRow and _NO_PERSON.field in fields:
            conditions = (*conditions, _NO_PERSON)
        return Query(fields, self.kind.object, conditions, order)

    async def found(self, conditions: Sequence[Condition], after: str | None, *, deleted: bool) -> RowPage[R]:
        """Ask for the first page behind an id, for every wanted field that may be seen."""
        rows_after = () if after is None else (Condition("Id", ">", after),)

        async def ask(fields: Sequence[str]) -> RowPage[R]:
            query = self.query(fields, (*conditions, *rows_after), ("Id",), deleted=deleted)
            return await self.client.query(self.session, self.kind, query, deleted=deleted)

        return await self.describing.asking(self.session, self.kind, ask)


async def paginate_rows(
    reading: QueryContext[R],
    conditions: Sequence[Condition] = (),
    *,
    deleted: bool = False,
    after: str | None = None,
) -> AsyncGenerator[RowPage[R], None]:
    """Yield what a query finds, page by page in the order of ids, whatever becomes of Salesforce's locators."""
    page = await reading.found(conditions, after, deleted=deleted)
    asked_after, trail = after, PaginationLoopGuard(None, Provider.SALESFORCE)
    while True:
        yield page
        if page.next_url is None:
            return
        after = page.rows[-1].id if page.rows else after
        try:
            url = trail.follow(page.next_url)
            page = await reading.client.more(reading.session, reading.kind, url)
        except Refused as error:
            if error.code != _EXPIRED:
                raise
            if after == asked_after:
                what = "its query locators die before they are used"
                raise CrmUnavailable(Provider.SALESFORCE, what) from error
            asked_after = after
            page = await reading.found(conditions, after, deleted=deleted)


async def query_rows(
    reading: QueryContext[R], position: QueryPosition, most: int | None = None
) -> AsyncGenerator[Group[R], None]:
    """Walk by queries from a position on; raise TooMany where a walk begins that has more than `most` rows."""
    id_range, after = position.id_range, position.after
    begins = after is None
    pages = paginate_rows(reading, range_conditions(id_range), deleted=id_range is not None, after=after)
    async with aclosing(pages):
        async for page in pages:
            if begins and most is not None and page.total > most:
                raise TooMany(page.total, _expected_total(page))
            for group in _parts(page, id_range, after):
                group.expected_total = _expected_total(page) if begins else None
                begins = False
                yield group
            after = page.rows[-1].id if page.rows else after


def range_conditions(id_range: IdRange | None) -> list[Condition]:
    """Say what belongs to a walk: both bounds count, so that windows that touch leave no row out."""
    if id_range is None:
        return []
    return [
        Condition("SystemModstamp", ">=", id_range.first),
        Condition("SystemModstamp", "<=", id_range.last),
    ]


def _expected_total(page: RowPage[R]) -> int | None:
    """Return None where persons' accounts are counted in: nobody tells how many of them a window has."""
    return None if any(row.is_person for row in page.rows) else page.total


def _parts(page: RowPage[R], id_range: IdRange | None, after: str | None) -> list[Group[R]]:
    """Divide a page. What was rejected goes with the first part: an interruption then repeats, and loses none."""
    starts = range(0, len(page.rows), GROUP_SIZE) or range(1)
    groups = [Group(rows=page.rows[start : start + GROUP_SIZE]) for start in starts]
    groups[0].rejected = page.rejected
    for group in groups:
        after = group.rows[-1].id if group.rows else after
        group.cursor = cursor_of(QueryPosition(id_range, after))
    if page.next_url is None:
        groups[-1].cursor = None
    return groups
