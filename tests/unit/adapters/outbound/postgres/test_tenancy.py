"""No statement reaches across tenants, but the few that are there to find one."""

import re

from astrelo.adapters.outbound.postgres.session.migrate import MIGRATIONS
from astrelo.adapters.outbound.postgres.session.statements import statements

ROUTING = {
    "begin_uninstall",
    "delete_expired_idempotency_keys",
    "get_user_of_connection",
    "list_connected_users",
    "list_deliveries_without_job",
    "list_other_runs_on_account",
    "list_runs_without_job",
    "list_schedule_candidates",
    "prune_webhook_deliveries",
}
"""Asked without knowing a user: whose account a webhook names, whose turn it is, which runs and deliveries
were lost or are old, who else lives on an account, which keys have expired."""

_TABLE = re.compile(r"create table (\w+) \((.*?)\n\)", re.DOTALL)
_RENAMED = re.compile(r"alter table (\w+) rename to (\w+)")
_COMMENT = re.compile(r"--.*")
_PREDICATE = re.compile(r"\buser_id\s*=\s*")


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


def unbound(sql: str, tables: set[str]) -> int:
    """Count how often a tenant's table is named without a comparison of its user.

    An insert needs none: its row carries the user.
    """
    named = re.findall(rf"\b(?:from|join|update|using)\s+(?:{'|'.join(sorted(tables))})\b", sql)
    return len(named) - len(_PREDICATE.findall(sql))


def test_every_statement_compares_the_user_of_every_table_it_names() -> None:
    tables = tenant_tables()
    assert {"companies", "contacts", "crm_tokens", "pending_refetches"} <= tables
    across = {
        name for name, known in statements().items() if unbound(_COMMENT.sub("", known.text), tables) > 0
    }
    assert across == ROUTING
