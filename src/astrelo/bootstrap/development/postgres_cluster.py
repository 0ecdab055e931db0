"""One PostgreSQL data folder and the server process on it: create, start, wait, stop."""

import os
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from astrelo.bootstrap.development.postgres_binaries import Account, Binaries, EmbeddedPostgresError
from astrelo.bootstrap.development.processes import end_with_parent_hook, free_port

ROLE = "astrelo"
DATABASE = "astrelo"
_READY_WITHIN = 120.0  # seconds; a crash recovery of a large data folder comes before "ready"
_STOPPED_WITHIN = 30.0
_POLL = 0.01
_TAIL_LINES = 15
_PORT_ATTEMPTS = 5
# Nothing of the caller's environment reaches the server: PG* variables, locales and time zones stay outside.
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
_VOLATILE = ["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningServer:
    """A server that accepts connections; `watcher` is the process that stops it where the kernel does not."""

    process: subprocess.Popen[bytes]
    port: int
    watcher: subprocess.Popen[bytes] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """The data folder below `home`, its password and log. Only one process may use it: its owner."""

    home: Path
    binaries: Binaries
    account: Account

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.home / "server.log"

    def dsn(self, port: int) -> str:
        password = (self.home / "password").read_text(encoding="ascii")
        # It speaks no TLS: without this parameter each session asks first.
        return f"postgresql://{ROLE}:{password}@127.0.0.1:{port}/{DATABASE}?sslmode=disable"

    def create_if_missing(self) -> None:
        """Run initdb unless the folder holds a cluster; a half-made one is thrown away.

        Raises EmbeddedPostgresError when the folder was made by another major version.
        """
        version = self.data / "PG_VERSION"
        if not version.exists():
            self._create()
        elif (found := version.read_text(encoding="ascii").strip()) != str(self.binaries.major):
            raise EmbeddedPostgresError(
                f"The data in {self.data} was written by PostgreSQL {found}, but the programs in "
                f"{self.binaries.folder} are PostgreSQL {self.binaries.version}. Remove {self.home} to begin "
                f"anew, or point to the programs of PostgreSQL {found}.",
            )

    def end_predecessor(self) -> None:
        """Stop a server that a killed owner left on this folder, and wait until it is gone."""
        lines = self._postmaster_lines()
        if not lines or not lines[0].isdecimal() or str(self.data) not in _command_line(int(lines[0])):
            return
        pid = int(lines[0])
        os.kill(pid, signal.SIGINT)
        deadline = time.monotonic() + _STOPPED_WITHIN
        while str(self.data) in _command_line(pid):
            if time.monotonic() > deadline:
                raise EmbeddedPostgresError(
                    f"An earlier PostgreSQL (process {pid}) still runs on {self.data} and does not stop. "
                    "End it and try again.",
                )
            time.sleep(_POLL)

    def start(self, *, durable: bool) -> RunningServer:
        """Start the server on a free port and return when it takes connections.

        Raises EmbeddedPostgresError with the end of the server's log.
        """
        if threading.current_thread() is not threading.main_thread():
            # The death signal fires when the creating thread ends, not the process.
            raise EmbeddedPostgresError("Start the embedded PostgreSQL from the main thread.")
        for _ in range(_PORT_ATTEMPTS):
            port = free_port()
            process = self._launch(port, durable=durable)
            if self._becomes_ready(process):
                has_death_signal = sys.platform.startswith("linux")
                watcher = None if has_death_signal else watch_parent(process.pid)
                return RunningServer(process=process, port=port, watcher=watcher)
            # Ended at once: most likely another process took the port between the check and the bind.
        tail = "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL_LINES:])
        raise EmbeddedPostgresError(
            f"The embedded PostgreSQL does not start on {self.data}. The end of {self.log}:\n{tail}",
        )

    def stop(self, server: RunningServer) -> None:
        """Disconnect all clients and shut down; idempotent."""
        if server.watcher is not None:
            server.watcher.kill()
            server.watcher.communicate()
        for stopping in (signal.SIGINT, signal.SIGQUIT):
            if server.process.poll() is None:
                server.process.send_signal(stopping)
            try:
                server.process.wait(_STOPPED_WITHIN)
            except subprocess.TimeoutExpired:
                continue
            return
        server.process.kill()
        server.process.wait()

    def _create(self) -> None:
        workshop = self.home / "new"
        shutil.rmtree(workshop, ignore_errors=True)
        workshop.mkdir(mode=0o700)
        password = secrets.token_urlsafe(24)
        write_private(self.home / "password", password)
        # A second copy, because the server's account must be able to read it and may not read ours.
        write_private(workshop / "password", password)
        self.account.take_over(workshop, workshop / "password")
        data = workshop / "data"
        initdb = [self.binaries.program("initdb"), "-D", str(data), "-U", ROLE, "-E", "UTF8", "--no-sync"]
        initdb += ["-A", "scram-sha-256", f"--pwfile={workshop / 'password'}", *self.binaries.locale_options]
        self._run(initdb)
        single_user = [self.binaries.program("postgres"), "--single", "-D", str(data), "postgres"]
        self._run(single_user, f"create database {DATABASE}\n")
        data.rename(self.data)
        shutil.rmtree(workshop)

    def _run(self, command: list[str], text: str = "") -> None:
        done = subprocess.run(  # noqa: S603 - our own binaries, our own arguments
            command,
            input=text,
            capture_output=True,
            text=True,
            check=False,
            cwd=self.home,
            env=_ENVIRONMENT,
            user=self.account.uid,
            group=self.account.gid,
            extra_groups=self.account.extra_groups,
        )
        if done.returncode != 0:
            raise EmbeddedPostgresError(
                f"{shlex.join(command)} failed with exit code {done.returncode}:\n{done.stderr or done.stdout}",
            )

    def _launch(self, port: int, *, durable: bool) -> subprocess.Popen[bytes]:
        command = [self.binaries.program("postgres"), "-D", str(self.data), "-p", str(port)]
        # No unix socket: its path is limited to 107 bytes, and all clients here use TCP.
        command += ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
        command += ["-c", "max_connections=200", *([] if durable else _VOLATILE)]
        with self.log.open("wb") as log:
            return subprocess.Popen(  # noqa: S603 - our own binary, our own arguments
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.home,
                env=_ENVIRONMENT,
                start_new_session=True,  # Ctrl-C is for us; we stop the server when we no longer need it
                preexec_fn=end_with_parent_hook(signal.SIGINT),  # noqa: PLW1509 - no threads yet; no other way to ask the kernel
                user=self.account.uid,
                group=self.account.gid,
                extra_groups=self.account.extra_groups,
            )

    def _becomes_ready(self, process: subprocess.Popen[bytes]) -> bool:
        deadline = time.monotonic() + _READY_WITHIN
        while process.poll() is None:
            lines = self._postmaster_lines()
            if lines[:1] == [str(process.pid)] and lines[-1].strip() == "ready":
                return True
            if time.monotonic() > deadline:
                process.kill()
                process.wait()
                raise EmbeddedPostgresError(
                    f"PostgreSQL is not ready after {_READY_WITHIN:.0f} s: see {self.log}"
                )
            time.sleep(_POLL)
        return False

    def _postmaster_lines(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []


def write_private(path: Path, text: str) -> None:
    """Replace a file by one that only we can read; other processes see the old one or the whole new one."""
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600, exist_ok=False)
    draft.write_text(text, encoding="ascii")
    draft.rename(path)


def watch_parent(pid: int) -> subprocess.Popen[bytes]:
    """Start a process that sends SIGINT to `pid` when this process ends: for systems without a death signal.

    It notices by the end of the pipe that only we hold open.
    """
    command = ["/bin/sh", "-c", 'read -r line; kill -INT "$0"', str(pid)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)  # noqa: S603 - fixed command


def _command_line(pid: int) -> str:
    """Give the command of a live process, '' if it has ended: process numbers are used again."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except FileNotFoundError:
        if Path("/proc/self").exists():
            return ""
    command = ["/bin/ps", "-ww", "-o", "args=", "-p", str(pid)]
    completed = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed command
    return completed.stdout


def refuses_connections(port: int) -> bool:
    """Return whether no process listens there any more; a server that is merely slow still listens."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False


def accepts_connections(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False
