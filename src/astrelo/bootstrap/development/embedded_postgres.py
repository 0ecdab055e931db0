"""A PostgreSQL server of our own for development, demos and tests: nothing to install, nothing left running."""

import os
import stat
import time
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from astrelo.bootstrap.development import postgres_binaries, postgres_cluster
from astrelo.bootstrap.development.state_dir import refuse_foreign, try_lock

_ATTACH_WITHIN = 150.0  # seconds; the owner may be creating or recovering its data folder
_POLL = 0.05


class EmbeddedPostgres:
    """A running server on a state folder, shared by the processes of one clone.

    The first process to start it owns it; later ones attach. The server ends with its owner, however the
    owner ends. `dsn` names a superuser and its password: never log it.
    """

    def __init__(
        self,
        dsn: str,
        *,
        lock: int | None,
        cluster: postgres_cluster.Cluster,
        server: postgres_cluster.RunningServer | None,
    ) -> None:
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
        account = postgres_binaries.unprivileged_account()
        cluster = postgres_cluster.Cluster(
            home=state_dir, binaries=postgres_binaries.find_binaries(binaries), account=account
        )
        _prepare(state_dir, account)
        deadline = time.monotonic() + _ATTACH_WITHIN
        while time.monotonic() < deadline:
            lock = try_lock(state_dir / "lock")
            if lock is not None:
                return cls._own(cluster, lock, durable=durable)
            if (dsn := _read_dsn(state_dir)) is not None:
                return cls(dsn, lock=None, cluster=cluster, server=None)
            time.sleep(_POLL)
        raise postgres_binaries.EmbeddedPostgresError(
            f"Another process holds {state_dir / 'lock'} but its PostgreSQL does not answer. "
            f"End that process (see {cluster.log}) and try again.",
        )

    @classmethod
    def _own(cls, cluster: postgres_cluster.Cluster, lock: int, *, durable: bool) -> Self:
        address = cluster.home / "dsn"
        try:
            address.unlink(missing_ok=True)
            cluster.end_predecessor()
            usable = postgres_binaries.reachable_binaries(cluster.binaries, cluster.account, cluster.home)
            cluster = replace(cluster, binaries=usable)
            cluster.create_if_missing()
            server = cluster.start(durable=durable)
        except BaseException:
            os.close(lock)
            raise
        dsn = cluster.dsn(server.port)
        postgres_cluster.write_private(address, dsn)
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
        """Return whether the server is gone. Its successor, if there is one, has another address."""
        if self._server is not None:
            return self._server.process.poll() is not None
        return postgres_cluster.refuses_connections(urlsplit(self.dsn).port or 0)

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


def _prepare(state_dir: Path, account: postgres_binaries.Account) -> None:
    mode = 0o700 if account.uid is None else 0o711
    missing = [folder for folder in (state_dir, *state_dir.parents) if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(exist_ok=True)
        folder.chmod(mode)
    refuse_foreign(state_dir)
    if account.uid is not None:
        state_dir.chmod(
            stat.S_IMODE(state_dir.stat().st_mode) | 0o011
        )  # independent of the umask that it was made with
    if not account.can_enter(state_dir):
        raise postgres_binaries.EmbeddedPostgresError(
            f"As root, the embedded PostgreSQL runs as '{account.name}', who cannot enter {state_dir}. "
            "Choose a state folder that everybody may pass through (mode 711), outside of root's home.",
        )


def _read_dsn(state_dir: Path) -> str | None:
    try:
        dsn = (state_dir / "dsn").read_text(encoding="ascii")
    except FileNotFoundError:
        return None
    port = urlsplit(dsn).port
    return dsn if port is not None and postgres_cluster.accepts_connections(port) else None
