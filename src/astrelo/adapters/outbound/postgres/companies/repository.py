"""Company records and the companies they make up, in PostgreSQL."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import asyncpg

from astrelo.adapters.outbound.postgres.session.encoding import (
    as_arrays,
    as_text,
    by_field,
    fold_column,
    join_columns,
)
from astrelo.adapters.outbound.postgres.session.statements import statement
from astrelo.domain.change_classification import KnownRecord, UpsertResult, Write
from astrelo.domain.company import Company, RecordKey, RecordMove, Regrouping
from astrelo.domain.errors import NotFound
from astrelo.domain.golden_record import FieldGroup
from astrelo.domain.identifiers import CompanyId, ObjectType, Provider, RecordId, SyncRunId, UserId
from astrelo.domain.ports.records import CompanyRepository
from astrelo.domain.records import CompanyRecord

_TEXTS = (
    "domain", "identity_domain", "industry", "naics", "sic", "employee_count", "annual_revenue",
    "annual_revenue_currency", "annual_revenue_usd", "annual_revenue_rate_date", "revenue_range", "hq_country",
    "hq_region", "hq_city", "description", "phone", "linkedin_url", "lifecycle_stage", "owner_id",
)  # fmt: skip
"""What company_put_records.sql takes as joined columns behind the names, in its order."""
_NOT_TEXTS = frozenset({"employee_count", "annual_revenue", "annual_revenue_usd", "annual_revenue_rate_date"})


class PgCompanies(CompanyRepository):
    def __init__(self, connection: asyncpg.Connection, user_id: UserId) -> None:
        self._connection = connection
        self._user_id = user_id

    async def lock(self) -> None:
        await self._connection.execute(statement("company_lock"), self._user_id)

    async def find_known(self, source: Provider, ids: Collection[RecordId]) -> Mapping[RecordId, KnownRecord]:
        rows = await self._connection.fetch(
            statement("company_known"), self._user_id, source, *join_columns(list(ids))
        )
        return {record_id: KnownRecord(*stored) for record_id, *stored in rows}

    async def find_affected(self, source: Provider, moves: Sequence[RecordMove]) -> Sequence[Company]:
        if not moves:
            return []
        separator, record_ids, domains = join_columns(
            [move.key.record_id for move in moves],
            [move.identity_domain for move in moves if move.identity_domain is not None],
        )
        rows = await self._connection.fetch(
            statement("company_affected"),
            self._user_id,
            source,
            separator,
            record_ids,
            [move.company_id for move in moves if move.company_id is not None],
            domains,
        )
        return [Company(*row) for row in rows]

    async def put(
        self,
        source: Provider,
        writes: Sequence[Write[CompanyRecord]],
        departures: Sequence[RecordMove],
        regrouping: Regrouping,
        at: datetime,
    ) -> UpsertResult:
        if not writes and not departures:
            return {}
        await self._absorb(regrouping.merged_into, at)
        await self._release_domains(regrouping)
        await self._archive(regrouping.emptied, at)
        await self._archive_records(source, departures, at)
        written = await self._put_records(source, writes, regrouping) if writes else {}
        await self._index_domains(source, writes)
        await self._move_pins(source, departures)
        await self._refresh(_touched(writes, departures, regrouping), at)
        return written

    async def list_unseen(self, source: Provider, run_id: SyncRunId) -> Sequence[RecordId]:
        rows = await self._connection.fetch(
            statement("company_unseen"), self._user_id, source, run_id, ObjectType.COMPANIES
        )
        return [RecordId(row["record_id"]) for row in rows]

    async def count_live(self, source: Provider) -> int:
        return int(await self._connection.fetchval(statement("company_live"), self._user_id, source))

    async def find_by_record(
        self, source: Provider, ids: Collection[RecordId]
    ) -> Mapping[RecordId, CompanyId]:
        if not ids:
            return {}
        rows = await self._connection.fetch(
            statement("company_by_record"), self._user_id, source, *join_columns(list(ids))
        )
        return {RecordId(told): CompanyId(company_id) for told, company_id in rows}

    async def find_by_domain(self, domains: Collection[str]) -> Mapping[str, CompanyId]:
        if not domains:
            return {}
        rows = await self._connection.fetch(
            statement("company_by_domain"), self._user_id, *join_columns(list(domains))
        )
        return {told: CompanyId(company_id) for told, company_id, _ in rows}

    async def pin(
        self, company_id: CompanyId, group: FieldGroup, record: RecordKey | None, at: datetime
    ) -> None:
        if not await self._connection.fetchval(statement("company_is_live"), self._user_id, company_id):
            raise NotFound("live company", company_id)
        if record is not None:
            owner = await self._connection.fetchval(statement("company_of_record"), self._user_id, *record)
            if owner != company_id:
                raise NotFound(f"live {record.source} record {record.record_id} in company", company_id)
        await self._connection.execute(statement("company_unpin"), self._user_id, company_id, group)
        if record is not None:
            await self._connection.execute(statement("company_pin"), self._user_id, *record, group, at)
        await self._refresh([company_id], at)

    async def purge(self, source: Provider, at: datetime) -> None:
        await self.lock()
        touched = await self._ids("company_of_source", source)
        await self._connection.execute(statement("company_delete_records"), self._user_id, source)
        archived = await self._ids("company_without_live", list(touched))
        gone = await self._ids("company_without_records", source)
        await self._archive(archived, at)
        await self._refresh(archived, at, archived=True)
        await self._refresh(touched - archived - gone, at)
        await self._connection.execute(statement("company_unlink"), self._user_id, list(gone))
        await self._connection.execute(statement("company_delete"), self._user_id, list(gone))

    async def _ids(self, query: str, *arguments: object) -> set[CompanyId]:
        rows = await self._connection.fetch(statement(query), self._user_id, *arguments)
        return {CompanyId(id_) for (id_,) in rows}

    async def _absorb(self, merged_into: Mapping[CompanyId, CompanyId], at: datetime) -> None:
        """Archive them rather than delete: what they were is kept, and their ids lead to those that live."""
        if merged_into:
            # No batch of contacts or deals, of this run or the other CRM's, may be about to point at them.
            await self._connection.execute(statement("link_lock"), self._user_id)
            fallen, survivors = list(merged_into), list(merged_into.values())
            await self._connection.execute(statement("company_absorb"), self._user_id, fallen, survivors)
            await self._archive(fallen, at)

    async def _release_domains(self, regrouping: Regrouping) -> None:
        coming = {id_: domain for id_, domain in regrouping.domains.items() if id_ not in regrouping.created}
        if coming:
            await self._connection.execute(
                statement("company_release_domains"), self._user_id, list(coming), list(coming.values())
            )

    async def _archive(self, ids: Collection[CompanyId], at: datetime) -> None:
        if ids:
            await self._connection.execute(statement("company_archive"), self._user_id, list(ids), at)

    async def _archive_records(
        self, source: Provider, departures: Sequence[RecordMove], at: datetime
    ) -> None:
        if departures:
            ids = [move.key.record_id for move in departures]
            await self._connection.execute(
                statement("company_archive_records"), self._user_id, source, ids, at
            )

    async def _index_domains(self, source: Provider, writes: Sequence[Write[CompanyRecord]]) -> None:
        """Keep the index of additional domains, which few records have, in step with the records."""
        named = [write.record.record_id for write in writes if write.record.additional_domains]
        stale = [
            write.record.record_id for write in writes if write.known and write.known.has_additional_domains
        ]
        if stale:
            await self._connection.execute(statement("company_forget_domains"), self._user_id, source, stale)
        if named:
            await self._connection.execute(statement("company_add_domains"), self._user_id, source, named)

    async def _move_pins(self, source: Provider, departures: Sequence[RecordMove]) -> None:
        merged = {move.key.record_id: move.merged_into.record_id for move in departures if move.merged_into}
        if merged:
            await self._connection.execute(
                statement("company_move_pins"), self._user_id, source, list(merged), list(merged.values())
            )

    async def _refresh(self, ids: Collection[CompanyId], at: datetime, *, archived: bool = False) -> None:
        await self._connection.execute(statement("company_refresh"), self._user_id, list(ids), at, archived)

    async def _put_records(
        self, source: Provider, writes: Sequence[Write[CompanyRecord]], regrouping: Regrouping
    ) -> UpsertResult:
        told = by_field([write.record for write in writes])
        texts = (as_text(told[name]) if name in _NOT_TEXTS else told[name] for name in _TEXTS)
        rows = await self._connection.fetch(
            statement("company_put_records"),
            self._user_id,
            source,
            [_company_of(source, write, regrouping) for write in writes],
            told["source_updated_at"],
            [write.content_hash for write in writes],
            *join_columns(
                told["record_id"],
                told["name"],
                fold_column(told["name"]),
                *texts,
                as_arrays(told["additional_domains"]),
            ),
        )
        return {RecordId(record_id): was_insert for record_id, was_insert in rows}


def _company_of(source: Provider, write: Write[CompanyRecord], regrouping: Regrouping) -> CompanyId:
    assigned = regrouping.assignments.get(RecordKey(source, write.record.record_id))
    if assigned is not None:
        return assigned
    if write.known is None:
        raise ValueError(f"company record {write.record.record_id} is new and was not assigned a company")
    stored = CompanyId(write.known.entity_id)
    return regrouping.merged_into.get(stored, stored)


def _touched(
    writes: Sequence[Write[CompanyRecord]], departures: Sequence[RecordMove], regrouping: Regrouping
) -> set[CompanyId]:
    before = {CompanyId(write.known.entity_id) for write in writes if write.known is not None}
    before.update(move.company_id for move in departures if move.company_id is not None)
    return (before - regrouping.merged_into.keys() - regrouping.emptied) | set(regrouping.domains)
