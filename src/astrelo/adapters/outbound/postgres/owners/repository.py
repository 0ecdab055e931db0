"""The CRM's owners (sales reps) in PostgreSQL."""

from collections.abc import Sequence

import asyncpg

from astrelo.adapters.outbound.postgres.session.statements import statement
from astrelo.domain.identifiers import Provider, RecordId, UserId
from astrelo.domain.ports.records import OwnerRepository
from astrelo.domain.ports.system import Randomness
from astrelo.domain.records import OwnerRecord


class PgOwners(OwnerRepository):
    def __init__(self, connection: asyncpg.Connection, user_id: UserId, randomness: Randomness) -> None:
        self._connection = connection
        self._user_id = user_id
        self._randomness = randomness

    async def put(self, source: Provider, owners: Sequence[OwnerRecord]) -> None:
        unique = list({owner.record_id: owner for owner in owners}.values())
        await self._connection.execute(
            statement("owner_put"),
            self._user_id,
            source,
            [self._randomness.uuid() for _ in unique],
            [owner.record_id for owner in unique],
            [owner.email for owner in unique],
            [owner.first_name for owner in unique],
            [owner.last_name for owner in unique],
            [owner.archived for owner in unique],
        )

    async def list_ids(self, source: Provider) -> frozenset[RecordId]:
        rows = await self._connection.fetch(statement("owner_ids"), self._user_id, source)
        return frozenset(RecordId(row["external_provider_id"]) for row in rows)

    async def purge(self, source: Provider) -> None:
        await self._connection.execute(statement("owner_purge"), self._user_id, source)
