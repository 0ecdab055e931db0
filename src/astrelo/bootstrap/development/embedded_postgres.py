"""A PostgreSQL server of our own for development, demos and tests: nothing to install, nothing left running."""

import fcntl
import hashlib
import os
import stat
import time
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from astrelo.bootstrap.development.postgres_binaries import (
    Account,
    EmbeddedPostgresError,
    find_binaries,
    reachable_binaries,
    unprivileged_account,
)
from astrelo.bootstrap.development.postgres_cluster import (
    Cluster,
    RunningServer,
    accepts_connections,
    refuses_connections,
    write_private,
)

_ATTACH_WITHIN = 150.0  # seconds; the owner may be creating or recovering its data folder
_POLL = 0.05


class EmbeddedPostgres:
    """A running server on a state folder, shared by the processes of one clone.

    The first process to start it owns it; later ones attach. The server ends with its owner, however the
    owner ends. `dsn` names a superuser and its password: never log it.
    """

    def __init__(self, dsn: str, *, lock: int | None, cluster: Cluster, server: RunningServer | None) -> None:
        self.dsn = dsn
        self._lock = lock
        self._cluster = cluster
        self._server = server

    @classmethod
    def start(cls, state_dir: Path, *, binaries: Path | None = None, durable: bool = True) -> Self:
        """Own the server of `state_dir`, or attach to the one that runs. Blocks; call it in the main thread.

        `binaries` is the `bin` folder of a PostgreSQL installation, found by itself if not given. With
        `durable=False` commits do not wait for the disk: for tests. Raises EmbeddedPostgresError.
        """
        state_dir = state_dir.resolve()
        account = unprivileged_account()
        cluster = Cluster(home=state_dir, binaries=find_binaries(binaries), account=account)
        _prepare(state_dir, account)
        deadline = time.monotonic() + _ATTACH_WITHIN
        while time.monotonic() < deadline:
            lock = try_lock(state_dir / "lock")
            if lock is not None:
                return cls._own(cluster, lock, durable=durable)
            if (dsn := _published_dsn(state_dir)) is not None:
                return cls(dsn, lock=None, cluster=cluster, server=None)
            time.sleep(_POLL)
        raise EmbeddedPostgresError(
            f"Another process holds {state_dir / 'lock'} but its PostgreSQL does not answer. "
            f"End that process (see {cluster.log}) and try again.",
        )

    @classmethod
    def _own(cls, cluster: Cluster, lock: int, *, durable: bool) -> Self:
        address = cluster.home / "dsn"
        try:
            address.unlink(missing_ok=True)
            cluster.end_predecessor()
            usable = reachable_binaries(cluster.binaries, cluster.account, cluster.home)
            cluster = replace(cluster, binaries=usable)
            cluster.create_if_missing()
            server = cluster.start(durable=durable)
        except BaseException:
            os.close(lock)
            raise
        dsn = cluster.dsn(server.port)
        write_private(address, dsn)
        return cls(dsn, lock=lock, cluster=cluster, server=server)

    @property
    def owned(self) -> bool:
        """Whether the server ends with this process."""
        return self._server is not None

    @property
    def version(self) -> str:
        return self._cluster.binaries.version

    @property
    def log(self) -> Path:
        return self._cluster.log

    def has_ended(self) -> bool:
        """Tell whether the server is gone. Its successor, if there is one, has another address."""
        if self._server is not None:
            return self._server.process.poll() is not None
        return refuses_connections(urlsplit(self.dsn).port or 0)

    def close(self) -> None:
        """Stop the server if it is ours; nothing otherwise. Idempotent."""
        if self._server is None or self._lock is None:
            return
        (self._cluster.home / "dsn").unlink(missing_ok=True)
        self._cluster.stop(self._server)
        os.close(self._lock)
        self._server = self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<EmbeddedPostgres {self.version} on {self._cluster.home}, {'owned' if self.owned else 'attached'}>"


def default_state_dir() -> Path:
    """Name the state folder of this clone: outside of it, the same at each start, one per user.

    Root's lies where the server's account can enter; a user without a writable home gets a folder under
    /var/tmp, which is refused if somebody else made it first.
    """
    clone = hashlib.sha256(os.fsencode(Path(__file__).resolve().parents[3])).hexdigest()[:12]
    return _state_home() / clone


def _state_home() -> Path:
    uid = os.geteuid()
    try:
        preferred = Path("/var/lib/astrelo") if uid == 0 else Path("~/.local/state/astrelo").expanduser()
        preferred.mkdir(parents=True, exist_ok=True)
        if uid == 0:
            preferred.chmod(0o711)  # the server's account passes through, whatever our umask
    except (OSError, RuntimeError):  # no such right, or no home at all
        return _under_var_tmp(uid)
    return preferred if os.access(preferred, os.W_OK) else _under_var_tmp(uid)


def _under_var_tmp(uid: int) -> Path:
    folder = Path(f"/var/tmp/astrelo-{uid}")  # noqa: S108 - refused below unless it is ours
    folder.mkdir(mode=0o711, exist_ok=True)
    _refuse_foreign(folder)
    return folder


def _prepare(state_dir: Path, account: Account) -> None:
    mode = 0o700 if account.uid is None else 0o711
    missing = [folder for folder in (state_dir, *state_dir.parents) if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(exist_ok=True)
        folder.chmod(mode)
    _refuse_foreign(state_dir)
    if account.uid is not None:
        state_dir.chmod(
            stat.S_IMODE(state_dir.stat().st_mode) | 0o011
        )  # whoever made it, with whatever umask
    if not account.can_enter(state_dir):
        raise EmbeddedPostgresError(
            f"As root, the embedded PostgreSQL runs as '{account.name}', who cannot enter {state_dir}. "
            "Choose a state folder that everybody may pass through (mode 711), outside of root's home.",
        )


def _refuse_foreign(folder: Path) -> None:
    if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
        raise EmbeddedPostgresError(f"{folder} belongs to somebody else. Remove it or choose another folder.")


def try_lock(path: Path) -> int | None:
    """Take the lock until the descriptor that is returned is closed; None when another process has it."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


def _published_dsn(state_dir: Path) -> str | None:
    try:
        dsn = (state_dir / "dsn").read_text(encoding="ascii")
    except FileNotFoundError:
        return None
    port = urlsplit(dsn).port
    return dsn if port is not None and accepts_connections(port) else None
