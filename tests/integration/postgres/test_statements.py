"""Every statement is known to PostgreSQL before anyone runs it."""

import asyncio

import asyncpg

from astrelo.adapters.outbound.postgres.session.statements import statement, statement_names


def test_all_statements_prepare_on_the_migrated_schema(database: str) -> None:
    async def prepare_all() -> list[str]:
        connection = await asyncpg.connect(database)
        failures = []
        try:
            for name in statement_names():
                try:
                    await connection.prepare(statement(name))
                except asyncpg.PostgresError as error:
                    failures.append(f"{name}: {error}")
        finally:
            await connection.close()
        return failures

    assert statement_names()
    assert asyncio.run(prepare_all()) == []


def test_every_statement_says_what_it_is_for() -> None:
    silent = [name for name in statement_names() if not statement(name).startswith("-- ")]
    assert silent == []
