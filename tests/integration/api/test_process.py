"""`astrelo serve` as a process: what only a process can show."""

import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from astrelo.adapters.inbound.http.session_tokens import issue_token
from astrelo.bootstrap.development.embedded_postgres import EmbeddedPostgres
from astrelo.bootstrap.development.processes import free_port
from astrelo.bootstrap.system import SystemClock
from astrelo.domain.identifiers import UserId
from tests.support.environ import child_environ
from tests.support.secret_watch import Spawn, Spawned

LISTENING = r"http\.listening.*process=(\d+)"


@pytest.fixture
def state_dir() -> Iterator[Path]:
    home = Path(tempfile.mkdtemp(prefix="astrelo-serve-"))
    home.chmod(0o711)  # as root, the database server runs as another user, who must pass through
    yield home / "state"
    shutil.rmtree(home)


def serve(spawn: Spawn, state_dir: Path, **settings: object) -> Spawned:
    given = {"state_dir": state_dir, "port": free_port()} | settings
    environ = child_environ({f"ASTRELO_{name.upper()}": str(value) for name, value in given.items()})
    api = spawn(sys.executable, "-m", "astrelo", "serve", env=environ)
    api.wait_for(LISTENING)
    assert httpx.get(f"http://127.0.0.1:{given['port']}/health/ready").is_success
    return api


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


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


def test_open_event_streams_end_with_it_and_do_not_hold_it_up(spawn: Spawn, state_dir: Path) -> None:
    port, secret = free_port(), "a secret of more than thirty-two characters"
    api = serve(spawn, state_dir, port=port, jwt_secret=secret)
    token = issue_token(UserId(uuid4()), secret, timedelta(hours=1), SystemClock().now())
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.stream("GET", f"http://127.0.0.1:{port}/api/events", headers=headers) as response:
        lines = response.iter_lines()
        assert any(line == "event: changes.available" for line in lines)
        api.process.terminate()
        assert "event: connection.changed" not in list(lines)
    assert api.wait() == 0
    assert "http.requests_cancelled" not in api.stderr + api.stdout


def test_its_processes_are_replaced_when_they_crash_and_end_with_it(spawn: Spawn, state_dir: Path) -> None:
    health_port = free_port()
    api = serve(spawn, state_dir, api_processes=2, api_health_port=health_port)
    other = int(api.wait_for(LISTENING)[1])
    os.kill(other, signal.SIGKILL)
    api.wait_for("api.process_crashed")
    replacement = int(api.wait_for(LISTENING)[1])
    assert httpx.get(f"http://127.0.0.1:{health_port}/health/ready").is_success
    assert api.stop() == 0
    assert not is_alive(replacement)


def test_it_says_which_port_is_taken(spawn: Spawn, state_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        environ = child_environ({"ASTRELO_STATE_DIR": str(state_dir), "ASTRELO_API_HEALTH_PORT": str(port)})
        environ["ASTRELO_PORT"] = str(free_port())
        api = spawn(sys.executable, "-m", "astrelo", "serve", env=environ)
        assert api.wait() == 1
        assert f"Port {port} on 127.0.0.1 is taken" in api.stderr
        assert "ASTRELO_API_HEALTH_PORT" in api.stderr
