"""No statement reaches across tenants, but the few that are there to find one."""

import re
from pathlib import Path

POSTGRES = Path(__file__).parents[5] / "src/astrelo/adapters/outbound/postgres"
ROUTING = {
    "account_connected",
    "connection_owner",
    "run_others_on_account",
    "runs_without_job",
    "schedule_candidates",
    "uninstall_begin",
}
"""Asked without knowing a user: whose account a webhook names, whose turn it is, which runs were lost, who else lives on an account."""

_TABLE = re.compile(r"create table (\w+) \((.*?)\n\)", re.DOTALL)
_COMMENT = re.compile(r"--.*")
_PREDICATE = re.compile(r"\buser_id\s*=\s*")


def tenant_tables() -> set[str]:
    schema = "".join(file.read_text() for file in sorted((POSTGRES / "migrations").glob("*.sql")))
    return {name for name, columns in _TABLE.findall(schema) if "primary key (user_id" in columns}


def unbound(sql: str, tables: set[str]) -> int:
    """Count how often a tenant's table is named without a comparison of its user.

    An insert needs none: its row carries the user.
    """
    named = re.findall(rf"\b(?:from|join|update|using)\s+(?:{'|'.join(sorted(tables))})\b", sql)
    return len(named) - len(_PREDICATE.findall(sql))


def test_every_statement_compares_the_user_of_every_table_it_names() -> None:
    tables = tenant_tables()
    assert {"companies", "contacts", "crm_tokens", "sync_hints"} <= tables
    across = {
        file.stem
        for file in (POSTGRES / "sql").glob("*.sql")
        if unbound(_COMMENT.sub("", file.read_text()), tables) > 0
    }
    assert across == ROUTING
