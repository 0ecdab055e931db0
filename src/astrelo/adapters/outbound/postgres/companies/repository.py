"""Company records and the companies they make up, in PostgreSQL."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import asyncpg

from astrelo.adapters.outbound.postgres.companies.columns import COMPANY_COLUMNS
from astrelo.adapters.outbound.postgres.session.columns import encode_columns, join_columns, transpose
from astrelo.adapters.outbound.postgres.session.queries import Queries, Revision
from astrelo.domain import errors
from astrelo.domain.change_classification import KnownRecord, UpsertResult, Write
from astrelo.domain.company import Company, RecordKey, RecordMove, Regrouping
from astrelo.domain.golden_record import FieldGroup
from astrelo.domain.identifiers import CompanyId, ObjectType, Provider, RecordId, SyncRunId, UserId
from astrelo.domain.ports.records import CompanyRepository
from astrelo.domain.records import CompanyRecord


class PgCompanies(CompanyRepository):
    def __init__(self, connection: asyncpg.Connection, user_id: UserId, revision: Revision) -> None:
        self._queries = Queries(connection, user_id=user_id, revision=revision)

    async def lock(self) -> None:
        await self._queries.execute("lock_companies")

    async def find_known(self, source: Provider, ids: Collection[RecordId]) -> Mapping[RecordId, KnownRecord]:
        rows = await self._queries.rows(
            "get_known_company_records", source=source, **join_columns(record_ids=list(ids))
        )
        return {record_id: KnownRecord(*stored) for record_id, *stored in rows}

    async def find_affected(self, source: Provider, moves: Sequence[RecordMove]) -> Sequence[Company]:
        if not moves:
            return []
        rows = await self._queries.rows(
            "list_affected_companies",
            source=source,
            company_ids=[move.company_id for move in moves if move.company_id is not None],
            **join_columns(
                record_ids=[move.key.record_id for move in moves],
                domains=[move.identity_domain for move in moves if move.identity_domain is not None],
            ),
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
        if departures:
            left = [move.key.record_id for move in departures]
            await self._queries.execute("archive_company_records", source=source, record_ids=left, at=at)
        written = await self._put_records(source, writes, regrouping) if writes else {}
        await self._index_domains(source, writes)
        await self._move_pins(source, departures)
        before = {CompanyId(write.known.entity_id) for write in writes if write.known is not None}
        before.update(move.company_id for move in departures if move.company_id is not None)
        await self._refresh(regrouping.changed(before), at)
        return written

    async def list_unseen(self, source: Provider, run_id: SyncRunId) -> Sequence[RecordId]:
        rows = await self._queries.rows(
            "list_unseen_company_records", source=source, run_id=run_id, object_type=ObjectType.COMPANIES
        )
        return [RecordId(row["record_id"]) for row in rows]

    async def count_live(self, source: Provider) -> int:
        return int(await self._queries.value("count_live_company_records", source=source))

    async def find_by_record(
        self, source: Provider, ids: Collection[RecordId]
    ) -> Mapping[RecordId, CompanyId]:
        if not ids:
            return {}
        rows = await self._queries.rows(
            "find_companies_by_record", source=source, **join_columns(record_ids=list(ids))
        )
        return {RecordId(record_id): CompanyId(company_id) for record_id, company_id in rows}

    async def find_by_domain(self, domains: Collection[str]) -> Mapping[str, CompanyId]:
        if not domains:
            return {}
        rows = await self._queries.rows("find_companies_by_domain", **join_columns(domains=list(domains)))
        return {domain: CompanyId(company_id) for domain, company_id, _ in rows}

    async def pin(
        self, company_id: CompanyId, group: FieldGroup, record: RecordKey | None, at: datetime
    ) -> None:
        if not await self._queries.value("is_company_live", company_id=company_id):
            raise errors.NotFound("live company", company_id)
        if record is not None:
            found = await self._queries.value("get_company_of_record", **record._asdict())
            if found != company_id:
                raise errors.NotFound(
                    f"live {record.source} record {record.record_id} in company", company_id
                )
        await self._queries.execute("unpin_field_group", company_id=company_id, field_group=group)
        if record is not None:
            await self._queries.execute("pin_field_group", **record._asdict(), field_group=group, at=at)
        await self._refresh([company_id], at)

    async def purge(self, source: Provider, at: datetime) -> None:
        await self.lock()
        affected = await self._list("list_companies_of_source", source=source)
        await self._queries.execute("delete_company_records", source=source)
        archived = await self._list("list_companies_without_live_records", company_ids=list(affected))
        gone = await self._list("list_companies_without_records", source=source)
        await self._archive(archived, at)
        await self._refresh(archived, at, archived=True)
        await self._refresh(affected - archived - gone, at)
        await self._queries.execute("unlink_companies", company_ids=list(gone))
        await self._queries.execute("delete_companies", company_ids=list(gone))

    async def _list(self, query: str, **values: object) -> set[CompanyId]:
        return {CompanyId(id_) for (id_,) in await self._queries.rows(query, **values)}

    async def _absorb(self, merged_into: Mapping[CompanyId, CompanyId], at: datetime) -> None:
        """Archive them rather than delete: what they were is kept, and their ids lead to those that live."""
        if merged_into:
            # No batch of contacts or deals, of this run or the other CRM's, may be about to point at them.
            await self._queries.execute("lock_links")
            await self._queries.execute(
                "absorb_companies",
                absorbed_ids=list(merged_into),
                surviving_ids=list(merged_into.values()),
            )
            await self._archive(merged_into.keys(), at)

    async def _release_domains(self, regrouping: Regrouping) -> None:
        coming = {id_: domain for id_, domain in regrouping.domains.items() if id_ not in regrouping.created}
        if coming:
            await self._queries.execute(
                "release_domains", company_ids=list(coming), domains=list(coming.values())
            )

    async def _archive(self, ids: Collection[CompanyId], at: datetime) -> None:
        if ids:
            await self._queries.execute("archive_companies", company_ids=list(ids), at=at)

    async def _index_domains(self, source: Provider, writes: Sequence[Write[CompanyRecord]]) -> None:
        """Keep the index of additional domains, which few records have, in step with the records."""
        having = [write.record.record_id for write in writes if write.record.additional_domains]
        stale = [
            write.record.record_id for write in writes if write.known and write.known.has_additional_domains
        ]
        if stale:
            await self._queries.execute("unindex_additional_domains", source=source, record_ids=stale)
        if having:
            await self._queries.execute("index_additional_domains", source=source, record_ids=having)

    async def _move_pins(self, source: Provider, departures: Sequence[RecordMove]) -> None:
        merged = {move.key.record_id: move.merged_into.record_id for move in departures if move.merged_into}
        if merged:
            await self._queries.execute(
                "move_pins", source=source, old_ids=list(merged), new_ids=list(merged.values())
            )

    async def _refresh(self, ids: Collection[CompanyId], at: datetime, *, archived: bool = False) -> None:
        await self._queries.execute("refresh_companies", company_ids=list(ids), at=at, archived=archived)

    async def _put_records(
        self, source: Provider, writes: Sequence[Write[CompanyRecord]], regrouping: Regrouping
    ) -> UpsertResult:
        batch = {
            **transpose([write.record for write in writes]),
            "company_id": [
                regrouping.company_of(
                    RecordKey(source, write.record.record_id), write.known and write.known.entity_id
                )
                for write in writes
            ],
            "content_hash": [write.content_hash for write in writes],
        }
        rows = await self._queries.rows(
            "upsert_company_records", source=source, **encode_columns(COMPANY_COLUMNS, batch)
        )
        return {RecordId(record_id): was_insert for record_id, was_insert in rows}
