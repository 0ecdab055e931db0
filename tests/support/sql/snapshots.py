"""The statements as PostgreSQL gets them, kept beside the tests: a change of a text shows in the diff.

`make snapshots` writes them; tests/unit/adapters/outbound/postgres/test_statements.py holds the code to them.
"""

from pathlib import Path

from astrelo.adapters.outbound.postgres.session.statements import statements

STATEMENTS = Path(__file__).parents[2] / "unit" / "adapters" / "outbound" / "postgres" / "statements.sql"


def current() -> str:
    return "\n".join(
        f"{known.text.rstrip()}\n-- parameters: {', '.join(known.parameters) or 'none'}\n"
        for known in statements().values()
    )


def write() -> None:
    STATEMENTS.write_text(current(), encoding="utf-8")


if __name__ == "__main__":
    write()
