"""The driven ports to stored connections, tokens and runs, and the unit of work that combines all stores.

The ports to stored records are in `records`. Adapters and fakes inherit all of them explicitly: a forgotten method then
fails at construction.
"""

from abc import abstractmethod
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from astrelo.domain.connection import CrmConnection, PendingAuthorization, TokenSet
from astrelo.domain.icp import IcpProfile
from astrelo.domain.identifiers import (
    ConnectionId,
    CrmAccountId,
    ObjectType,
    Provider,
    RecordId,
    SyncRunId,
    UserId,
)
from astrelo.domain.ports.records import (
    CompanyRepository,
    ContactRepository,
    DealRepository,
    Links,
    OwnerRepository,
)
from astrelo.domain.ports.webhook_endpoints import WebhookDeliveries, WebhookEndpoints
from astrelo.domain.records import PendingRefetch, RejectedRecord
from astrelo.domain.schedule import LastRequests
from astrelo.domain.sync import Freshness, RunStatus, SyncMode, SyncRun, SyncStep
from astrelo.domain.unreadable import Unreadable


class StoredTokens(NamedTuple):
    tokens: TokenSet
    generation: int
    """Raised by every `put`: shows whether another process has refreshed meanwhile."""
    attempts: int = 0
    """How many refreshes of these tokens were begun; the outcome of all but the last is unknown."""


class TokenStore(Protocol):
    """Tokens of the transaction's user, encrypted at rest."""

    @abstractmethod
    async def get(self, connection_id: ConnectionId) -> StoredTokens:
        """Raise NotFound when there are none, as after a disconnect."""

    @abstractmethod
    async def lock(self, connection_id: ConnectionId) -> StoredTokens:
        """Like `get`, and hold an exclusive lock until this transaction ends.

        Raises StoreUnavailable when the lock is not acquired within the store's lock timeout.
        """

    @abstractmethod
    async def begin_refresh(self, connection_id: ConnectionId) -> None:
        """Count an attempt to refresh these tokens; `put` resets the count. Raises NotFound."""

    @abstractmethod
    async def put(self, connection_id: ConnectionId, tokens: TokenSet) -> int:
        """Insert or replace; return the new generation."""

    @abstractmethod
    async def note_expiry(self, connection_id: ConnectionId, generation: int, expires_at: datetime) -> None:
        """Store when the access token of a generation expires; do nothing if the tokens have another generation.

        Never waits for a lock, and does nothing if another transaction holds it, since that one will change them.
        """

    @abstractmethod
    async def delete(self, connection_id: ConnectionId) -> None:
        """Idempotent."""


class OAuthStates(Protocol):
    """Started authorizations, found by the hash of their state alone: the callback does not know the user."""

    @abstractmethod
    async def add(self, pending: PendingAuthorization) -> None: ...

    @abstractmethod
    async def consume(self, state_hash: bytes) -> PendingAuthorization | None:
        """Remove and return it, so that only one of two callbacks gets it. Expired ones are returned for a day."""


class Connections(Protocol):
    @abstractmethod
    async def get(self, provider: Provider) -> CrmConnection | None: ...

    @abstractmethod
    async def get_by_id(self, connection_id: ConnectionId) -> CrmConnection:
        """Raise NotFound."""

    @abstractmethod
    async def lock(self, provider: Provider) -> CrmConnection | None:
        """Like `get`, and hold an exclusive lock until this transaction ends."""

    @abstractmethod
    async def save(self, connection: CrmConnection) -> None:
        """Insert or update by id."""

    @abstractmethod
    async def latest_uninstall(self) -> int:
        """Return the number of the last uninstall of our app from any account; see `AppUninstalls`."""

    @abstractmethod
    async def is_uninstalled_since(self, provider: Provider, account_id: CrmAccountId, number: int) -> bool:
        """Return whether an uninstall after that number may have ended the account's grants.

        Blocks new uninstalls of the account until the transaction ends.
        """

    @abstractmethod
    async def freshness(self, connection_id: ConnectionId) -> Mapping[ObjectType, Freshness]:
        """Return the freshness of the object types that have been read to their end."""

    @abstractmethod
    async def mark_complete(
        self, connection_id: ConnectionId, object_type: ObjectType, freshness: Freshness
    ) -> None:
        """Store the freshness of this object type; neither time ever decreases."""

    @abstractmethod
    async def remember_request(self, connection_id: ConnectionId, at: datetime, mode: SyncMode) -> None:
        """Remember that a sync was requested during a run; the most thorough mode is kept."""

    @abstractmethod
    async def take_request(self, connection_id: ConnectionId) -> SyncMode | None:
        """Remove and return the remembered request's mode, None if there is none."""

    @abstractmethod
    async def count_records(self, at: datetime, providers: Collection[Provider]) -> None:
        """Count what these CRMs' records and the user's companies are now, and keep the counts for readers."""

    @abstractmethod
    async def delete(self, connection_id: ConnectionId) -> None:
        """Delete it with its tokens and runs. Purge its records before."""


class IcpProfiles(Protocol):
    @abstractmethod
    async def add_default(self, profile: IcpProfile) -> None:
        """Store it unless the user has a profile already."""

    @abstractmethod
    async def save(self, profile: IcpProfile) -> None:
        """Replace the user's default profile."""


class SyncRuns(Protocol):
    @abstractmethod
    async def add(self, run: SyncRun) -> None:
        """Insert a run and its steps. The caller holds the connection's lock, so that it has one open run only."""

    @abstractmethod
    async def get(self, run_id: SyncRunId) -> SyncRun:
        """Raise NotFound."""

    @abstractmethod
    async def lock(self, run_id: SyncRunId) -> SyncRun:
        """Like `get`, and hold an exclusive lock until this transaction ends."""

    @abstractmethod
    async def get_latest(self, connection_id: ConnectionId) -> SyncRun | None: ...

    @abstractmethod
    async def get_last_requests(self, connection_id: ConnectionId) -> LastRequests: ...

    @abstractmethod
    async def save(self, run: SyncRun) -> None:
        """Update the run and its steps' epochs. Cursors and counts change only through `advance`.

        Raises AccountBusy when the run would be the second one running on its CRM account; the
        transaction must then be rolled back.
        """

    @abstractmethod
    async def advance(self, run_id: SyncRunId, step: SyncStep) -> None:
        """Write the step's progress. Raises RunTakenOver when the epoch was raised."""

    @abstractmethod
    async def require_epoch(self, run_id: SyncRunId, step: SyncStep) -> None:
        """Raise RunTakenOver unless the step's epoch is current, and keep it so until the transaction ends.

        This is the fence, so it comes before the first write of a batch.
        """

    @abstractmethod
    async def mark_seen(
        self, run_id: SyncRunId, object_type: ObjectType, ids: Collection[RecordId]
    ) -> set[RecordId]:
        """Remember distinct ids as received in this run; return those that were received before."""

    @abstractmethod
    async def reject(
        self, run_id: SyncRunId, object_type: ObjectType, rejected: Sequence[RejectedRecord]
    ) -> None:
        """Store rejected records' ids and reasons for the run's report."""

    @abstractmethod
    async def note_unreadable(
        self, run_id: SyncRunId, object_type: ObjectType, found: Mapping[Unreadable, Sequence[RecordId]]
    ) -> None:
        """Add to the run's report; for each column and problem the first MAX_EXAMPLES ids are kept."""

    @abstractmethod
    async def forget_seen(self, run_id: SyncRunId) -> None: ...

    @abstractmethod
    async def find_other_statuses(
        self, provider: Provider, account_id: CrmAccountId, besides: SyncRunId | None = None
    ) -> frozenset[RunStatus]:
        """Return which of the statuses queued and running the account's other runs have, across all users."""


class PendingRefetches(Protocol):
    """Records that a CRM's webhooks named, to be read again by the next run."""

    @abstractmethod
    async def add(
        self, connection_id: ConnectionId, pending_refetches: Collection[PendingRefetch], at: datetime
    ) -> None:
        """Insert the records, or update when they were last named."""

    @abstractmethod
    async def list_waiting(
        self, connection_id: ConnectionId, object_type: ObjectType, limit: int
    ) -> Mapping[RecordId, datetime]:
        """Return up to `limit` records and when they were last named, oldest first."""

    @abstractmethod
    async def remove_read(
        self, connection_id: ConnectionId, object_type: ObjectType, read: Mapping[RecordId, datetime]
    ) -> None:
        """Delete refetches that are done, except for records named again since."""

    @abstractmethod
    async def has_waiting(self, connection_id: ConnectionId) -> bool: ...


class JobQueue(Protocol):
    @abstractmethod
    async def enqueue(self, run: SyncRun, delay: timedelta | None = None) -> None:
        """Enqueue a job for the run, in this transaction. Of two jobs in one epoch the earlier time counts."""


class Transaction(Protocol):
    """One user's transaction. Leaving the block commits; an exception rolls everything back."""

    connections: Connections
    tokens: TokenStore
    icp_profiles: IcpProfiles
    runs: SyncRuns
    pending_refetches: PendingRefetches
    jobs: JobQueue
    owners: OwnerRepository
    companies: CompanyRepository
    contacts: ContactRepository
    deals: DealRepository
    links: Links
    webhook_endpoints: WebhookEndpoints
    webhook_deliveries: WebhookDeliveries


@dataclass(frozen=True, slots=True)
class RecordsChangedSubscribers:
    """Called at the end of each transaction that changed records, in it. They change none, and call nobody."""

    subscribers: tuple[Callable[[Transaction, UserId], Awaitable[None]], ...] = ()

    async def publish(self, tx: Transaction, user_id: UserId) -> None:
        for subscriber in self.subscribers:
            await subscriber(tx, user_id)


class UnitOfWork(Protocol):
    @abstractmethod
    def __call__(self, user_id: UserId) -> AbstractAsyncContextManager[Transaction]:
        """Open a transaction for this user's data."""
