"""When a connection is due for a sync, and how much a run may do at a time."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

from astrelo.domain.identifiers import ConnectionId
from astrelo.domain.sync import SyncMode

MAX_CHECK_INTERVAL = timedelta(hours=1)
"""How long a connection goes unchecked at most."""

RECHECK_DELAY = timedelta(seconds=30)
"""After which one with an open run is checked again."""

_BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncPolicy:
    """An operator's settings of syncs."""

    incremental_every: timedelta = timedelta(minutes=15)
    full_every: timedelta = timedelta(days=1)
    settle_delay: timedelta = timedelta(hours=1)
    """How late a CRM's search may publish a change; windows overlap by it."""
    slice_length: timedelta = timedelta(minutes=1)
    """A run's time slice: after it the run goes to the end of the queue, so that no large account starves a small one."""
    account_retry: timedelta = timedelta(seconds=2)
    """How long a run waits for another run of the same CRM account before it looks again."""
    account_yield: timedelta = timedelta(seconds=5)
    """How long a run that yielded its worker waits when another run of its CRM account is queued: longer than
    `account_retry`, so that the other run goes first."""
    owner_check: timedelta = timedelta(seconds=5)
    """How often a worker that waits for a CRM looks whether its run was cancelled or taken over."""
    min_deletions: int = 50
    """Up to this many records may always be archived at once."""
    max_deletion_ratio: float = 0.25
    """A larger share of an object type's records than this is not archived."""

    def allows_deletions(self, gone: int, live: int) -> bool:
        """Return whether this many deletions are plausible: a truncated listing must not empty an account."""
        return gone <= self.min_deletions or gone <= self.max_deletion_ratio * live


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRequests:
    """When a connection's last runs were requested. A failed run counts from its failure: the next slot retries."""

    last: datetime | None
    last_full: datetime | None
    is_open: bool
    """Whether a run is open: then none is due, whatever the slots."""


def latest_slot(connection_id: ConnectionId, every: timedelta, now: datetime) -> datetime:
    """Return the connection's last due time not after `now`.

    Slots are `every` apart and shifted by a hash of the id, so that connections spread evenly and each
    keeps its slot across restarts.
    """
    digest = blake2b(connection_id.bytes, digest_size=8).digest()
    shift = every * (int.from_bytes(digest) / 2**64)
    return now - (now - _BEGINNING - shift) % every


def due_mode(
    connection_id: ConnectionId, requests: LastRequests, policy: SyncPolicy, now: datetime
) -> SyncMode | None:
    """Return the mode of the run that is due now, or None.

    A full run is due in its slot, but not within half a period of the last one, which may have been
    requested by the user or by connecting.
    """
    if requests.is_open:
        return None
    if requests.last_full is None:
        return SyncMode.FULL
    full_slot = latest_slot(connection_id, policy.full_every, now)
    if requests.last_full < full_slot and now - requests.last_full >= policy.full_every / 2:
        return SyncMode.FULL
    last = requests.last or requests.last_full
    if last < latest_slot(connection_id, policy.incremental_every, now):
        return SyncMode.INCREMENTAL
    return None


def next_check(
    connection_id: ConnectionId, requests: LastRequests, policy: SyncPolicy, now: datetime
) -> datetime:
    """Return a time after `now` before which no run can become due, as long as the policy stays and none is requested.

    At most MAX_CHECK_INTERVAL ahead, so that shorter intervals count soon after they are set. Behind an open run it is soon:
    nobody says when that ends.
    """
    if requests.is_open:
        return now + RECHECK_DELAY
    looks = [
        latest_slot(connection_id, every, now) + every
        for every in (policy.incremental_every, policy.full_every)
    ]
    if requests.last_full is not None:
        looks.append(requests.last_full + policy.full_every / 2)
    return min(*(look for look in looks if look > now), now + MAX_CHECK_INTERVAL)
