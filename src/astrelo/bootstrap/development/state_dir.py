"""The state folder: where development keeps the embedded server's data, secrets, logs and locks."""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from astrelo.bootstrap.development.postgres_binaries import EmbeddedPostgresError
from astrelo.bootstrap.problems import Problem
from astrelo.bootstrap.settings import PREFIX, Settings


def state_dir_of(settings: Settings) -> Path:
    return settings.state_dir or default_state_dir()


def default_state_dir() -> Path:
    """Name the state folder of this clone: outside of it, the same at each start, one per user.

    Root's lies where the server's account can enter; a user without a writable home gets a folder under
    /var/tmp, which is refused if another user made it first.
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
    refuse_foreign(folder)
    return folder


def refuse_foreign(folder: Path) -> None:
    if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
        raise EmbeddedPostgresError(f"{folder} belongs to another user. Remove it or choose another folder.")


def try_lock(path: Path) -> int | None:
    """Take the lock until the descriptor that is returned is closed; None when another process has it."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


def unusable_state_dir(state_dir: Path, error: OSError) -> Problem:
    reason = f"{error.strerror}: {error.filename}" if error.filename else str(error)
    return Problem(
        f"The state folder {state_dir} cannot be used ({reason}). Name another one in {PREFIX}STATE_DIR."
    )


@contextmanager
def hold_demo_lock(state_dir: Path) -> Iterator[None]:
    """Keep other demos of the state folder away while this lasts. Raises Problem when there is one."""
    lock = try_lock(_demo_lock(state_dir))
    if lock is None:
        raise Problem(
            f"A demo of this clone runs already. Stop it with Ctrl-C, {_elsewhere('give this one')}."
        )
    try:
        yield
    finally:
        os.close(lock)


def require_no_demo(settings: Settings) -> None:
    """Raise Problem while a demo uses the state folder: a second worker, set up otherwise, would take its jobs."""
    file = _demo_lock(state_dir_of(settings))
    if not file.exists():
        return
    lock = try_lock(file)
    if lock is None:
        raise Problem(
            "A demo of this clone runs and has a worker of its own. Stop it with Ctrl-C, "
            f"{_elsewhere('give this worker')}."
        )
    os.close(lock)


def _demo_lock(state_dir: Path) -> Path:
    return state_dir / "demo.lock"


def _elsewhere(whom: str) -> str:
    return f"or {whom} a folder of its own: {PREFIX}STATE_DIR=/some/folder"
