"""Serving a sandbox from the command line."""

import asyncio
import errno
import signal
import sys
from pathlib import Path

from astrelo.sandbox.crm import PlayedCrm
from astrelo.sandbox.fault_plan import FaultPlan, FaultPlanError
from astrelo.sandbox.hubspot.app import create_sandbox
from astrelo.sandbox.hubspot.oauth import App
from astrelo.sandbox.hubspot.webhooks import WebhookSettings
from astrelo.sandbox.portal import Portal, PortalError
from astrelo.sandbox.server import serve


def run_sandbox(
    port: int,
    portal: Path | None = None,
    companies: int = 500,
    latency_ms: float = 0,
    *,
    rate_limit: bool = True,
    app: App | None = None,
    webhooks: WebhookSettings | None = None,
    fault_plan: Path | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM; print `sandbox ready on URL` when listening.

    An unusable portal file or fault plan, or a port that is taken ends the process with a sentence on stderr.
    """
    try:
        chosen = Portal.load(portal) if portal is not None else Portal.generate(companies)
        sandbox = create_sandbox(
            chosen, latency_ms=latency_ms, rate_limit=rate_limit, app=app, webhooks=webhooks
        )
        if fault_plan is not None:
            sandbox.set_plan(FaultPlan.load(fault_plan))
        asyncio.run(_serve_until_stopped(sandbox, port))
    except (PortalError, FaultPlanError) as error:
        raise SystemExit(str(error)) from error
    except (OSError, OverflowError) as error:
        raise SystemExit(_cannot_listen(port, error)) from error


def _cannot_listen(port: int, error: OSError | OverflowError) -> str:
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} is taken. End what listens there, or choose another one: --port 0 takes a free one."
        )
    return f"The sandbox cannot listen on port {port}: {error}."


async def _serve_until_stopped(sandbox: PlayedCrm, port: int) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with serve(sandbox, port=port) as url:
        sys.stdout.write(f"sandbox ready on {url}\n")
        sys.stdout.flush()
        await stopped.wait()
