"""What each object type does with its changes, inside a transaction."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from astrelo.application.sync.changes import ChangeHandler, ChangeSet, Source
from astrelo.domain.change_classification import (
    ClassifiedChanges,
    KnownRecord,
    Write,
    classify_changes,
    count_outcomes,
)
from astrelo.domain.company import RecordKey, RecordMove, regroup
from astrelo.domain.contact import Contact, link_contact
from astrelo.domain.deal import Deal, link_deal
from astrelo.domain.identifiers import CompanyId, ContactId, DealId, ObjectType, Provider, RecordId
from astrelo.domain.ports.state import Transaction
from astrelo.domain.ports.system import Clock, Randomness
from astrelo.domain.reading_version import ReadingVersions
from astrelo.domain.records import CompanyRecord, ContactRecord, DealRecord, ReadingVersion, RecordT
from astrelo.domain.sync import Counts


class SyncCompanies(ChangeHandler[CompanyRecord]):
    """Applies changes of company records, and forms companies of them."""

    object_type = ObjectType.COMPANIES

    def __init__(self, clock: Clock, randomness: Randomness, versions: ReadingVersions) -> None:
        self._clock = clock
        self._randomness = randomness
        self._version = versions.get(self.object_type)

    async def apply_changes(
        self, tx: Transaction, source: Source, changes: ChangeSet[CompanyRecord]
    ) -> Counts:
        provider = source.run.provider
        await tx.companies.lock()
        known = await tx.companies.find_known(provider, changes.ids)
        batch = _classify(changes, known, self._version)
        departures = _find_departures(provider, changes, known)
        survivors = {move.merged_into for move in departures}
        moves = [
            RecordMove(
                RecordKey(provider, write.record.record_id),
                write.record.identity_domain,
                None if write.known is None else CompanyId(write.known.entity_id),
            )
            for write in batch.writes
            if _changes_company(write) or RecordKey(provider, write.record.record_id) in survivors
        ]
        if survivors:
            moves += _find_unwritten_survivors(provider, changes, batch, known, survivors)
        companies = await tx.companies.find_affected(provider, [*moves, *departures])
        regrouping = regroup([*moves, *departures], companies, lambda: CompanyId(self._randomness.uuid()))
        at = self._clock.now()
        written = await tx.companies.put(provider, batch.writes, departures, regrouping, at)
        await tx.links.follow_merges(provider, self.object_type, changes.merged)
        merged = sum(move.merged_into is not None for move in departures)
        return count_outcomes(batch, written) + Counts(archived=len(departures) - merged, merged=merged)


def _classify(
    changes: ChangeSet[RecordT], known: Mapping[RecordId, KnownRecord], version: ReadingVersion
) -> ClassifiedChanges[RecordT]:
    return classify_changes(
        changes.records,
        known,
        version,
        authoritative=changes.authoritative,
        listed_since=changes.listed_since,
    )


def _changes_company(write: Write[CompanyRecord]) -> bool:
    known = write.known
    return (
        known is None
        or known.archived_at is not None
        or known.identity_domain != write.record.identity_domain
    )


def _find_departures(
    provider: Provider, changes: ChangeSet[CompanyRecord], known: Mapping[RecordId, KnownRecord]
) -> list[RecordMove]:
    """Return a move for each live record that is gone: out of its company, or to the record it was merged into."""
    domains = {record.record_id: record.identity_domain for record in changes.records}
    gone: dict[RecordId, RecordId | None] = dict.fromkeys((*changes.removed_ids, *changes.erased_ids))
    gone.update(changes.merged)
    return [
        RecordMove(
            RecordKey(provider, record_id),
            domains.get(survivor) if survivor is not None else known[record_id].identity_domain,
            CompanyId(known[record_id].entity_id),
            live=False,
            merged_into=RecordKey(provider, survivor) if survivor in domains and survivor else None,
        )
        for record_id, survivor in gone.items()
        if record_id in known and known[record_id].archived_at is None
    ]


def _find_unwritten_survivors(
    provider: Provider,
    changes: ChangeSet[CompanyRecord],
    batch: ClassifiedChanges[CompanyRecord],
    known: Mapping[RecordId, KnownRecord],
    survivors: set[RecordKey | None],
) -> list[RecordMove]:
    """Return moves of survivors that are stored and not written, so that merged records can join their company."""
    written = {write.record.record_id for write in batch.writes}
    return [
        RecordMove(
            RecordKey(provider, record.record_id),
            known[record.record_id].identity_domain,
            CompanyId(known[record.record_id].entity_id),
        )
        for record in changes.records
        if RecordKey(provider, record.record_id) in survivors and record.record_id not in written
    ]


class SyncContacts(ChangeHandler[ContactRecord]):
    """Applies changes of contacts, and links them to the companies that are stored so far."""

    object_type = ObjectType.CONTACTS

    def __init__(self, clock: Clock, randomness: Randomness, versions: ReadingVersions) -> None:
        self._clock = clock
        self._randomness = randomness
        self._version = versions.get(self.object_type)

    async def apply_changes(
        self, tx: Transaction, source: Source, changes: ChangeSet[ContactRecord]
    ) -> Counts:
        provider, at = source.run.provider, self._clock.now()
        await tx.links.share()
        known = await tx.contacts.find_known(provider, changes.ids)
        batch = _classify(changes, known, self._version)
        contacts = await self._link(tx, provider, batch)
        written = await tx.contacts.put(provider, contacts)
        archived = merged = 0
        if changes.has_departures:
            archived = await tx.contacts.archive(provider, changes.removed_ids, at)
            archived += await tx.contacts.erase(provider, changes.erased_ids)
            merged = await tx.contacts.archive(provider, changes.merged.keys(), at)
            await tx.links.follow_merges(provider, self.object_type, changes.merged)
        return count_outcomes(batch, written) + Counts(archived=archived, merged=merged)

    async def _link(
        self, tx: Transaction, provider: Provider, batch: ClassifiedChanges[ContactRecord]
    ) -> Sequence[tuple[Contact, bytes]]:
        records = [write.record for write in batch.writes]
        by_record = await tx.companies.find_by_record(provider, _collect_company_ids(records))
        others = (record for record in records if record.company_id not in by_record)
        by_domain = await tx.companies.find_by_domain(
            {domain for one in others for domain in one.email_domains}
        )
        return [
            (
                Contact(
                    ContactId(write.known.entity_id if write.known else self._randomness.uuid()),
                    write.record,
                    link_contact(write.record, by_record, by_domain),
                ),
                write.content_hash,
            )
            for write in batch.writes
        ]


class SyncDeals(ChangeHandler[DealRecord]):
    """Applies changes of deals, and links them to companies and contacts by the CRM's ids."""

    object_type = ObjectType.DEALS

    def __init__(self, clock: Clock, randomness: Randomness, versions: ReadingVersions) -> None:
        self._clock = clock
        self._randomness = randomness
        self._version = versions.get(self.object_type)

    async def apply_changes(self, tx: Transaction, source: Source, changes: ChangeSet[DealRecord]) -> Counts:
        provider, at = source.run.provider, self._clock.now()
        await tx.links.share()
        known = await tx.deals.find_known(provider, changes.ids)
        batch = _classify(changes, known, self._version)
        written = await tx.deals.put(provider, await self._link(tx, provider, batch))
        archived = merged = 0
        if changes.has_departures:
            archived = await tx.deals.archive(provider, [*changes.removed_ids, *changes.erased_ids], at)
            merged = await tx.deals.archive(provider, changes.merged.keys(), at)
        return count_outcomes(batch, written) + Counts(archived=archived, merged=merged)

    async def _link(
        self, tx: Transaction, provider: Provider, batch: ClassifiedChanges[DealRecord]
    ) -> Sequence[tuple[Deal, bytes]]:
        records = [write.record for write in batch.writes]
        by_record = await tx.companies.find_by_record(provider, _collect_company_ids(records))
        return [
            (
                Deal(
                    DealId(write.known.entity_id if write.known else self._randomness.uuid()),
                    write.record,
                    link_deal(write.record, by_record),
                ),
                write.content_hash,
            )
            for write in batch.writes
        ]


def _collect_company_ids(records: Iterable[ContactRecord | DealRecord]) -> Collection[RecordId]:
    return {record.company_id for record in records if record.company_id is not None}
