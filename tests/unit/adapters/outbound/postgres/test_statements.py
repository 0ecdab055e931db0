"""Queries have names and named parameters; what PostgreSQL gets of them is kept as a snapshot."""

import asyncpg
import pytest

from astrelo.adapters.outbound.postgres.session.migrate import MIGRATIONS
from astrelo.adapters.outbound.postgres.session.queries import Queries
from astrelo.adapters.outbound.postgres.session.statements import number_parameters, statements
from tests.support.sql.snapshots import STATEMENTS, current


def test_statements_are_as_the_snapshot_has_them() -> None:
    assert current() == STATEMENTS.read_text(encoding="utf-8"), "`make snapshots` writes the new texts"


def test_every_query_in_a_file_is_a_statement_and_says_what_it_is_for() -> None:
    lines = [
        line
        for source in MIGRATIONS.parent.glob("*/queries.sql")
        for line in source.read_text(encoding="utf-8").splitlines()
    ]
    names = [line.split()[-1] for line in lines if line.startswith("-- name:")]
    assert sorted(names) == list(statements())


def test_parameters_are_numbered_as_they_first_come() -> None:
    found = number_parameters(
        "find", "select :b::text, ':c', :a -- not :d, it's a comment\nfrom x where b = :b"
    )
    assert found.text == "-- find\nselect $1::text, ':c', $2 -- not :d, it's a comment\nfrom x where b = $1\n"
    assert found.parameters == ("b", "a")
    assert found.bind({"a": 1, "b": 2, "c": 3}) == [2, 1]


@pytest.mark.anyio
async def test_a_parameter_too_many_or_too_few_is_refused_before_anything_is_sent() -> None:
    queries = Queries(asyncpg.Connection, user_id=1)
    with pytest.raises(TypeError, match=r"get_run has no parameter \['source'\]"):
        await queries.row("get_run", run_id=1, source="hubspot")
    with pytest.raises(TypeError, match="get_run lacks its parameter 'run_id'"):
        await queries.row("get_run")
