"""Several processes that serve the same sockets: started, replaced when they crash, stopped together."""

import multiprocessing
import signal
import time
from collections.abc import Callable
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess

import structlog

from astrelo.bootstrap.problems import Problem

_RESTART_DELAY = 1.0  # seconds, so that a process that crashes at once does not take the machine's time
_STOP_MARGIN = 5.0  # seconds beyond the time that a process gives its requests

log = structlog.get_logger(__name__)


class ServerProcesses:
    """Runs a function in `count` processes until SIGTERM or SIGINT, which it passes on.

    Each is a fresh interpreter: a fork of one that has threads and an event loop would inherit their locks.
    """

    def __init__(self, count: int, function: Callable[..., None], *arguments: object) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._count = count
        self._function = function
        self._arguments = arguments
        self._running: list[BaseProcess] = []
        self._stopping = False

    def run(self, drain: float) -> None:
        """Return when all have ended; one that is asked to and does not within `drain` seconds is killed.

        Raises Problem when one ends unasked, other than by a signal: it could not start.
        """
        handlers = {number: signal.signal(number, self._stop) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            while len(self._running) < self._count and not self._stopping:
                self._start()
            while not self._stopping:
                self._replace_crashed()
            self._await_end(drain + _STOP_MARGIN)
        finally:
            for process in self._running:
                process.kill()
                process.join()
            for number, handler in handlers.items():
                signal.signal(number, handler)

    def _start(self) -> None:
        process = self._context.Process(target=self._function, args=self._arguments)
        process.start()
        self._running.append(process)

    def _stop(self, *_signal: object) -> None:
        self._stopping = True
        for process in self._running:
            process.terminate()

    def _replace_crashed(self) -> None:
        wait([process.sentinel for process in self._running], timeout=_RESTART_DELAY)
        for process in [each for each in self._running if each.exitcode is not None and not self._stopping]:
            self._running.remove(process)
            code = process.exitcode or 0
            if code >= 0:
                raise Problem(f"A process of the API could not start (exit code {code}); its log says why.")
            log.error("api.process_crashed", signal=signal.Signals(-code).name)
            time.sleep(_RESTART_DELAY)
            self._start()

    def _await_end(self, seconds: float) -> None:
        self._stop()  # also what was started while the signal came
        end = time.monotonic() + seconds
        for process in self._running:
            process.join(max(0.0, end - time.monotonic()))
