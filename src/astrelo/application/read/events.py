"""What a user's event stream tells: the present state of connections, runs and the change feed, whenever it has changed."""

from abc import abstractmethod
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from hashlib import blake2b
from typing import NamedTuple, Protocol
from uuid import UUID

import msgspec

from astrelo.application.read import views
from astrelo.domain.identifiers import Provider, UserId

_DIGEST_BYTES = 8


class EventType(StrEnum):
    CONNECTION_CHANGED = "connection.changed"
    """Data is a ConnectionView."""
    RUN_PROGRESS = "run.progress"
    """Data is the RunView of a run that is open."""
    RUN_ENDED = "run.ended"
    """Data is the RunView of a run that has ended."""
    CHANGES_AVAILABLE = "changes.available"
    """Data is empty: GET /api/changes has the changes."""


class ConnectionView(msgspec.Struct, frozen=True, kw_only=True):
    """A user's connection to a CRM: an IntegrationView without what has events of its own, and without counts."""

    provider: Provider
    status: views.IntegrationStatus
    connection_id: UUID | None = None
    stale: bool = False
    reason: str | None = None
    action: str | None = None
    account_id: str | None = None
    account_name: str | None = None
    account_domain: str | None = None
    scopes: list[str] = msgspec.field(default_factory=list)
    connected_at: datetime | None = None
    connected_by: str | None = None
    complete_as_of: views.Freshness = views.Freshness()


class Event(NamedTuple):
    type: EventType
    data: bytes
    """JSON."""
    id: str | None = None
    """Where a client that has all events up to here resumes; None within events that belong together."""


class PresentState:
    """What is true of a user now."""

    def __init__(
        self,
        connections: Sequence[ConnectionView],
        runs: Sequence[views.RunView],
        feed_position: int,
        feed_revision: int,
    ) -> None:
        """Take an entry per CRM, and of each CRM the latest runs, the older ones first.

        The revision tells a position from the same one of another database.
        """
        self.by_key: dict[object, Event] = {}
        for connection in connections:
            data = msgspec.json.encode(connection)
            self.by_key[connection.provider] = Event(EventType.CONNECTION_CHANGED, data)
        for run in runs:
            kind = EventType.RUN_PROGRESS if run.status.is_open else EventType.RUN_ENDED
            self.by_key[run.id] = Event(kind, msgspec.json.encode(run))
        self.feed = f"{feed_position}-{feed_revision}"

    @cached_property
    def _digest(self) -> str:
        return blake2b(
            b"".join(event.data for event in self.by_key.values()), digest_size=_DIGEST_BYTES
        ).hexdigest()

    def events_since(self, former: "PresentState") -> list[Event]:
        """Return what has changed; empty when nothing has."""
        changed = [event for key, event in self.by_key.items() if former.by_key.get(key) != event]
        return self._complete(changed, has_changes=former.feed != self.feed)

    def events_after(self, last_event_id: str | None) -> list[Event]:
        """Return what may have changed since an event; everything for an id that we cannot make sense of."""
        feed, _, digest = (last_event_id or "").rpartition("-")
        known = digest == self._digest
        return self._complete([] if known else list(self.by_key.values()), has_changes=feed != self.feed)

    def _complete(self, events: list[Event], *, has_changes: bool) -> list[Event]:
        if has_changes:
            events.append(Event(EventType.CHANGES_AVAILABLE, b"{}"))
        if events:
            events[-1] = events[-1]._replace(id=f"{self.feed}-{self._digest}")
        return events


class PresentStateReader(Protocol):
    @abstractmethod
    async def read(self, user_id: UserId) -> PresentState:
        """Raise StoreUnavailable."""
