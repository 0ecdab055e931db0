"""The change feed in PostgreSQL: its entries name records, which are shown as they are now."""

from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import msgspec

from astrelo.adapters.outbound.postgres.companies.reader import PgCompanyReader
from astrelo.adapters.outbound.postgres.contacts.reader import PgContactReader
from astrelo.adapters.outbound.postgres.deals.reader import PgDealReader
from astrelo.adapters.outbound.postgres.session.errors import translate_errors
from astrelo.adapters.outbound.postgres.session.queries import Queries
from astrelo.adapters.outbound.postgres.session.reads import Reads, UserShares
from astrelo.application import messages
from astrelo.application.read import feed, views
from astrelo.domain import errors
from astrelo.domain.identifiers import UserId
from astrelo.domain.ports.crm import RecordUrls

_EXPORT_SIZE = 1000
_EXPORT_WAIT = timedelta(seconds=2)
"""How long an export waits for the user's other one to end, and for a connection."""
_MAX_ROUNDS = 20
"""How many further entries fill up a page whose records have later ones."""
_AT_END = 1 << 62
"""An ordinal behind every entry of a position."""
_FIRST_ID = UUID(int=0)


class _Source(NamedTuple):
    """How records of a type are read."""

    read: str
    list_ids: str
    change: Callable[..., feed.AnyChange]
    to_view: Callable[[asyncpg.Record], feed.AnyView]


def _sources(reads: Reads, urls: RecordUrls) -> Mapping[feed.RecordType, _Source]:
    return {
        feed.RecordType.COMPANIES: _Source(
            "read_companies_by_id",
            "list_companies_in_snapshot",
            feed.CompanyChange,
            PgCompanyReader(reads, urls).to_view,
        ),
        feed.RecordType.CONTACTS: _Source(
            "read_contacts_by_id",
            "list_contacts_in_snapshot",
            feed.ContactChange,
            PgContactReader(reads, urls).to_view,
        ),
        feed.RecordType.DEALS: _Source(
            "read_deals_by_id", "list_deals_in_snapshot", feed.DealChange, PgDealReader(reads, urls).to_view
        ),
        feed.RecordType.OWNERS: _Source(
            "read_owners_by_id",
            "list_owners_in_snapshot",
            feed.OwnerChange,
            lambda row: msgspec.convert(dict(row), views.OwnerView),
        ),
    }


class _Head(NamedTuple):
    position: int
    revision: int
    pruned_through: int


class _Candidate(NamedTuple):
    """A record of an entry, which is shown unless a later entry names it again."""

    entry: asyncpg.Record
    number: int

    @property
    def id(self) -> UUID:
        found: UUID = self.entry["ids"][self.number]
        return found


class PgChangeFeed(feed.ChangeFeed):
    """Pages are read as all reads are; an export keeps a connection of a pool of its own for as long as it lasts."""

    def __init__(self, reads: Reads, export_pool: asyncpg.Pool, urls: RecordUrls) -> None:
        self._reads = reads
        self._sources = _sources(reads, urls)
        self._export_pool = export_pool
        self._exports = UserShares(1, _EXPORT_WAIT)

    async def begin(self, user_id: UserId, record_types: Sequence[feed.RecordType]) -> feed.FeedCursor:
        head = await _read_head(self._reads, user_id)
        return feed.FeedCursor(_end_of(head), feed.SnapshotPlace(tuple(record_types), _FIRST_ID))

    async def read(
        self, user_id: UserId, cursor: feed.FeedCursor, record_types: Sequence[feed.RecordType], limit: int
    ) -> feed.FeedPage:
        head = await _read_head(self._reads, user_id)
        await self._check(user_id, cursor.place, head)
        if cursor.snapshot is not None:
            return await self._read_snapshot(user_id, cursor.place, cursor.snapshot, limit)
        return await self._read_changes(user_id, cursor.place, head, record_types, limit)

    async def export(
        self, user_id: UserId, record_type: feed.RecordType
    ) -> AsyncGenerator[Sequence[feed.AnyView] | feed.FeedCursor]:
        source = self._sources[record_type]
        with translate_errors():
            async with (
                self._exports.hold(user_id),
                self._export_pool.acquire(timeout=_EXPORT_WAIT.total_seconds()) as connection,
                connection.transaction(isolation="repeatable_read", readonly=True),
            ):
                queries = Queries(connection)
                head = await _read_head(queries, user_id)
                after = _FIRST_ID
                while listed := await _list_unchanged(
                    queries, source, user_id, after, head.position, _EXPORT_SIZE
                ):
                    after = max(listed)
                    found = await _read_rows(queries, source, user_id, [*listed])
                    yield [source.to_view(found[id_]) for id_ in listed]
        yield feed.FeedCursor(_end_of(head))

    async def _check(self, user_id: UserId, place: feed.FeedPlace, head: _Head) -> None:
        """Compare the cursor with what was committed: positions alone begin anew in another database."""
        if (place.position, place.ordinal) < (head.pruned_through, _AT_END):
            raise errors.CursorExpired
        if place.position == 0 and place.revision == 0:
            return
        revision = await self._reads.value("read_feed_revision", user_id=user_id, position=place.position)
        if revision is None or revision != place.revision:
            raise errors.InvalidCursor("after", messages.CURSOR_OF_ANOTHER_DATABASE)

    async def _read_snapshot(
        self, user_id: UserId, place: feed.FeedPlace, progress: feed.SnapshotPlace, limit: int
    ) -> feed.FeedPage:
        changes: list[feed.AnyChange] = []
        record_types, after = progress
        while record_types and len(changes) < limit:
            source = self._sources[record_types[0]]
            wanted = limit - len(changes)
            listed = await _list_unchanged(self._reads, source, user_id, after, place.position, wanted)
            found = await _read_rows(self._reads, source, user_id, [*listed])
            # What has changed since it was listed comes after the snapshot.
            changes += [
                _upserted(source, found[id_])
                for id_, revision in listed.items()
                if id_ in found and found[id_]["revision"] == revision
            ]
            after = max(listed, default=after)
            if len(listed) < wanted:
                record_types, after = record_types[1:], _FIRST_ID
        snapshot = feed.SnapshotPlace(record_types, after) if record_types else None
        return feed.FeedPage(changes, feed.FeedCursor(place, snapshot), has_more=True)

    async def _read_changes(
        self,
        user_id: UserId,
        place: feed.FeedPlace,
        head: _Head,
        record_types: Sequence[feed.RecordType],
        limit: int,
    ) -> feed.FeedPage:
        changes: list[feed.AnyChange] = []
        lag: timedelta | None = None
        for _ in range(_MAX_ROUNDS):
            wanted = limit - len(changes)
            entries = await self._reads.rows(
                "read_feed_entries",
                user_id=user_id,
                position=place.position,
                ordinal=place.ordinal,
                through=head.position,
                record_types=list(record_types),
                # One more than is wanted shows whether there is more.
                limit=wanted + place.offset + 1,
            )
            candidates = _after(place, entries)
            if lag is None and candidates:
                lag = candidates[0].entry["age"]
            changes += await self._show(user_id, candidates[:wanted])
            if len(candidates) <= wanted:
                return feed.FeedPage(changes, feed.FeedCursor(_end_of(head)), has_more=False, lag=lag)
            entry, number = candidates[wanted]
            place = feed.FeedPlace(entry["position"], entry["revision"], entry["ordinal"], number)
            if len(changes) == limit:
                break
        return feed.FeedPage(changes, feed.FeedCursor(place), has_more=True, lag=lag)

    async def _show(self, user_id: UserId, candidates: Sequence[_Candidate]) -> list[feed.AnyChange]:
        """Return the changes for which no later entry stands, each once."""
        ids: dict[feed.RecordType, list[UUID]] = defaultdict(list)
        for candidate in candidates:
            if candidate.entry["deletion"] is None:
                ids[feed.RecordType(candidate.entry["record_type"])].append(candidate.id)
        found = {
            record_type: await _read_rows(self._reads, self._sources[record_type], user_id, wanted)
            for record_type, wanted in ids.items()
        }
        changes: list[feed.AnyChange] = []
        for candidate in candidates:
            record_type = feed.RecordType(candidate.entry["record_type"])
            if candidate.entry["deletion"] is not None:
                changes.append(_deleted(self._sources[record_type], candidate))
                continue
            row = found[record_type].get(candidate.id)
            if row is not None and row["revision"] == candidate.entry["revision"]:
                del found[record_type][candidate.id]
                changes.append(_upserted(self._sources[record_type], row))
        return changes


def _end_of(head: _Head) -> feed.FeedPlace:
    return feed.FeedPlace(head.position, head.revision, _AT_END, 0)


async def _read_head(reads: Reads | Queries, user_id: UserId) -> _Head:
    rows = await reads.rows("read_feed_head", user_id=user_id)
    return _Head(*rows[0]) if rows else _Head(0, 0, 0)


async def _list_unchanged(
    reads: Reads | Queries, source: _Source, user_id: UserId, after: UUID, through: int, limit: int
) -> dict[UUID, int]:
    """Return a page of the ids of what has not changed since a position, each with its revision, in order of id."""
    rows = await reads.rows(source.list_ids, user_id=user_id, after=after, through=through, limit=limit)
    return {row["id"]: row["revision"] for row in rows}


async def _read_rows(
    reads: Reads | Queries, source: _Source, user_id: UserId, ids: Sequence[UUID]
) -> dict[UUID, asyncpg.Record]:
    rows = await reads.rows(source.read, user_id=user_id, ids=ids) if ids else []
    return {row["id"]: row for row in rows}


def _after(place: feed.FeedPlace, entries: Sequence[asyncpg.Record]) -> list[_Candidate]:
    """Return the records of these entries that lie after a place."""
    first = (place.position, place.ordinal)
    return [
        _Candidate(entry, number)
        for entry in entries
        for number in range(
            place.offset if (entry["position"], entry["ordinal"]) == first else 0, len(entry["ids"])
        )
    ]


def _upserted(source: _Source, row: asyncpg.Record) -> feed.AnyChange:
    return source.change(
        id=row["id"], change=feed.ChangeKind.UPSERTED, at=row["synced_at"], data=source.to_view(row)
    )


def _deleted(source: _Source, candidate: _Candidate) -> feed.AnyChange:
    entry = candidate.entry
    merged_into: Any = entry["merged_into"] and entry["merged_into"][candidate.number]
    return source.change(
        id=candidate.id,
        change=feed.ChangeKind.DELETED,
        reason=feed.DeletionReason(entry["deletion"]),
        merged_into=merged_into,
        at=entry["committed_at"],
    )
