"""Contacts in PostgreSQL."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import asyncpg

from astrelo.adapters.outbound.postgres.contacts.columns import CONTACT_COLUMNS
from astrelo.adapters.outbound.postgres.session.columns import encode_columns, join_columns, transpose
from astrelo.adapters.outbound.postgres.session.queries import Queries, Revision
from astrelo.domain.change_classification import KnownRecord, UpsertResult
from astrelo.domain.contact import Contact
from astrelo.domain.identifiers import ObjectType, Provider, RecordId, SyncRunId, UserId
from astrelo.domain.ports.records import ContactRepository


class PgContacts(ContactRepository):
    def __init__(self, connection: asyncpg.Connection, user_id: UserId, revision: Revision) -> None:
        self._queries = Queries(connection, user_id=user_id, revision=revision)

    async def find_known(self, source: Provider, ids: Collection[RecordId]) -> Mapping[RecordId, KnownRecord]:
        rows = await self._queries.rows(
            "get_known_contacts", source=source, **join_columns(record_ids=list(ids))
        )
        return {record_id: KnownRecord(*stored) for record_id, *stored in rows}

    async def put(self, source: Provider, contacts: Sequence[tuple[Contact, bytes]]) -> UpsertResult:
        if not contacts:
            return {}
        records = transpose([contact.record for contact, _ in contacts])
        batch = {
            **records,
            **transpose([contact.link for contact, _ in contacts]),
            "id": [contact.id for contact, _ in contacts],
            "content_hash": [content_hash for _, content_hash in contacts],
            "provider_company_id": records["company_id"],
        }
        rows = await self._queries.rows(
            "upsert_contacts", source=source, **encode_columns(CONTACT_COLUMNS, batch)
        )
        return {RecordId(record_id): was_insert for record_id, was_insert in rows}

    async def list_unseen(self, source: Provider, run_id: SyncRunId) -> Sequence[RecordId]:
        rows = await self._queries.rows(
            "list_unseen_contacts", source=source, run_id=run_id, object_type=ObjectType.CONTACTS
        )
        return [RecordId(row["record_id"]) for row in rows]

    async def count_live(self, source: Provider) -> int:
        return int(await self._queries.value("count_live_contacts", source=source))

    async def archive(self, source: Provider, ids: Collection[RecordId], at: datetime) -> int:
        archived = await self._queries.value("archive_contacts", source=source, record_ids=list(ids), at=at)
        return int(archived)

    async def list_archived(self, source: Provider) -> Sequence[RecordId]:
        rows = await self._queries.rows("list_archived_contacts", source=source)
        return [RecordId(row["record_id"]) for row in rows]

    async def erase(self, source: Provider, ids: Collection[RecordId]) -> int:
        if not ids:
            return 0
        # It writes deals too, a batch of which may be under way, in an order of its own.
        await self._queries.execute("lock_deals", source=source)
        return int(await self._queries.value("erase_contacts", source=source, record_ids=list(ids)))

    async def purge(self, source: Provider) -> None:
        await self._queries.execute("delete_contacts", source=source)
