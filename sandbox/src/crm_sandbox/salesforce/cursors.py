"""Open queries: the ids that one selected when it began, read page by page."""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from crm_sandbox.salesforce.errors import ApiRefusal
from crm_sandbox.salesforce.org import Org
from crm_sandbox.salesforce.selection import Selection
from crm_sandbox.salesforce.store import Row

LEAST_ROWS_PER_PAGE = 200
_LOCATOR = re.compile(r"(01g\w{15})-(\d+)")


@dataclass(slots=True, kw_only=True)
class OpenQuery:
    """The ids are fixed; what a page shows of them is what they are by then, and who is gone is left out."""

    selection: Selection
    ids: Sequence[str]
    expires_at: float
    batch_size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    query: OpenQuery
    rows: Sequence[Row]
    next_locator: str | None


class QueryCursors:
    def __init__(self, org: Org) -> None:
        self._org = org
        self._open: dict[str, OpenQuery] = {}
        self._pages = 0

    def begin(self, selection: Selection, batch_size: int) -> Page:
        """Select, and give the first page."""
        rows = selection.rows()
        query = OpenQuery(
            selection=selection,
            ids=[row.id for row in rows],
            expires_at=self._org.clock.now() + self._org.flags.locator_seconds,
            batch_size=batch_size,
        )
        token = f"01g{secrets.token_hex(8)[:15]}"
        self._open[token] = query
        page = self._page(token, query, 0)
        if page.next_locator is None:
            del self._open[token]
        return page

    def read_on(self, locator: str) -> Page:
        """Give the page at a locator; the same one again when it is asked for again."""
        found = _LOCATOR.fullmatch(locator)
        query = self._open.get(found[1]) if found else None
        if found is None or query is None or self._org.clock.now() >= query.expires_at:
            raise ApiRefusal(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        offset = int(found[2])
        if offset > len(query.ids):
            raise ApiRefusal(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        return self._page(found[1], query, offset)

    def _page(self, token: str, query: OpenQuery, offset: int) -> Page:
        end = offset + self._size(query, len(query.ids) - offset)
        now = (query.selection.again(row_id) for row_id in query.ids[offset:end])
        return Page(
            query=query,
            rows=[row for row in now if row is not None],
            next_locator=f"{token}-{end}" if end < len(query.ids) else None,
        )

    def _size(self, query: OpenQuery, left: int) -> int:
        self._pages += 1
        flags = self._org.flags
        size = min(query.batch_size, flags.rows_per_page, left)
        if flags.short_page_every and self._pages % flags.short_page_every == 0:
            size = max(size // 2, 1)
        return self._org.publication.shorten(size)
