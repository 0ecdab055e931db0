"""A watch over every test: no secret that it knows may stand in what the test, its logs or its children print.

Register what must stay secret with the `secrets` fixture, start child processes with `spawn`. The look is taken
when the test is over, at everything pytest captured and at all that the children wrote.
"""

import os
import queue
import re
import subprocess
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import pytest

from crm_sandbox.http.application import SandboxApplication

TIMEOUT_SECONDS = 120.0  # for what takes a second, and on a busy machine half a minute
_MIN_LENGTH = 8  # shorter texts stand in an output by chance
_DEPTH = 3  # of worlds within worlds in which a sandbox is looked for
_SHOWN = 40  # characters of the surroundings of a leak


@dataclass(slots=True)
class Secrets:
    """What one test must not print."""

    values: set[str] = field(default_factory=set)
    sources: list[Callable[[], Iterable[str]]] = field(default_factory=list)

    def register(self, *values: str) -> None:
        self.values.update(value for value in values if len(value) >= _MIN_LENGTH)

    def watch(self, source: Callable[[], Iterable[str]]) -> None:
        """Ask `source` for more secrets when the test's body has ended and its fixtures still stand."""
        self.sources.append(source)

    def collect(self) -> None:
        while self.sources:
            self.register(*self.sources.pop()())

    def leaks(self, sections: Iterable[tuple[str, str]]) -> list[str]:
        """Name each section that holds a secret, with the text before it; never the secret."""
        if not self.values:
            return []
        anyone = re.compile(
            "|".join(re.escape(value) for value in sorted(self.values, key=len, reverse=True))
        )
        found = ((name, text, anyone.search(text)) for name, text in sections)
        return [
            f"a secret stands in {name}, after {anyone.sub('***', text[: leak.start()])[-_SHOWN:]!r}"
            for name, text, leak in found
            if leak is not None
        ]


class Spawned:
    """A child process whose whole output is kept; stopped at the end of the test."""

    def __init__(
        self, command: Sequence[str | Path], env: Mapping[str, str] | None, cwd: Path | None
    ) -> None:
        self.name = Path(command[0]).name
        self.process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=None if env is None else dict(env),
            cwd=cwd,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        self._kept: dict[str, list[str]] = {"stdout": [], "stderr": []}
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        pipes = (("stdout", self.process.stdout), ("stderr", self.process.stderr))
        self._readers = [threading.Thread(target=self._keep, args=pair, daemon=True) for pair in pipes]
        for reader in self._readers:
            reader.start()

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Block until a line of stdout or stderr matches; fail the test when the child ends before."""
        ended = 0
        while ended < len(self._readers):
            try:
                line = self._lines.get(timeout=TIMEOUT_SECONDS)
            except queue.Empty:
                break
            if line is None:
                ended += 1
            elif (match := re.search(pattern, line)) is not None:
                return match
        pytest.fail(f"{self.name} never said {pattern!r}. It said:\n{self.stdout}{self.stderr}")

    @property
    def stdout(self) -> str:
        return "".join(self._kept["stdout"])

    @property
    def stderr(self) -> str:
        return "".join(self._kept["stderr"])

    def wait(self) -> int:
        """Wait for its own end; give its exit code."""
        code = self.process.wait(TIMEOUT_SECONDS)
        self._finish_reading()
        return code

    def stop(self) -> int:
        """Ask it to end as an operator would, insist if it does not; give its exit code. Idempotent."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.wait()
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, 9)
            return self.wait()

    def _keep(self, stream: str, pipe: IO[str]) -> None:
        with pipe:
            for line in pipe:
                self._kept[stream].append(line)
                self._lines.put(line)
        self._lines.put(None)

    def _finish_reading(self) -> None:
        for reader in self._readers:
            reader.join(TIMEOUT_SECONDS)


class Spawn:
    """Starts child processes for one test."""

    def __init__(self) -> None:
        self.children: list[Spawned] = []

    def __call__(
        self,
        *command: str | Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> Spawned:
        self.children.append(Spawned(command, env, cwd))
        return self.children[-1]


_SECRETS = pytest.StashKey[Secrets]()


def _knows(item: pytest.Item) -> Secrets:
    known: Secrets = item.stash.setdefault(_SECRETS, Secrets())
    return known


@pytest.fixture
def secrets(request: pytest.FixtureRequest) -> Secrets:
    """What this test must not print: register values as they come into being."""
    return _knows(request.node)


@pytest.fixture
def spawn(request: pytest.FixtureRequest) -> Iterator[Spawn]:
    """Start child processes; all are stopped, and their output becomes part of the test's report."""
    starter = Spawn()
    yield starter
    for child in reversed(starter.children):
        child.stop()
    for child in starter.children:
        request.node.add_report_section("teardown", f"stdout of {child.name}", child.stdout)
        request.node.add_report_section("teardown", f"stderr of {child.name}", child.stderr)


def _sandboxes(values: Iterable[object], depth: int = _DEPTH) -> Iterator[SandboxApplication]:
    """Find the sandboxes among a test's fixtures, and within the worlds that our tests build around them."""
    for value in values:
        if isinstance(value, SandboxApplication):
            yield value
        elif depth > 0 and type(value).__module__.startswith("tests.") and hasattr(value, "__dict__"):
            yield from _sandboxes(vars(value).values(), depth - 1)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test whose output holds one of its secrets, in its last phase, when all output is there.

    What a sandbox among the test's fixtures, or within one of them, has issued needs no registering.
    """
    report = yield
    known = _knows(item)
    if report.when == "call":
        for sandbox in _sandboxes(getattr(item, "funcargs", {}).values()):
            known.register(*(issued.value for issued in sandbox.authority.issued))
        known.collect()
    if report.when == "teardown" and (leaks := known.leaks(report.sections)):
        report.outcome = "failed"
        report.longrepr = "\n".join(leaks)
    return report
