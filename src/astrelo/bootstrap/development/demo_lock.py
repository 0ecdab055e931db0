"""A lock in the state folder: one demo at a time, and no second worker beside it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from astrelo.bootstrap.development.state_dir import state_dir_of, try_lock
from astrelo.bootstrap.problems import Problem
from astrelo.bootstrap.settings import PREFIX, Settings


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
