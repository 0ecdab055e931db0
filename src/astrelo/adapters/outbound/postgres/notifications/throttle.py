"""Notifications (PostgreSQL's NOTIFY) that something of a user has changed: who listens reads what it is.

PostgreSQL lets one notifying transaction commit at a time, in all databases of a server. So the batches of a sync do not
notify one by one.
"""

import asyncio
from dataclasses import dataclass
from enum import IntEnum

import structlog

from astrelo.adapters.outbound.postgres.session.errors import translate_outages
from astrelo.adapters.outbound.postgres.session.queries import Queries
from astrelo.domain import errors
from astrelo.domain.identifiers import UserId

CHANNEL = "astrelo_events"
MIN_INTERVAL = 0.5
"""Seconds between two notifications of one user's progress by one process."""
_MAX_REMEMBERED = 10_000
"""Users whose last notification is remembered before old ones are dropped."""

log = structlog.get_logger()


class Urgency(IntEnum):
    NONE = 0
    SOON = 1
    """Progress and changed records: at most every MIN_INTERVAL, the last ones included."""
    NOW = 2
    """The state of a run or a connection."""


@dataclass(slots=True)
class Notification:
    """What one transaction has to notify of."""

    urgency: Urgency = Urgency.NONE

    def note(self, urgency: Urgency) -> None:
        self.urgency = max(self.urgency, urgency)


class NotificationThrottle:
    """Sends a process's notifications.

    One that would come too early is sent when its interval has passed, by one statement for all users. A process that is
    killed before has left its run open: the worker that claims it notifies of it.
    """

    def __init__(self, queries: Queries) -> None:
        self._queries = queries
        self._sent_at: dict[UserId, float] = {}
        self._delayed: set[UserId] = set()
        self._sending: asyncio.Task[None] | None = None

    async def send_if_due(self, queries: Queries, user_id: UserId, urgency: Urgency) -> bool:
        """Notify within the caller's transaction, unless it is too early. Return whether nothing is left to send."""
        if urgency is Urgency.NONE:
            return True
        now = asyncio.get_running_loop().time()
        if urgency is Urgency.SOON and not self._has_paused(user_id, now):
            return False
        if len(self._sent_at) >= _MAX_REMEMBERED:
            self._sent_at = {user: at for user, at in self._sent_at.items() if now - at < MIN_INTERVAL}
        self._sent_at[user_id] = now
        await queries.execute("notify_users", user_ids=[user_id])
        return True

    def _has_paused(self, user_id: UserId, now: float) -> bool:
        return user_id not in self._sent_at or now - self._sent_at[user_id] >= MIN_INTERVAL

    def send_later(self, user_id: UserId) -> None:
        """Notify of what is committed, within MIN_INTERVAL."""
        self._delayed.add(user_id)
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send_delayed())

    async def _send_delayed(self) -> None:
        while self._delayed:
            await asyncio.sleep(MIN_INTERVAL)  # real time: a test's clock would not pass for those who listen
            now = asyncio.get_running_loop().time()
            user_ids = [user_id for user_id in self._delayed if self._has_paused(user_id, now)]
            self._delayed.difference_update(user_ids)
            self._sent_at |= dict.fromkeys(user_ids, now)
            try:
                with translate_outages():
                    if user_ids:
                        await self._queries.execute("notify_users", user_ids=user_ids)
            except errors.StoreUnavailable as error:
                log.warning("notification.lost", users=len(user_ids), reason=error.reason)
