"""How a list finds its page: by plans that do not hang on what PostgreSQL's planner expects of the filters' values.

By its statistics the planner chooses between reading a list in order of id until a page is full, and collecting and
sorting all that fit. Wrong ones, or none as after a first sync, make either take seconds. So the choice is made here.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from astrelo.adapters.outbound.postgres.feed.written_since import find_next_written
from astrelo.adapters.outbound.postgres.session.reads import Reads
from astrelo.adapters.outbound.postgres.session.statements import statement
from astrelo.application import messages
from astrelo.domain import errors
from astrelo.domain.identifiers import ObjectType

MAX_COLLECTED = 20_000
"""Ids of all that fit, where they are rare or far behind the page before."""

MAX_SORTED = 2_000
"""Of those, how many are sorted by something else than their id."""

MAX_CANDIDATES = 1_000
"""Of which a page is read: more than it holds, since some may change before they are read."""

_SPARE = 50
"""Likewise, of a sorted page."""

_ALWAYS_THERE = frozenset({"freshness"})
"""What every record has, so that none comes last for want of it."""

_INDEXED_SORTS = frozenset({"name"})
_ORDER_ONLY = frozenset({"sort", "include_archived"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ListStatements:
    """The statements of one list, and its filters by kind."""

    records: ObjectType
    page: str
    end: str
    """Gives the id some thousand records behind another, whatever the filters."""
    sort_keys: str
    """Gives what a record is sorted by."""
    facets: str | None = None
    """Gives the combinations of facets that fit."""
    facet_filters: AbstractSet[str] = frozenset()
    """By columns of few values."""
    key_filters: AbstractSet[str] = frozenset()
    """By keys, which few records share."""

    def narrow_nothing(self) -> dict[str, object]:
        """Return the parameters of the list that leave it as it is."""
        return dict.fromkeys(statement(self.page).parameters)


async def find_facets(
    reads: Reads,
    known: ListStatements,
    user_id: UUID,
    wanted: Mapping[str, object],
    *,
    include_archived: bool,
) -> list[int] | None:
    """Return the combinations of facets that fit what is wanted; None where nothing is."""
    if known.facets is None or all(value is None for value in wanted.values()):
        return None
    rows = await reads.page(known.facets, user_id=user_id, include_archived=include_archived, **wanted)
    return [row["facets_hash"] for row in rows]


async def read_list(
    reads: Reads,
    known: ListStatements,
    values: Mapping[str, object],
    filters: msgspec.Struct,
    *,
    after: UUID | None,
    limit: int,
) -> list[asyncpg.Record]:
    """Read a page behind the record `after`, by id or sorted; records without what is sorted by come last, by id.

    Raises InvalidInput for an `after` that is gone from a sorted list.
    """
    given = msgspec.structs.asdict(filters)
    narrowed = {name for name, value in given.items() if value is not None} - _ORDER_ONLY
    if given["sort"] is not None:
        return await _read_sorted(reads, known, values, given["sort"], narrowed, after=after, limit=limit)
    page = {**values, "after": after, "limit": limit}
    if narrowed & known.key_filters:
        return await reads.rows(known.page, **page)
    if narrowed == {"company_id"}:
        return await reads.page(known.page, **{**page, "page_of": "company"})
    if narrowed and narrowed <= known.facet_filters:
        return await reads.page(known.page, **{**page, "page_of": "facets"})
    if not narrowed or values["ids"] is not None:
        return await reads.page(known.page, **page)
    return await _read_filtered(reads, known, page, after=after, limit=limit)


async def _read_filtered(
    reads: Reads, known: ListStatements, page: Mapping[str, Any], *, after: UUID | None, limit: int
) -> list[asyncpg.Record]:
    """Look through the next records; where they do not fill the page, collect all that fit, unless they are many."""
    ends = await reads.page(known.end, user_id=page["user_id"], after=after)
    end = ends[0]["id"] if ends else None
    rows = await reads.page(known.page, **{**page, "until": end})
    missing = limit - len(rows)
    if missing == 0 or end is None:
        return rows
    rest = {**page, "after": end, "limit": missing}
    candidates = await _find_candidates(reads, known, page, end)
    if candidates is not None:
        rows += await reads.page(known.page, **{**rest, "ids": candidates[:MAX_CANDIDATES]})
        missing = limit - len(rows)
        if missing == 0 or len(candidates) <= MAX_CANDIDATES:
            return rows
        rest |= {"after": candidates[MAX_CANDIDATES - 1], "limit": missing}
    return rows + await reads.page(known.page, **rest)


async def _find_candidates(
    reads: Reads, known: ListStatements, page: Mapping[str, Any], behind: UUID
) -> Sequence[UUID] | None:
    """Return the ids of all that may fit behind a record, or the first thousands, in order; None where it takes too long."""
    if page["updated_since"] is not None:
        written = await find_next_written(
            reads, page["user_id"], known.records, page["updated_since"], behind
        )
        if written is not None:
            return written
    everything = {**page, "after": None, "limit": None, "sort": "none"}
    fitting = await reads.ids(known.page, MAX_COLLECTED + 1, **everything)
    return sorted(each for each in fitting if each > behind) if len(fitting) <= MAX_COLLECTED else None


async def _read_sorted(
    reads: Reads,
    known: ListStatements,
    values: Mapping[str, Any],
    sort: str,
    narrowed: AbstractSet[str],
    *,
    after: UUID | None,
    limit: int,
) -> list[asyncpg.Record]:
    """Read a page in another order. The place of `after` is looked up anew, so it counts where it is by now."""
    key: Any = None
    if after is not None:
        keys = await reads.rows(known.sort_keys, user_id=values["user_id"], id=after)
        if not keys:
            raise errors.InvalidInput("cursor", messages.NO_CURSOR)
        key = keys[0][sort]
    read = reads.page if sort in _INDEXED_SORTS else reads.rows
    if narrowed and values["ids"] is None:
        fitting = await reads.ids(known.page, MAX_SORTED + 1, **{**values, "sort": "none"})
        if len(fitting) <= MAX_SORTED:
            values, read = {**values, "ids": fitting}, reads.rows
    rows: list[asyncpg.Record] = []
    if after is None or key is not None:
        place = {**values, f"after_{sort}": key, "after_id": after, "sort": sort, "limit": limit}
        if sort not in _INDEXED_SORTS:  # only what is shown need be read whole
            place["ids"] = await reads.ids(known.page, limit + _SPARE, **{**place, "limit": limit + _SPARE})
        rows = await read(known.page, **place)
        after = None
    if len(rows) < limit and sort not in _ALWAYS_THERE:
        place = {"keyless": sort, "after": after, "limit": limit - len(rows)}
        rows += await reads.page(known.page, **{**values, **place})
    return rows
