"""The driven ports to stored records and the entities derived from them.

Each works for one user, that of the transaction; see UnitOfWork.
"""

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from astrelo.domain.change_classification import KnownRecord, UpsertResult, Write
from astrelo.domain.company import Company, RecordKey, RecordMove, Regrouping
from astrelo.domain.contact import Contact
from astrelo.domain.deal import Deal
from astrelo.domain.golden_record import FieldGroup
from astrelo.domain.identifiers import CompanyId, ObjectType, Provider, RecordId, SyncRunId
from astrelo.domain.records import CompanyRecord, OwnerRecord


class OwnerRepository(Protocol):
    @abstractmethod
    async def put(self, source: Provider, owners: Sequence[OwnerRecord]) -> None: ...

    @abstractmethod
    async def list_ids(self, source: Provider) -> frozenset[RecordId]:
        """Return the CRM ids of all owners that were ever stored."""

    @abstractmethod
    async def purge(self, source: Provider) -> None:
        """Delete the source's owners. Delete its records first: they refer to owners."""


class CompanyRepository(Protocol):
    @abstractmethod
    async def lock(self) -> None:
        """Acquire the exclusive right to change the user's companies until the transaction ends.

        Later statements see what the former holder committed.
        """

    @abstractmethod
    async def find_known(
        self, source: Provider, ids: Collection[RecordId]
    ) -> Mapping[RecordId, KnownRecord]: ...

    @abstractmethod
    async def list_unseen(self, source: Provider, run_id: SyncRunId) -> Sequence[RecordId]:
        """Return the source's live records that the run has not received."""

    @abstractmethod
    async def count_live(self, source: Provider) -> int:
        """Count the source's live records."""

    @abstractmethod
    async def find_affected(self, source: Provider, moves: Sequence[RecordMove]) -> Sequence[Company]:
        """Return the companies that the moves leave, and those whose domain they now have."""

    @abstractmethod
    async def put(
        self,
        source: Provider,
        writes: Sequence[Write[CompanyRecord]],
        departures: Sequence[RecordMove],
        regrouping: Regrouping,
        at: datetime,
    ) -> UpsertResult:
        """Write the records, archive the departures, and recompute the golden records of their companies."""

    @abstractmethod
    async def find_by_record(
        self, source: Provider, ids: Collection[RecordId]
    ) -> Mapping[RecordId, CompanyId]:
        """Return the live companies of these record ids."""

    @abstractmethod
    async def find_by_domain(self, domains: Collection[str]) -> Mapping[str, CompanyId]:
        """Return the live companies with these identity domains."""

    @abstractmethod
    async def pin(
        self, company_id: CompanyId, group: FieldGroup, record: RecordKey | None, at: datetime
    ) -> None:
        """Pin a field group to this record; None removes the pin. Idempotent except for the time.

        The caller holds the companies' lock. Raises NotFound unless the company is live and the record is a
        live record of it.
        """

    @abstractmethod
    async def purge(self, source: Provider, at: datetime) -> None:
        """Delete the source's records, and companies that have none left; recompute the other companies.

        The caller holds the lock of the links too: contacts and deals lose a company that is deleted.
        """


class ContactRepository(Protocol):
    @abstractmethod
    async def find_known(
        self, source: Provider, ids: Collection[RecordId]
    ) -> Mapping[RecordId, KnownRecord]: ...

    @abstractmethod
    async def put(self, source: Provider, contacts: Sequence[tuple[Contact, bytes]]) -> UpsertResult:
        """Insert or update contacts, each with its content hash; an older copy never overwrites."""

    @abstractmethod
    async def list_unseen(self, source: Provider, run_id: SyncRunId) -> Sequence[RecordId]:
        """Return the source's live records that the run has not received."""

    @abstractmethod
    async def count_live(self, source: Provider) -> int:
        """Count the source's live records."""

    @abstractmethod
    async def archive(self, source: Provider, ids: Collection[RecordId], at: datetime) -> int:
        """Archive those that are live, and return their number. Reversible: a later `put` revives them."""

    @abstractmethod
    async def list_archived(self, source: Provider) -> Sequence[RecordId]:
        """Return the source's archived records, those that were merged away included."""

    @abstractmethod
    async def erase(self, source: Provider, ids: Collection[RecordId]) -> int:
        """Delete them for good, and count them."""

    @abstractmethod
    async def purge(self, source: Provider) -> None: ...


class DealRepository(Protocol):
    @abstractmethod
    async def find_known(
        self, source: Provider, ids: Collection[RecordId]
    ) -> Mapping[RecordId, KnownRecord]: ...

    @abstractmethod
    async def put(self, source: Provider, deals: Sequence[tuple[Deal, bytes]]) -> UpsertResult:
        """Insert or update deals with their contacts, each with its content hash."""

    @abstractmethod
    async def list_unseen(self, source: Provider, run_id: SyncRunId) -> Sequence[RecordId]:
        """Return the source's live records that the run has not received."""

    @abstractmethod
    async def count_live(self, source: Provider) -> int:
        """Count the source's live records."""

    @abstractmethod
    async def archive(self, source: Provider, ids: Collection[RecordId], at: datetime) -> int:
        """Archive those that are live, and return their number. Reversible: a later `put` revives them."""

    @abstractmethod
    async def purge(self, source: Provider) -> None: ...


class Links(Protocol):
    """Which company each contact and deal belongs to.

    Batches of different CRMs write links concurrently, each those of its own source. A transaction that changes
    links of all sources takes `lock`: two of them would deadlock on each other's rows.
    """

    @abstractmethod
    async def share(self) -> None:
        """Acquire a shared lock until this transaction ends, which excludes `lock`.

        Take it before looking up companies to link to: they then stay. Do not take `lock` after it.
        """

    @abstractmethod
    async def lock(self) -> None:
        """Acquire the exclusive lock until this transaction ends, which excludes `share` and `lock`.

        Take it after the companies' lock, where both are needed.
        """

    @abstractmethod
    async def follow_merges(
        self, source: Provider, object_type: ObjectType, merged: Mapping[RecordId, RecordId]
    ) -> None:
        """Redirect references from records that were merged away to the survivors. Takes `lock` for companies."""

    @abstractmethod
    async def relink(self, *, only_if_changed: bool = False) -> int:
        """Recompute every link and owner of the user, set-based; write and count those that differ.

        With `only_if_changed` only when a record of the user has changed since it was last done. The last of what
        its transaction does to records. Takes `lock`.
        """
