"""Contacts in PostgreSQL."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import asyncpg

from astrelo.adapters.outbound.postgres.statements import statement
from astrelo.domain.contact import Contact
from astrelo.domain.identifiers import Provider, RecordId, UserId
from astrelo.domain.ports import ContactRepository
from astrelo.domain.records import ContactRecord
from astrelo.domain.triage import KnownRecord, Written

_CONTENT = slice(ContactRecord._fields.index("email"), ContactRecord._fields.index("unreadable"))
"""The fields that are columns of their own, in the order of contact_put.sql."""


class PgContacts(ContactRepository):
    def __init__(self, connection: asyncpg.Connection, user_id: UserId) -> None:
        self._connection = connection
        self._user_id = user_id

    async def known(self, source: Provider, ids: Collection[RecordId]) -> Mapping[RecordId, KnownRecord]:
        rows = await self._connection.fetch(statement("contact_known"), self._user_id, source, list(ids))
        return {record_id: KnownRecord(*stored) for record_id, *stored in rows}

    async def put(self, source: Provider, contacts: Sequence[tuple[Contact, bytes]], at: datetime) -> Written:
        if not contacts:
            return {}
        records = [contact.record for contact, _ in contacts]
        rows = await self._connection.fetch(
            statement("contact_put"),
            self._user_id,
            source,
            at,
            [contact.id for contact, _ in contacts],
            [record.record_id for record in records],
            [record.source_updated_at for record in records],
            [content_hash for _, content_hash in contacts],
            *zip(*(record[_CONTENT] for record in records), strict=True),
            *zip(*(contact.link for contact, _ in contacts), strict=True),
        )
        return {RecordId(record_id): was_insert for record_id, was_insert in rows}

    async def purge(self, source: Provider) -> None:
        await self._connection.execute(statement("contact_purge"), self._user_id, source)
