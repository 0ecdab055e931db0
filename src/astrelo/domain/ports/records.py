"""Driven ports: where records, and what we conclude from them, are kept.

Each belongs to one user, who is that of the transaction; see UnitOfWork.
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
from astrelo.domain.identifiers import (
    CompanyId,
    ObjectType,
    Provider,
    RecordId,
    SyncRunId,
)
from astrelo.domain.records import CompanyRecord, OwnerRecord


class OwnerRepository(Protocol):
    @abstractmethod
    async def put(self, source: Provider, owners: Sequence[OwnerRecord]) -> None: ...

    @abstractmethod
    async def list_ids(self, source: Provider) -> frozenset[RecordId]:
        """Return the ids at the CRM of all its owners that were ever put."""

    @abstractmethod
    async def purge(self, source: Provider) -> None:
        """Delete the source's owners, after its records: nothing else points at them."""


class CompanyRepository(Protocol):
    @abstractmethod
    async def lock(self) -> None:
        """Wait for, then hold until the transaction ends, the user's right to change companies.

        Statements after it see what the former holder committed.
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
        """Return the companies that the moves come from, and those whose domain they now have."""

    @abstractmethod
    async def put(
        self,
        source: Provider,
        writes: Sequence[Write[CompanyRecord]],
        departures: Sequence[RecordMove],
        regrouping: Regrouping,
        at: datetime,
    ) -> UpsertResult:
        """Write the records, archive those that departed, let their companies show their golden records."""

    @abstractmethod
    async def find_by_record(
        self, source: Provider, ids: Collection[RecordId]
    ) -> Mapping[RecordId, CompanyId]:
        """Return the live companies behind these record ids."""

    @abstractmethod
    async def find_by_domain(self, domains: Collection[str]) -> Mapping[str, CompanyId]:
        """Return the live companies with these identity domains."""

    @abstractmethod
    async def pin(
        self, company_id: CompanyId, group: FieldGroup, record: RecordKey | None, at: datetime
    ) -> None:
        """Take a field group from this record from now on; None undoes it. Idempotent but for the time.

        The caller holds the companies' lock. Raises NotFound unless the company is live and the record, live
        too, belongs to it.
        """

    @abstractmethod
    async def purge(self, source: Provider, at: datetime) -> None:
        """Delete the source's records; companies left without any go, the others are recomputed.

        The caller holds the lock of the links too: contacts and deals lose a company that goes.
        """


class ContactRepository(Protocol):
    @abstractmethod
    async def find_known(
        self, source: Provider, ids: Collection[RecordId]
    ) -> Mapping[RecordId, KnownRecord]: ...

    @abstractmethod
    async def put(
        self, source: Provider, contacts: Sequence[tuple[Contact, bytes]], at: datetime
    ) -> UpsertResult:
        """Insert or update contacts, each with its content hash; an older copy never overwrites."""

    @abstractmethod
    async def list_unseen(self, source: Provider, run_id: SyncRunId) -> Sequence[RecordId]:
        """Return the source's live records that the run has not received."""

    @abstractmethod
    async def count_live(self, source: Provider) -> int:
        """Count the source's live records."""

    @abstractmethod
    async def archive(self, source: Provider, ids: Collection[RecordId], at: datetime) -> int:
        """Archive those that are live, and count them. Reversible: a later `put` brings them back."""

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
    async def put(self, source: Provider, deals: Sequence[tuple[Deal, bytes]], at: datetime) -> UpsertResult:
        """Insert or update deals with their contacts, each with its content hash."""

    @abstractmethod
    async def list_unseen(self, source: Provider, run_id: SyncRunId) -> Sequence[RecordId]:
        """Return the source's live records that the run has not received."""

    @abstractmethod
    async def count_live(self, source: Provider) -> int:
        """Count the source's live records."""

    @abstractmethod
    async def archive(self, source: Provider, ids: Collection[RecordId], at: datetime) -> int:
        """Archive those that are live, and count them. Reversible: a later `put` brings them back."""

    @abstractmethod
    async def purge(self, source: Provider) -> None: ...


class Links(Protocol):
    """Which company each contact and deal belongs to.

    Batches of any CRM write links side by side, each its own source's. Whoever changes links of all sources
    does it alone: two such transactions would each wait for rows of the other.
    """

    @abstractmethod
    async def share(self) -> None:
        """Wait for who holds `lock`, then keep it from being taken until this transaction ends.

        Comes before companies are looked up to be pointed at: they stay. `lock` must not follow it.
        """

    @abstractmethod
    async def lock(self) -> None:
        """Wait for all that share, then let nobody else in until this transaction ends.

        Comes after the companies' lock, where that is taken too.
        """

    @abstractmethod
    async def follow_merges(
        self, source: Provider, object_type: ObjectType, merged: Mapping[RecordId, RecordId]
    ) -> None:
        """Point what names a record that was merged away at the one that lives. Takes `lock` for companies."""

    @abstractmethod
    async def relink(self, at: datetime) -> int:
        """Decide every link and owner of the user anew, set-based; write and count those that differ.

        Takes `lock`.
        """
