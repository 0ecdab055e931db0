"""Whether the database answers, and has the schema that this code expects."""

from collections.abc import Sequence

from astrelo.adapters.outbound.postgres.session.migrate import MIGRATIONS
from astrelo.adapters.outbound.postgres.session.reads import Reads
from astrelo.application.read import readers


class PgStoreHealth(readers.StoreHealth):
    def __init__(self, reads: Reads) -> None:
        self._reads = reads
        self._expected = sorted(file.stem for file in MIGRATIONS.glob("*.sql"))

    async def pending_migrations(self) -> Sequence[str]:
        if not await self._reads.value("has_migrations_table"):
            return self._expected
        applied = {row["migration_id"] for row in await self._reads.rows("list_applied_migrations")}
        return [name for name in self._expected if name not in applied]
