"""Worker processes that are killed, frozen and woken."""

import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from astrelo.bootstrap.development.processes import Child, ChildDied

_NO_DATABASE = "No PostgreSQL answers"
_LISTENS = "queue.listening"


class Workers:
    """So many `astrelo worker` processes; each slot is started again after a kill."""

    def __init__(self, environ: Mapping[str, str], logs: Path) -> None:
        self._environ = environ
        self._logs = logs
        self._running: dict[int, Child] = {}
        self._frozen: set[int] = set()
        self._started = 0

    def start(self, slot: int) -> None:
        if slot not in self._running:
            self._started += 1
            log = self._logs / f"worker-{self._started}.log"
            self._running[slot] = Child(f"worker {slot}", ["worker"], self._environ, log)

    def any_listens(self) -> bool:
        return any(_LISTENS in child.log.read_text("utf-8", "replace") for child in self._running.values())

    def kill(self, slot: int) -> bool:
        """End one without a word; False when there is none."""
        child = self._running.pop(slot, None)
        self._frozen.discard(slot)
        if child is None:
            return False
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait_until_stopped(10)
        return True

    def freeze(self, slot: int) -> bool:
        if slot not in self._running or slot in self._frozen:
            return False
        os.kill(self._running[slot].pid, signal.SIGSTOP)
        self._frozen.add(slot)
        return True

    def wake(self, slot: int) -> None:
        if slot in self._frozen:
            self._frozen.remove(slot)
            os.kill(self._running[slot].pid, signal.SIGCONT)

    def tend(self) -> None:
        """Start those again that found no database when they began, as a supervisor of processes would.

        Raises ChildDied for one that ended by itself for any other reason.
        """
        for slot, child in list(self._running.items()):
            try:
                child.check()
            except ChildDied:
                if _NO_DATABASE not in child.tail():
                    raise
                del self._running[slot]
                self.start(slot)

    def stop(self) -> None:
        for slot in list(self._frozen):
            self.wake(slot)
        for child in self._running.values():
            with suppress(ProcessLookupError):
                os.kill(child.pid, signal.SIGTERM)
        for child in self._running.values():
            child.wait_until_stopped(30)
        self._running.clear()
