"""Checksums of the migrations: a file that has been released never changes, a new one is added beside it.

`make checksums` writes them; tests/integration/postgres/test_migrations.py holds the files to them.
"""

import hashlib
from pathlib import Path

from astrelo.adapters.outbound.postgres.session.migrate import MIGRATIONS

RECORD = MIGRATIONS / "checksums.txt"


def compute_checksums(folder: Path = MIGRATIONS) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.glob("*.sql"))}


def read_recorded(record: Path = RECORD) -> dict[str, str]:
    lines = record.read_text(encoding="ascii").splitlines() if record.exists() else []
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def write(record: Path = RECORD) -> None:
    record.write_text(
        "".join(f"{digest}  {name}\n" for name, digest in compute_checksums(record.parent).items()),
        encoding="ascii",
    )


if __name__ == "__main__":
    write()
