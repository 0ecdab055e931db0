"""Contacts in PostgreSQL."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import asyncpg

from astrelo.adapters.outbound.postgres.session.encoding import as_arrays, by_field, fold_column, join_columns
from astrelo.adapters.outbound.postgres.session.statements import affected_rows, statement
from astrelo.domain.change_classification import KnownRecord, UpsertResult
from astrelo.domain.contact import Contact
from astrelo.domain.identifiers import ObjectType, Provider, RecordId, SyncRunId, UserId
from astrelo.domain.normalization import search_email
from astrelo.domain.ports.records import ContactRepository

_TEXTS = (
    "record_id", "email", "email_host", "email_registrable_domain", "email_kind", "first_name", "last_name",
    "job_title", "phone", "lifecycle_stage", "owner_id", "company_id", "company_association",
)  # fmt: skip
"""What contact_put.sql takes as joined columns, in its order; the link's two and what is derived follow."""


class PgContacts(ContactRepository):
    def __init__(self, connection: asyncpg.Connection, user_id: UserId) -> None:
        self._connection = connection
        self._user_id = user_id

    async def find_known(self, source: Provider, ids: Collection[RecordId]) -> Mapping[RecordId, KnownRecord]:
        rows = await self._connection.fetch(
            statement("contact_known"), self._user_id, source, *join_columns(list(ids))
        )
        return {record_id: KnownRecord(*stored) for record_id, *stored in rows}

    async def put(
        self, source: Provider, contacts: Sequence[tuple[Contact, bytes]], at: datetime
    ) -> UpsertResult:
        if not contacts:
            return {}
        told = by_field([contact.record for contact, _ in contacts])
        link = by_field([contact.link for contact, _ in contacts])
        rows = await self._connection.fetch(
            statement("contact_put"),
            self._user_id,
            source,
            at,
            [contact.id for contact, _ in contacts],
            told["source_updated_at"],
            [content_hash for _, content_hash in contacts],
            link["company_id"],
            *join_columns(
                *(told[name] for name in _TEXTS),
                link["match"],
                link["unlinked_reason"],
                [email and search_email(email) for email in told["email"]],
                fold_column(told["first_name"]),
                fold_column(told["last_name"]),
                as_arrays(told["additional_emails"]),
                as_arrays(told["additional_email_domains"]),
            ),
            told["is_person_account"],
        )
        return {RecordId(record_id): was_insert for record_id, was_insert in rows}

    async def list_unseen(self, source: Provider, run_id: SyncRunId) -> Sequence[RecordId]:
        rows = await self._connection.fetch(
            statement("contact_unseen"), self._user_id, source, run_id, ObjectType.CONTACTS
        )
        return [RecordId(row["record_id"]) for row in rows]

    async def count_live(self, source: Provider) -> int:
        return int(await self._connection.fetchval(statement("contact_live"), self._user_id, source))

    async def archive(self, source: Provider, ids: Collection[RecordId], at: datetime) -> int:
        return affected_rows(
            await self._connection.execute(statement("contact_archive"), self._user_id, source, list(ids), at)
        )

    async def list_archived(self, source: Provider) -> Sequence[RecordId]:
        rows = await self._connection.fetch(statement("contact_archived"), self._user_id, source)
        return [RecordId(row["record_id"]) for row in rows]

    async def erase(self, source: Provider, ids: Collection[RecordId]) -> int:
        if not ids:
            return 0
        # It writes deals too, a batch of which may be under way, in an order of its own.
        await self._connection.execute(statement("deal_lock"), self._user_id, source)
        return affected_rows(
            await self._connection.execute(statement("contact_erase"), self._user_id, source, list(ids))
        )

    async def purge(self, source: Provider) -> None:
        await self._connection.execute(statement("contact_purge"), self._user_id, source)
