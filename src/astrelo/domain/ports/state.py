"""The driven ports to what is kept of users, connections and runs, and the unit of work that holds them together.

Those of records are in `repositories`. Adapters and fakes inherit all of them explicitly: a forgotten method then fails
at construction.
"""

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from astrelo.domain.connection import (
    CrmConnection,
    PendingAuthorization,
    TokenSet,
)
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
from astrelo.domain.records import PendingRefetch, RejectedRecord
from astrelo.domain.sync import Freshness, RunStatus, SyncMode, SyncRun, SyncStep
from astrelo.domain.unreadable import Unreadable


class StoredTokens(NamedTuple):
    tokens: TokenSet
    generation: int
    """Raised by every `put`: tells whether somebody else refreshed meanwhile."""
    attempts: int = 0
    """Refreshes of these tokens that were begun: what became of all but the last one is unknown."""


class TokenStore(Protocol):
    """Tokens of the transaction's user, encrypted at rest."""

    @abstractmethod
    async def get(self, connection_id: ConnectionId) -> StoredTokens:
        """Raise NotFound when there are none (disconnected)."""

    @abstractmethod
    async def lock(self, connection_id: ConnectionId) -> StoredTokens:
        """Like `get`, and keep everyone else's `lock` waiting until this transaction ends.

        Raises StoreUnavailable when the lock is not had within the store's lock timeout.
        """

    @abstractmethod
    async def begin_refresh(self, connection_id: ConnectionId) -> None:
        """Count an attempt to refresh these tokens; `put` begins the count anew. Raises NotFound."""

    @abstractmethod
    async def put(self, connection_id: ConnectionId, tokens: TokenSet) -> int:
        """Store or replace; return the new generation."""

    @abstractmethod
    async def note_expiry(self, connection_id: ConnectionId, generation: int, expires_at: datetime) -> None:
        """Add when the access token of a generation ends; do nothing if the tokens are not that generation's.

        Never waits for a lock, and does nothing if another transaction holds it: that one is about to change them.
        """

    @abstractmethod
    async def delete(self, connection_id: ConnectionId) -> None:
        """Idempotent."""


class OAuthStates(Protocol):
    """Started authorizations, found by the hash of their state alone: the callback knows no user yet."""

    @abstractmethod
    async def add(self, pending: PendingAuthorization) -> None: ...

    @abstractmethod
    async def consume(self, state_hash: bytes) -> PendingAuthorization | None:
        """Take it out, so that of two callbacks one gets it. Expired ones are returned for a day."""


class Connections(Protocol):
    @abstractmethod
    async def get(self, provider: Provider) -> CrmConnection | None: ...

    @abstractmethod
    async def get_by_id(self, connection_id: ConnectionId) -> CrmConnection:
        """Raise NotFound."""

    @abstractmethod
    async def lock(self, provider: Provider) -> CrmConnection | None:
        """Like `get`, and keep other transactions that lock it waiting until this one ends."""

    @abstractmethod
    async def save(self, connection: CrmConnection) -> None:
        """Insert or update by id."""

    @abstractmethod
    async def latest_uninstall(self) -> int:
        """Return the number of the last uninstall of our app from any account; see `AppUninstalls`."""

    @abstractmethod
    async def is_uninstalled_since(self, provider: Provider, account_id: CrmAccountId, number: int) -> bool:
        """Tell whether an uninstall may have ended what an account granted after that one.

        From here until the transaction ends none begins.
        """

    @abstractmethod
    async def freshness(self, connection_id: ConnectionId) -> Mapping[ObjectType, Freshness]:
        """Return what is known of the object types that have been walked to their end."""

    @abstractmethod
    async def mark_complete(
        self, connection_id: ConnectionId, object_type: ObjectType, freshness: Freshness
    ) -> None:
        """Note what is stored of this object type; neither time ever goes back."""

    @abstractmethod
    async def remember_request(self, connection_id: ConnectionId, at: datetime, mode: SyncMode) -> None:
        """Keep that a sync was asked for while one was under way; the most thorough mode counts."""

    @abstractmethod
    async def take_request(self, connection_id: ConnectionId) -> SyncMode | None:
        """Return the mode that was asked for, None when nobody asked, and forget it."""

    @abstractmethod
    async def delete(self, connection_id: ConnectionId) -> None:
        """Remove it with its tokens and runs. Its records must be purged before."""


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
        """Insert a run and its steps. The caller holds the connection's lock: one open run at a time."""

    @abstractmethod
    async def get(self, run_id: SyncRunId) -> SyncRun:
        """Raise NotFound."""

    @abstractmethod
    async def lock(self, run_id: SyncRunId) -> SyncRun:
        """Like `get`, and keep other transactions that lock it waiting until this one ends."""

    @abstractmethod
    async def get_latest(self, connection_id: ConnectionId) -> SyncRun | None: ...

    @abstractmethod
    async def save(self, run: SyncRun) -> None:
        """Update the run and raise its steps' epochs. Cursors and counts move only through `advance`.

        Raises AccountBusy when the run would be the second one running on its CRM account; the
        transaction can then only be rolled back.
        """

    @abstractmethod
    async def advance(self, run_id: SyncRunId, step: SyncStep) -> None:
        """Write the step if its epoch still holds: the fence, and so the first write of a batch.

        Raises RunTakenOver when the epoch has moved.
        """

    @abstractmethod
    async def require_epoch(self, run_id: SyncRunId, step: SyncStep) -> None:
        """Be the fence of a transaction that leaves the step as it is. Raises RunTakenOver."""

    @abstractmethod
    async def mark_seen(
        self, run_id: SyncRunId, object_type: ObjectType, ids: Collection[RecordId]
    ) -> set[RecordId]:
        """Remember distinct ids as received in this run; return those that had been before."""

    @abstractmethod
    async def reject(
        self, run_id: SyncRunId, object_type: ObjectType, rejected: Sequence[RejectedRecord]
    ) -> None:
        """Keep rejected records' ids and reasons for the run's report."""

    @abstractmethod
    async def note_unreadable(
        self, run_id: SyncRunId, object_type: ObjectType, found: Mapping[Unreadable, Sequence[RecordId]]
    ) -> None:
        """Add to the run's report; of each column and trouble the first MAX_EXAMPLES ids are kept."""

    @abstractmethod
    async def forget_seen(self, run_id: SyncRunId) -> None: ...

    @abstractmethod
    async def find_other_statuses(
        self, provider: Provider, account_id: CrmAccountId, besides: SyncRunId | None = None
    ) -> frozenset[RunStatus]:
        """Return which of queued and running the account's other runs are in, whoever's they are."""


class PendingRefetches(Protocol):
    """Records that a CRM's webhooks named, waiting to be read again by the next run that looks."""

    @abstractmethod
    async def add(
        self, connection_id: ConnectionId, pending_refetches: Collection[PendingRefetch], at: datetime
    ) -> None:
        """Keep the latest word about each record."""

    @abstractmethod
    async def list_waiting(
        self, connection_id: ConnectionId, object_type: ObjectType, limit: int
    ) -> Mapping[RecordId, datetime]:
        """Return some records and when they were last named, longest waiting first."""

    @abstractmethod
    async def remove_read(
        self, connection_id: ConnectionId, object_type: ObjectType, read: Mapping[RecordId, datetime]
    ) -> None:
        """Forget hints that were read, except for records named again since."""

    @abstractmethod
    async def has_waiting(self, connection_id: ConnectionId) -> bool: ...


class JobQueue(Protocol):
    @abstractmethod
    async def enqueue(self, run: SyncRun, delay: timedelta | None = None) -> None:
        """Ask a worker to take up the run, joining the transaction. Asked twice in one epoch, the earlier time counts."""


class Transaction(Protocol):
    """One user's transaction. Leaving the block normally commits; an exception rolls everything back."""

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


class UnitOfWork(Protocol):
    @abstractmethod
    def __call__(self, user_id: UserId) -> AbstractAsyncContextManager[Transaction]:
        """Open a transaction in which everything belongs to this user."""
