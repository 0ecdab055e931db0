"""SQL lives in `sql/*.sql`, one statement a file; this is the only way to it."""

from functools import cache
from importlib.resources import files


@cache
def statement(name: str) -> str:
    """Return the text of `sql/{name}.sql`. The file's head comment names its parameters in order."""
    return (files("astrelo.adapters.outbound.postgres") / "sql" / f"{name}.sql").read_text(encoding="utf-8")


def statement_names() -> list[str]:
    """Return the name of every statement, sorted: what a test prepares on the migrated schema."""
    folder = files("astrelo.adapters.outbound.postgres") / "sql"
    return sorted(
        entry.name.removesuffix(".sql") for entry in folder.iterdir() if entry.name.endswith(".sql")
    )


def affected_rows(command_tag: str) -> int:
    """Read the count out of a command's tag, such as 'UPDATE 12'."""
    return int(command_tag.rpartition(" ")[2])
