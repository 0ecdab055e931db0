"""Companies, contacts and deals: what is concluded from the records of a batch, inside its transaction."""

from collections.abc import Callable, Collection, Iterable, Sequence

from astrelo.application.record_walk import RecordWalk, Source
from astrelo.domain.company import RecordKey, RecordMove, regroup
from astrelo.domain.contact import Contact, link_contact
from astrelo.domain.deal import Deal, link_deal
from astrelo.domain.identifiers import CompanyId, ContactId, DealId, ObjectType, RecordId
from astrelo.domain.ports import Clock, Randomness, Transaction
from astrelo.domain.records import CompanyRecord, ContactRecord, DealRecord
from astrelo.domain.sync import Counts, SyncStep
from astrelo.domain.triage import Triage, Write, tally, triage


class SyncCompanies:
    """Bring a connection's companies up to date: the records, and the companies they make up."""

    object_type = ObjectType.COMPANIES

    def __init__(self, walk: RecordWalk, clock: Clock, randomness: Randomness) -> None:
        self._walk = walk
        self._clock = clock
        self._randomness = randomness

    async def __call__(self, source: Source, step: SyncStep, should_stop: Callable[[], bool]) -> SyncStep:
        return await self._walk(source, step, self._conclude, should_stop)

    async def _conclude(self, tx: Transaction, source: Source, records: Collection[CompanyRecord]) -> Counts:
        provider = source.run.provider
        await tx.companies.lock()
        known = await tx.companies.known(provider, [record.record_id for record in records])
        batch = triage(records, known)
        moves = [
            RecordMove(
                RecordKey(provider, write.record.record_id),
                write.record.identity_domain,
                None if write.known is None else CompanyId(write.known.entity_id),
            )
            for write in batch.writes
            if _moves(write)
        ]
        companies = await tx.companies.affected(provider, moves)
        regrouping = regroup(moves, companies, lambda: CompanyId(self._randomness.uuid()))
        written = await tx.companies.put(provider, batch.writes, regrouping, self._clock.now())
        return tally(batch, written)


def _moves(write: Write[CompanyRecord]) -> bool:
    known = write.known
    return known is None or known.archived or known.identity_domain != write.record.identity_domain


class SyncContacts:
    """Bring a connection's contacts up to date, each linked as well as the companies so far allow."""

    object_type = ObjectType.CONTACTS

    def __init__(self, walk: RecordWalk, clock: Clock, randomness: Randomness) -> None:
        self._walk = walk
        self._clock = clock
        self._randomness = randomness

    async def __call__(self, source: Source, step: SyncStep, should_stop: Callable[[], bool]) -> SyncStep:
        return await self._walk(source, step, self._conclude, should_stop)

    async def _conclude(self, tx: Transaction, source: Source, records: Collection[ContactRecord]) -> Counts:
        provider = source.run.provider
        known = await tx.contacts.known(provider, [record.record_id for record in records])
        batch = triage(records, known)
        contacts = await self._linked(tx, source, batch)
        written = await tx.contacts.put(provider, contacts, self._clock.now())
        return tally(batch, written)

    async def _linked(
        self, tx: Transaction, source: Source, batch: Triage[ContactRecord]
    ) -> Sequence[tuple[Contact, bytes]]:
        records = [write.record for write in batch.writes]
        by_record = await tx.companies.by_record(source.run.provider, _company_ids(records))
        domains = {domain for record in records for domain in record.email_domains}
        by_domain = await tx.companies.by_domain(domains)
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


class SyncDeals:
    """Bring a connection's deals up to date, with their company and contacts by the CRM's ids."""

    object_type = ObjectType.DEALS

    def __init__(self, walk: RecordWalk, clock: Clock, randomness: Randomness) -> None:
        self._walk = walk
        self._clock = clock
        self._randomness = randomness

    async def __call__(self, source: Source, step: SyncStep, should_stop: Callable[[], bool]) -> SyncStep:
        return await self._walk(source, step, self._conclude, should_stop)

    async def _conclude(self, tx: Transaction, source: Source, records: Collection[DealRecord]) -> Counts:
        provider = source.run.provider
        known = await tx.deals.known(provider, [record.record_id for record in records])
        batch = triage(records, known)
        by_record = await tx.companies.by_record(
            provider, _company_ids(write.record for write in batch.writes)
        )
        deals = [
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
        written = await tx.deals.put(provider, deals, self._clock.now())
        return tally(batch, written)


def _company_ids(records: Iterable[ContactRecord | DealRecord]) -> set[RecordId]:
    return {record.company_id for record in records if record.company_id is not None}
