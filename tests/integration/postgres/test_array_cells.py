"""What one cell holds as an array, PostgreSQL reads as it was."""

import asyncpg
import pytest

from astrelo.adapters.outbound.postgres.session.columns import as_array, join_columns

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "values",
    [
        [],
        ["101"],
        ["1", "2"],
        ['"', '""', "\\", '\\"'],
        ["{}", "}", ",", "a,b", " ", " a ", "NULL", "null", ""],
        ["\x1f", "é\n\t", "\U0001f642"],
    ],
)
async def test_an_array_arrives_as_it_was_sent(pool: asyncpg.Pool, values: list[str]) -> None:
    joined = join_columns(cells=[as_array(values), as_array(["beside"])])
    read = await pool.fetch(
        "select cell::text[] from unnest(string_to_array($2, $1, '')) as incoming (cell)",
        joined["separator"],
        joined["cells"],
    )
    assert [row[0] for row in read] == [values, ["beside"]]
