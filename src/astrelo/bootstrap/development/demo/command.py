"""The demo from start to end: start the processes, connect, sync, report, stay up."""

import shutil
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click
import httpx
import msgspec

from astrelo.bootstrap.development.demo.crms import DEMO_CRMS
from astrelo.bootstrap.development.demo.processes import Stage, start_stage
from astrelo.bootstrap.development.demo.progress import SyncProgress
from astrelo.bootstrap.development.demo.report import summary_object, summary_text
from astrelo.bootstrap.development.demo.visit import DemoVisit
from astrelo.domain.identifiers import Provider

_LOOK_EVERY = 0.2  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    providers: Sequence[Provider]
    """The CRMs that are simulated, each with the same records; one user connects them all."""
    companies: int
    portal: Path | None
    once: bool
    as_json: bool


def run_demo(options: DemoOptions, environ: Mapping[str, str]) -> None:
    """Start the processes, connect, sync, report; stay up until Ctrl-C unless `once`."""
    crms = [DEMO_CRMS[provider] for provider in options.providers]
    progress = SyncProgress(several_crms=len(crms) > 1)
    with _signals_as_interrupts():
        sandboxes = ", ".join(f"the {provider.label} sandbox" for provider in options.providers)
        progress.say(f"Starting PostgreSQL, {sandboxes}, the API and a worker …")
        with (
            start_stage(crms, options.portal, options.companies, environ) as stage,
            httpx.Client(timeout=30.0) as http,
        ):
            visit = DemoVisit(stage, http, progress)
            outcome = visit.connect_and_sync()
            click.echo(summary_text(*outcome), err=options.as_json)
            if options.as_json:
                click.echo(msgspec.json.encode(summary_object(*outcome)))
            if options.once:
                progress.say(f"The data and the logs are kept in {stage.logs.parent}.")
            else:
                _stay(stage, visit, progress)


def _stay(stage: Stage, visit: DemoVisit, progress: SyncProgress) -> None:
    several = len(stage.sandboxes) > 1
    sandbox_lines = "".join(
        f"  {sandbox.crm.provider.label if several else 'the sandbox':<12} {sandbox.url}/_sandbox/stats\n"
        for sandbox in stage.sandboxes
    )
    progress.say(
        f"\nEverything stays up until Ctrl-C:\n"
        f"  the page     {visit.login_link()}  (signs you in, once)\n"
        f"  the API      {stage.api_url}/schema\n"
        f"{sandbox_lines}"
        f"  a token      {_our_command()} token --user {visit.user()}\n"
        f"  logs         {stage.logs}"
    )
    try:
        while True:
            stage.check()
            time.sleep(_LOOK_EVERY)
    except KeyboardInterrupt:
        progress.say("\nStopping …")


def _our_command() -> str:
    """Name the command as it can be typed here: a clone's environment is seldom on the PATH."""
    ours = Path(sys.executable).with_name("astrelo")
    if not ours.exists() or shutil.which("astrelo") == str(ours):
        return "astrelo"
    return str(ours.relative_to(Path.cwd()) if ours.is_relative_to(Path.cwd()) else ours)


@contextmanager
def _signals_as_interrupts() -> Iterator[None]:
    """Let SIGTERM and a closed terminal end the demo the way Ctrl-C does: with everything stopped."""

    def interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
