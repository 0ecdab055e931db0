import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from astrelo.bootstrap.development import postgres_cluster
from astrelo.bootstrap.development.embedded_postgres import EmbeddedPostgres
from astrelo.bootstrap.development.postgres_binaries import EmbeddedPostgresError, find_binaries
from astrelo.bootstrap.development.postgres_cluster import watch_parent
from astrelo.bootstrap.development.processes import free_port
from astrelo.bootstrap.development.state_dir import default_state_dir

TIMEOUT_SECONDS = 60  # seconds, for what takes a fraction of one
START_AND_WAIT = """
import sys
from pathlib import Path
from astrelo.bootstrap.development.embedded_postgres import EmbeddedPostgres
with EmbeddedPostgres.start(Path(sys.argv[1]), durable=False) as server:
    print("owned" if server.owned else "attached", server.dsn, flush=True)
    sys.stdin.read()
"""
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root drops to another account")


@pytest.fixture
def state_dir() -> Iterator[Path]:
    home = Path(tempfile.mkdtemp(prefix="astrelo-embedded-"))
    home.chmod(0o711)
    yield home / "state"
    shutil.rmtree(home)


@dataclass(frozen=True, kw_only=True)
class Companion:
    """Another process that runs or uses the server; it ends when its input does."""

    process: subprocess.Popen[str]
    role: str
    dsn: str

    def leave(self) -> None:
        self.process.communicate(timeout=TIMEOUT_SECONDS)


@pytest.fixture
def launch(state_dir: Path) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []

    def launch_one() -> subprocess.Popen[str]:
        command = [sys.executable, "-c", START_AND_WAIT, str(state_dir)]
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True))
        return started[-1]

    yield launch_one
    for process in started:
        process.communicate(timeout=TIMEOUT_SECONDS)


def read_companion(process: subprocess.Popen[str]) -> Companion:
    assert process.stdout is not None
    role, dsn = process.stdout.readline().split()
    return Companion(process=process, role=role, dsn=dsn)


def run(dsn: str, statement: str) -> object:
    async def connect_and_run() -> object:
        connection = await asyncpg.connect(dsn)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    return asyncio.run(connect_and_run())


def refuses(dsn: str) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", urlsplit(dsn).port)) != 0


def test_rows_survive_the_server(state_dir: Path) -> None:
    with EmbeddedPostgres.start(state_dir) as server:
        run(server.dsn, "create table kept as select 42 as answer")
    with EmbeddedPostgres.start(state_dir) as server:
        assert run(server.dsn, "select answer from kept") == 42


def test_text_is_utf8_and_sorted_by_code_point_on_every_machine(state_dir: Path) -> None:
    with EmbeddedPostgres.start(state_dir, durable=False) as server:
        assert run(server.dsn, "select 'a' < 'Z'") is False
        assert run(server.dsn, "select upper('é')") == "É"
        assert run(server.dsn, "show server_encoding") == "UTF8"
        assert run(server.dsn, "show timezone") == "UTC"


def test_of_many_that_start_at_once_one_owns_and_the_others_attach(
    launch: Callable[[], subprocess.Popen[str]],
) -> None:
    processes = [launch() for _ in range(3)]
    companions = [read_companion(process) for process in processes]
    assert sorted(companion.role for companion in companions) == ["attached", "attached", "owned"]
    assert len({companion.dsn for companion in companions}) == 1


def test_the_server_ends_with_its_owner_even_while_others_are_attached(
    state_dir: Path,
    launch: Callable[[], subprocess.Popen[str]],
) -> None:
    owner = read_companion(launch())
    with EmbeddedPostgres.start(state_dir, durable=False) as attached:
        assert not attached.owned
        assert not attached.has_ended()
        owner.leave()
        assert refuses(attached.dsn)
        assert attached.has_ended()
    assert not (state_dir / "dsn").exists()


def test_an_attached_process_that_leaves_lets_the_server_run(
    launch: Callable[[], subprocess.Popen[str]],
) -> None:
    owner = read_companion(launch())
    read_companion(launch()).leave()
    assert run(owner.dsn, "select 1") == 1


def test_an_owner_whose_server_was_killed_knows(state_dir: Path) -> None:
    with EmbeddedPostgres.start(state_dir, durable=False) as server:
        assert not server.has_ended()
        pid = int((state_dir / "data" / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGKILL)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        assert server.has_ended()


def test_a_killed_owner_takes_the_server_along_and_the_next_start_works(
    state_dir: Path,
    launch: Callable[[], subprocess.Popen[str]],
) -> None:
    owner = read_companion(launch())
    run(owner.dsn, "create table kept as select 42 as answer")
    with socket.create_connection(
        ("127.0.0.1", urlsplit(owner.dsn).port or 0), timeout=TIMEOUT_SECONDS
    ) as session:
        owner.process.kill()
        assert session.recv(1) == b"", "the server is still there"
    with EmbeddedPostgres.start(state_dir, durable=False) as server:
        assert server.owned
        assert run(server.dsn, "select answer from kept") == 42


def test_a_server_left_behind_is_stopped_before_the_next_one(state_dir: Path) -> None:
    with EmbeddedPostgres.start(state_dir, durable=False) as server:
        left = server.dsn
        assert server._lock is not None
        os.close(server._lock)  # as if the owner were gone where no kernel signals its children
        server._lock = os.open(os.devnull, os.O_RDONLY)
        with EmbeddedPostgres.start(state_dir, durable=False) as successor:
            assert successor.owned
            assert successor.dsn != left
            assert refuses(left)


def test_a_first_start_that_was_interrupted_begins_anew(state_dir: Path) -> None:
    (state_dir / "new" / "data").mkdir(parents=True)
    (state_dir / "new" / "data" / "PG_VERSION").write_text("18\n")
    with EmbeddedPostgres.start(state_dir, durable=False) as server:
        assert run(server.dsn, "select 1") == 1


def test_a_strict_umask_and_a_relative_path_are_no_obstacle(
    state_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(state_dir.parent)
    usual = os.umask(0o077)
    try:
        state_dir.mkdir()
        with EmbeddedPostgres.start(Path(state_dir.name), durable=False) as server:
            assert run(server.dsn, "select 1") == 1
    finally:
        os.umask(usual)


def test_a_port_taken_in_the_meantime_is_not_the_end(
    state_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        ports = iter([other.getsockname()[1], free_port()])
        monkeypatch.setattr(postgres_cluster, "free_port", lambda: next(ports))
        with EmbeddedPostgres.start(state_dir, durable=False) as server:
            assert run(server.dsn, "select 1") == 1


def test_data_of_another_major_version_is_refused_by_name(state_dir: Path) -> None:
    EmbeddedPostgres.start(state_dir, durable=False).close()
    (state_dir / "data" / "PG_VERSION").write_text("9\n")
    with pytest.raises(EmbeddedPostgresError, match=rf"{state_dir}/data was written by PostgreSQL 9"):
        EmbeddedPostgres.start(state_dir)


def test_a_server_that_does_not_start_shows_its_log(state_dir: Path) -> None:
    EmbeddedPostgres.start(state_dir, durable=False).close()
    (state_dir / "data" / "global" / "pg_control").unlink()
    with pytest.raises(EmbeddedPostgresError, match="pg_control"):
        EmbeddedPostgres.start(state_dir)


def test_a_folder_without_the_programs_is_refused(state_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(EmbeddedPostgresError, match="does not hold the programs"):
        EmbeddedPostgres.start(state_dir, binaries=tmp_path)


def test_only_the_user_reads_the_address_and_nobody_prints_it(state_dir: Path) -> None:
    with EmbeddedPostgres.start(state_dir, durable=False) as server:
        assert (state_dir / "dsn").stat().st_mode & 0o077 == 0
        assert (state_dir / "password").stat().st_mode & 0o077 == 0
        assert (urlsplit(server.dsn).password or "-") not in repr(server)


def test_a_wrong_password_is_refused(state_dir: Path) -> None:
    with EmbeddedPostgres.start(state_dir, durable=False) as server:
        wrong = server.dsn.replace(urlsplit(server.dsn).password or "-", "guessed")
        with pytest.raises(asyncpg.InvalidPasswordError):
            run(wrong, "select 1")


def test_a_worker_thread_may_not_start_it(state_dir: Path) -> None:
    caught: list[BaseException] = []

    def start() -> None:
        try:
            EmbeddedPostgres.start(state_dir)
        except EmbeddedPostgresError as error:
            caught.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert "main thread" in str(caught)


def test_without_a_death_signal_a_watcher_stops_the_server() -> None:
    command = [sys.executable, "-c", "import sys; print('up', flush=True); sys.stdin.read()"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as target:
        assert target.stdout is not None
        assert target.stdout.readline() == b"up\n"
        watcher = watch_parent(target.pid)
        watcher.communicate(timeout=TIMEOUT_SECONDS)  # closes the pipe, as our own end would
        assert target.wait(TIMEOUT_SECONDS) in {-signal.SIGINT, 130}


def copy_programs(folder: Path) -> Path:
    package = find_binaries().folder.parents[1]
    for source in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(source, folder / source.name)
    return folder / package.name / "pginstall" / "bin"


def test_programs_whose_path_a_shell_would_read_otherwise_are_copied(state_dir: Path, tmp_path: Path) -> None:
    odd = copy_programs(tmp_path / "it's $HOME")
    with EmbeddedPostgres.start(state_dir, binaries=odd, durable=False) as server:
        assert run(server.dsn, "select 1") == 1


@as_root
def test_programs_that_only_root_can_reach_are_copied(state_dir: Path, tmp_path: Path) -> None:
    hidden = copy_programs(tmp_path)
    tmp_path.chmod(0o700)
    with EmbeddedPostgres.start(state_dir, binaries=hidden, durable=False) as server:
        assert run(server.dsn, "select 1") == 1
    EmbeddedPostgres.start(state_dir, binaries=hidden, durable=False).close()


@as_root
def test_a_state_folder_that_only_root_can_enter_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with pytest.raises(EmbeddedPostgresError, match="everybody may pass"):
        EmbeddedPostgres.start(tmp_path / "state")


def test_the_state_folder_lies_outside_of_the_clone_and_stays_the_same() -> None:
    clone = Path(__file__).resolve().parents[3]
    assert default_state_dir() == default_state_dir()
    assert not default_state_dir().is_relative_to(clone)
