"""Every statement is known to PostgreSQL before anyone runs it."""

import asyncio

import asyncpg

from astrelo.adapters.outbound.postgres.session.statements import statements


def test_all_statements_prepare_on_the_migrated_schema(database: str) -> None:
    async def prepare_all() -> list[str]:
        connection = await asyncpg.connect(database)
        failures = []
        try:
            for name, known in statements().items():
                try:
                    await connection.prepare(known.text)
                except asyncpg.PostgresError as error:
                    failures.append(f"{name}: {error}")
        finally:
            await connection.close()
        return failures

    assert statements()
    assert asyncio.run(prepare_all()) == []
