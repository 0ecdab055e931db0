"""`astrelo serve` as a process: what only a process can show."""

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from astrelo.bootstrap.development.embedded_postgres import EmbeddedPostgres
from astrelo.bootstrap.development.processes import free_port
from tests.support.environ import child_environ
from tests.support.secret_watch import Spawn, Spawned


@pytest.fixture
def state_dir() -> Iterator[Path]:
    home = Path(tempfile.mkdtemp(prefix="astrelo-serve-"))
    home.chmod(0o711)  # as root, the database server runs as another user, who must pass through
    yield home / "state"
    shutil.rmtree(home)


def serve(spawn: Spawn, state_dir: Path) -> Spawned:
    port = free_port()
    environ = child_environ({"ASTRELO_STATE_DIR": str(state_dir), "ASTRELO_PORT": str(port)})
    api = spawn(sys.executable, "-m", "astrelo", "serve", env=environ)
    api.wait_for("Started worker")
    assert httpx.get(f"http://127.0.0.1:{port}/health/ready").is_success
    return api


def test_it_ends_when_the_embedded_database_that_it_uses_is_gone(spawn: Spawn, state_dir: Path) -> None:
    with EmbeddedPostgres.start(state_dir, durable=False):
        api = serve(spawn, state_dir)
    assert api.wait() == 1
    assert "The embedded PostgreSQL is gone" in api.stderr
    assert "Start the API again." in api.stderr


def test_it_ends_when_the_embedded_database_that_it_owns_is_killed(spawn: Spawn, state_dir: Path) -> None:
    api = serve(spawn, state_dir)
    os.kill(int((state_dir / "data" / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
    assert api.wait() == 1
    assert "The embedded PostgreSQL is gone" in api.stderr


def test_it_stops_its_database_when_it_is_stopped(spawn: Spawn, state_dir: Path) -> None:
    api = serve(spawn, state_dir)
    assert api.stop() == 0
    assert not (state_dir / "data" / "postmaster.pid").exists()
