"""The CRM's owners (sales reps) in PostgreSQL."""

from collections.abc import Sequence

import asyncpg

from astrelo.adapters.outbound.postgres.session.queries import Queries, Revision
from astrelo.domain.identifiers import Provider, RecordId, UserId
from astrelo.domain.ports.records import OwnerRepository
from astrelo.domain.ports.system import Randomness
from astrelo.domain.records import OwnerRecord


class PgOwners(OwnerRepository):
    def __init__(
        self, connection: asyncpg.Connection, user_id: UserId, randomness: Randomness, revision: Revision
    ) -> None:
        self._queries = Queries(connection, user_id=user_id, revision=revision)
        self._randomness = randomness

    async def put(self, source: Provider, owners: Sequence[OwnerRecord]) -> None:
        unique = list({owner.record_id: owner for owner in owners}.values())
        await self._queries.execute(
            "upsert_owners",
            source=source,
            ids=[self._randomness.uuid() for _ in unique],
            record_ids=[owner.record_id for owner in unique],
            emails=[owner.email for owner in unique],
            first_names=[owner.first_name for owner in unique],
            last_names=[owner.last_name for owner in unique],
            archived=[owner.archived for owner in unique],
        )

    async def list_ids(self, source: Provider) -> frozenset[RecordId]:
        rows = await self._queries.rows("list_owner_ids", source=source)
        return frozenset(RecordId(row["external_provider_id"]) for row in rows)

    async def purge(self, source: Provider) -> None:
        await self._queries.execute("delete_owners", source=source)
