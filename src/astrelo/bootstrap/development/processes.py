"""Child processes that end with us, whose logs are kept, and whose death is explained."""

import ctypes
import errno
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Self

from astrelo.bootstrap.problems import Problem

_PR_SET_PDEATHSIG = 1
_STOPPED_WITHIN = 30.0  # seconds; a worker finishes its batch before it ends
_TAIL_LINES = 20
_HOST = "127.0.0.1"
_PORTS = range(15_000, 30_000)


class ChildDied(Problem):
    """A child process ended that should be running; carries the end of its log."""

    def __init__(self, name: str, exit_code: int, log: Path, tail: str) -> None:
        how = f"exit code {exit_code}" if exit_code >= 0 else signal.Signals(-exit_code).name
        super().__init__(f"The {name} ended ({how}). The end of {log}:\n{tail or '(empty)'}")
        self.name = name
        self.exit_code = exit_code


class Child:
    """One `python -m MODULE …` process, in a session of its own so that Ctrl-C reaches only us."""

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        environ: Mapping[str, str],
        log: Path,
        module: str = "astrelo",
    ) -> None:
        self.name = name
        self.log = log
        command = [sys.executable, "-m", module, *arguments]
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own modules and arguments
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(environ),
                start_new_session=True,
                preexec_fn=end_with_parent_hook(),  # noqa: PLW1509 - no threads yet; no other way to ask the kernel
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def check(self) -> None:
        """Raise ChildDied when it has ended."""
        code = self._process.poll()
        if code is not None:
            raise ChildDied(self.name, code, self.log, self.tail())

    def tail(self) -> str:
        text = self.log.read_text(encoding="utf-8", errors="replace")
        return "\n".join(text.splitlines()[-_TAIL_LINES:])

    def stop(self) -> None:
        """Ask it to end and insist if it does not. Idempotent."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        self.wait_until_stopped(_STOPPED_WITHIN)

    def wait_until_stopped(self, seconds: float) -> bool:
        """Wait at most so long, then kill; return whether it ended by itself."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            return False
        return True


class Children:
    """Several of them, stopped when the block ends: each before those that it may still need."""

    def __init__(self) -> None:
        self._running: list[Child] = []

    def start(
        self,
        name: str,
        arguments: Sequence[str],
        environ: Mapping[str, str],
        log: Path,
        module: str = "astrelo",
    ) -> Child:
        """Start one that may use those started before it."""
        child = Child(name, arguments, environ, log, module)
        self._running.append(child)
        return child

    def check(self) -> None:
        """Raise ChildDied for the first that has ended."""
        for child in self._running:
            child.check()

    def stop(self) -> None:
        while self._running:
            self._running.pop().stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def free_port() -> int:
    """Find a port of this machine's own that no process listens on now.

    It is drawn from below those that systems give to outgoing connections: one of these would be taken by the
    next outgoing connection before the new server listens there.
    """
    while port_is_taken(_HOST, port := secrets.choice(_PORTS)):
        continue
    return port


def usual_ports(whose: str, count: int) -> list[int]:
    """Find ports as `free_port` does, the same at each call for the same owner unless another process listens there."""
    usual = Random(whose).sample(_PORTS, count)  # noqa: S311 - nothing secret: it is to come out the same
    return [free_port() if port_is_taken(_HOST, port) else port for port in usual]


def port_is_taken(host: str, port: int) -> bool:
    """Return whether a process listens there; a server's own error would be less clear."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return True
        raise Problem(f"Nothing can listen on {host}:{port}: {error.strerror or error}.") from error
    return False


def end_with_parent(signal_number: int = signal.SIGTERM) -> None:
    """Ask the kernel (Linux) to signal this process when its parent dies; elsewhere nothing happens."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal_number)


def end_with_parent_hook(signal_number: int = signal.SIGTERM) -> Callable[[], None] | None:
    """Return what a child runs before its program (`preexec_fn`), so that the kernel (Linux) ends it with us.

    The signal comes when the *thread* that made the child ends: make it in the main thread.
    """
    if not sys.platform.startswith("linux"):
        return None
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def ask_for_death_signal() -> None:
        prctl(_PR_SET_PDEATHSIG, signal_number)
        if os.getppid() != parent:  # we died before the request could take effect
            os._exit(1)

    return ask_for_death_signal
