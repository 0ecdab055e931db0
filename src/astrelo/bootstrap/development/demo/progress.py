"""What the demo shows while it syncs: a bar per CRM and object type.

It goes to stderr, without control characters when that is no terminal; results go to stdout.
"""

import sys
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from astrelo.application.read.views import RunView
from astrelo.domain.identifiers import ObjectType, Provider


class SyncProgress:
    """One bar per object type on a terminal; a line per type that is done elsewhere."""

    def __init__(self, *, several_crms: bool) -> None:
        self._several_crms = several_crms
        self._width = max(len(self._title(crm, kind)) for crm in Provider for kind in ObjectType)
        self._console = Console(file=sys.stderr, force_terminal=sys.stderr.isatty())
        self._bars = Progress(
            TextColumn(f"  {{task.description:<{self._width}}}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}
        self._reported: set[str] = set()

    def say(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def show(self, run: RunView) -> None:
        for step in run.steps:
            title = self._title(run.provider, step.object_type)
            if title not in self._tasks:
                self._tasks[title] = self._bars.add_task(title, total=None)
            # The announced total is only the CRM's word: once it is passed, the bar has no end.
            announced = max(step.expected_total or 0, step.received)
            total = announced if step.status == "completed" or announced > step.received else None
            self._bars.update(self._tasks[title], completed=step.received, total=total)
            if step.status == "completed" and title not in self._reported:
                self._reported.add(title)
                if self._bars.disable:
                    self.say(f"  {title:<{self._width}} {step.received:,} received")

    def _title(self, crm: Provider, kind: ObjectType) -> str:
        return f"{crm.label} {kind}" if self._several_crms else kind

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()
