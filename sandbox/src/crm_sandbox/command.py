"""Serving a sandbox from the command line."""

import asyncio
import errno
import signal
import sys
from pathlib import Path
from typing import Literal

from crm_sandbox import hubspot, salesforce
from crm_sandbox.application import SandboxApplication
from crm_sandbox.crm import PlayedCrm
from crm_sandbox.fault_plan import FaultPlan, FaultPlanError
from crm_sandbox.portals import Portal, PortalError
from crm_sandbox.server import serve

Crm = Literal["hubspot", "salesforce"]


def run_sandbox(
    port: int,
    portal: Path | None = None,
    companies: int = 500,
    latency_ms: float = 0,
    *,
    crm: Crm = "hubspot",
    rate_limit: bool = True,
    fault_plan: Path | None = None,
    person_accounts: bool = False,
) -> None:
    """Serve until SIGINT or SIGTERM; print `sandbox ready on URL` when listening.

    Salesforce presents a portal in HubSpot's words as an org, with `person_accounts` one that has such; HubSpot has
    none, with or without. An unusable portal file or fault plan, or a port that
    is taken ends the process with a sentence on stderr.
    """
    try:
        chosen = Portal.load(portal) if portal is not None else Portal.generate(companies)
        sandbox = _sandbox(crm, chosen, latency_ms, rate_limit=rate_limit, person_accounts=person_accounts)
        if fault_plan is not None:
            sandbox.set_plan(FaultPlan.load(fault_plan))
        asyncio.run(_serve_until_stopped(sandbox, port))
    except (PortalError, FaultPlanError) as error:
        raise SystemExit(str(error)) from error
    except (OSError, OverflowError) as error:
        raise SystemExit(_cannot_listen(port, error)) from error


def _sandbox(
    crm: Crm, portal: Portal, latency_ms: float, *, rate_limit: bool, person_accounts: bool
) -> SandboxApplication:
    if crm == "hubspot":
        return hubspot.create_sandbox(portal, latency_ms=latency_ms, rate_limit=rate_limit)
    switches = salesforce.Switches(person_accounts=person_accounts)
    return salesforce.create_sandbox(portal, latency_ms=latency_ms, rate_limit=rate_limit, switches=switches)


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
