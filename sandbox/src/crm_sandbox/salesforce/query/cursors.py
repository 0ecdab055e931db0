"""Query cursors: the ids that a query selected at its start, read page by page through locators."""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from crm_sandbox.salesforce.errors import ApiError
from crm_sandbox.salesforce.org.org import Org
from crm_sandbox.salesforce.org.store import Row
from crm_sandbox.salesforce.query.selection import Selection

MIN_ROWS_PER_PAGE = 200
_LOCATOR = re.compile(r"(01g\w{15})-(\d+)")


@dataclass(slots=True, kw_only=True)
class OpenQuery:
    """The ids are fixed at the start; a page returns their rows as they are when it is read, without deleted ones."""

    selection: Selection
    ids: Sequence[str]
    expires_at: float
    batch_size: int
    is_finished: bool = False
    """Whether the last page was read."""


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

    def open(self, selection: Selection, batch_size: int) -> Page:
        """Run the query and return its first page."""
        rows = selection.select_rows()
        query = OpenQuery(
            selection=selection,
            ids=[row.id for row in rows],
            expires_at=self._org.clock.now() + self._org.flags.locator_seconds,
            batch_size=batch_size,
        )
        token = f"01g{secrets.token_hex(8)[:15]}"
        self._close_oldest(self._org.flags.max_open_cursors - 1)
        self._open[token] = query
        page = self._build_page(token, query, 0)
        if page.next_locator is None:
            del self._open[token]
        return page

    def read_page(self, locator: str) -> Page:
        """Return the page at a locator, any number of times; 400 for a locator that is unknown or expired."""
        found = _LOCATOR.fullmatch(locator)
        query = self._open.get(found[1]) if found else None
        if found is None or query is None or self._org.clock.now() >= query.expires_at:
            raise ApiError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        offset = int(found[2])
        if offset > len(query.ids):
            raise ApiError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        return self._build_page(found[1], query, offset)

    def _close_oldest(self, kept: int) -> None:
        """Close the oldest unfinished queries, but for so many: a user has a limited number of open cursors."""
        unfinished = [token for token, query in self._open.items() if not query.is_finished]
        for token in unfinished[: max(len(unfinished) - kept, 0)]:
            del self._open[token]

    def _build_page(self, token: str, query: OpenQuery, offset: int) -> Page:
        end = offset + self._page_size(query, len(query.ids) - offset)
        query.is_finished = query.is_finished or end >= len(query.ids)
        rows = (query.selection.find_row(row_id) for row_id in query.ids[offset:end])
        return Page(
            query=query,
            rows=[row for row in rows if row is not None],
            next_locator=f"{token}-{end}" if end < len(query.ids) else None,
        )

    def _page_size(self, query: OpenQuery, left: int) -> int:
        self._pages += 1
        flags = self._org.flags
        size = min(query.batch_size, flags.rows_per_page, left)
        if flags.short_page_every and self._pages % flags.short_page_every == 0:
            size = max(size // 2, 1)
        return self._org.publication.shorten(size)
