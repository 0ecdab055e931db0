"""No statement reaches across tenants, but the few that are there to find one; all can run on tables distributed by user."""

import re

import pytest

from astrelo.adapters.outbound.postgres.session.migrate import MIGRATIONS
from astrelo.adapters.outbound.postgres.session.statements import Statement, statements
from tests.support.sql import parsed

ROUTING = {
    "begin_uninstall",
    "delete_expired_idempotency_keys",
    "get_user_of_connection",
    "list_active_connections",
    "list_connected_users",
    "list_old_runs",
    "list_open_deliveries",
    "list_open_runs",
    "prune_feed_entries",
    "prune_webhook_deliveries",
}
"""Asked without knowing a user: whose account a webhook names, whose turn it is, which runs and deliveries
were lost or are old, which keys and entries have expired."""

_TABLE = re.compile(r"create table (\w+) \((.*?)\n\)", re.DOTALL)
_RENAMED = re.compile(r"alter table (\w+) rename to (\w+)")


def tenant_tables() -> set[str]:
    schema = "".join(
        file.read_text().partition("-- migrate: rollback")[0] for file in sorted(MIGRATIONS.glob("*.sql"))
    )
    renamed = dict(_RENAMED.findall(schema))
    return {
        renamed.get(name, name)
        for name, columns in _TABLE.findall(schema)
        if "primary key (user_id" in columns
    }


def unbound(known: Statement, tables: set[str]) -> set[str]:
    user = known.parameters.index("user_id") + 1 if "user_id" in known.parameters else 0
    scopes = parsed.scopes(parsed.parse(known.text))
    return {table for scope in scopes for table in scope.find_unbound(user, tables)}


def test_every_statement_compares_the_user_of_every_table_it_names_with_its_parameter() -> None:
    tables = tenant_tables()
    assert {"companies", "contacts", "crm_tokens", "pending_refetches"} <= tables
    across = {name: found for name, known in statements().items() if (found := unbound(known, tables))}
    assert {name: found for name, found in across.items() if name not in ROUTING} == {}
    assert across.keys() == ROUTING


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("select 1 from contacts where user_id = $1", set()),
        ("select 1 from contacts", {"contacts"}),
        ("select 1 from contacts where user_id = $2", {"contacts"}),
        ("select 1 from contacts where user_id = $1 or id = $2", {"contacts"}),
        ("select 1 from contacts c join deals d on d.user_id = c.user_id where c.user_id = $1", set()),
        ("select 1 from contacts c join deals d on d.id = c.id where c.user_id = $1", {"deals"}),
        ("select 1 from contacts c where c.user_id = $1 and exists (select 1 from deals d)", {"deals"}),
        (
            "select (select 1 from deals d where d.user_id = c.user_id) from contacts c where c.user_id = $1",
            {"deals"},
        ),
        ("update contacts c set id = d.id from deals d where c.user_id = $1 and d.user_id = $1", set()),
        ("update contacts c set id = d.id from deals d where c.user_id = $1", {"deals"}),
        ("delete from contacts using deals d where d.user_id = contacts.user_id", {"contacts", "deals"}),
        ("with gone as (delete from deals returning id) select 1 from gone", {"deals"}),
        ("insert into contacts (user_id) select user_id from deals", {"deals"}),
    ],
)
def test_what_counts_as_compared(sql: str, found: set[str]) -> None:
    assert unbound(Statement(sql, ("user_id", "other")), {"contacts", "deals"}) == found


def test_no_column_is_set_to_a_subscript_alone() -> None:
    sliced = "insert into t (a) values ($1) on conflict (id) do update set a = (t.a || excluded.a)[:2]"
    assert parsed.find_subscripts_set(parsed.parse(sliced)) == {"a"}
    assert parsed.find_subscripts_set(parsed.parse("update t set a = coalesce(t.a[:2], $1)")) == set()
    found = {
        name: parsed.find_subscripts_set(parsed.parse(known.text)) for name, known in statements().items()
    }
    assert not any(found.values()), found


def test_what_a_query_inserts_for_a_tenant_has_no_parameter_on_conflict() -> None:
    def has_parameter(sql: str, tables: set[str]) -> bool:
        return parsed.has_parameter_on_conflict(parsed.parse(sql), tables)

    updates = "on conflict (a) do update set b = $1"
    assert has_parameter(f"insert into t (a) select a from u {updates}", {"t"})
    assert not has_parameter(f"insert into t (a) select a from u {updates}", {"u"})
    assert not has_parameter(f"insert into t (a) values ($1) {updates}", {"t"})
    tables = tenant_tables()
    assert [name for name, known in statements().items() if has_parameter(known.text, tables)] == []
