"""Making a sandbox out of what the command line says, and serving it until it is stopped."""

import asyncio
import signal
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, TypeVar

from crm_sandbox import hubspot, salesforce
from crm_sandbox.datasets import Dataset
from crm_sandbox.faults.plan import FaultPlan
from crm_sandbox.http.application import SandboxApplication
from crm_sandbox.http.certificates import ServerCertificate, local_certificate
from crm_sandbox.http.server import serve
from crm_sandbox.oauth import RegisteredApp

Crm = Literal["hubspot", "salesforce"]
App = TypeVar("App", bound=RegisteredApp)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A client's app; what is None or empty is as in the sandbox's own app."""

    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    redirect_uris: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()

    def apply_to(self, app: App) -> App:
        return replace(
            app,
            client_id=self.client_id or app.client_id,
            client_secret=self.client_secret or app.client_secret,
            redirect_uris=self.redirect_uris or app.redirect_uris,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line says."""

    crm: Crm
    dataset: Path | None
    companies: int
    registration: Registration
    latency_ms: float
    rate_limit: bool
    fault_plan: Path | None
    person_accounts: bool
    tls: bool


def build_sandbox(options: Options) -> SandboxApplication:
    """Make the sandbox; raises DatasetError or FaultPlanError when a file cannot be used."""
    dataset = Dataset.load(options.dataset) if options.dataset else Dataset.generate(options.companies)
    sandbox = _hubspot(dataset, options) if options.crm == "hubspot" else _salesforce(dataset, options)
    if options.fault_plan is not None:
        sandbox.set_plan(FaultPlan.load(options.fault_plan))
    return sandbox


def run_sandbox(sandbox: SandboxApplication, host: str, port: int, *, tls: bool) -> None:
    """Serve until SIGINT or SIGTERM; the first line on stdout is `sandbox ready on URL`, once it listens.

    Raises OSError when it cannot listen there.
    """
    if not tls:
        asyncio.run(_serve_until_stopped(sandbox, host, port))
        return
    with local_certificate(host) as certificate:
        asyncio.run(_serve_until_stopped(sandbox, host, port, certificate))


def _hubspot(dataset: Dataset, options: Options) -> SandboxApplication:
    app, scopes = options.registration.apply_to(hubspot.App()), options.registration.scopes
    if scopes:
        app = replace(app, required_scopes=scopes, optional_scopes=())
    return hubspot.create_sandbox(
        dataset, latency_ms=options.latency_ms, rate_limit=options.rate_limit, app=app
    )


def _salesforce(dataset: Dataset, options: Options) -> SandboxApplication:
    app = options.registration.apply_to(salesforce.App())
    return salesforce.create_sandbox(
        dataset,
        latency_ms=options.latency_ms,
        rate_limit=options.rate_limit,
        app=replace(app, scopes=options.registration.scopes or app.scopes),
        flags=salesforce.Flags(person_accounts=options.person_accounts),
        scheme="https" if options.tls else "http",
    )


async def _serve_until_stopped(
    sandbox: SandboxApplication, host: str, port: int, certificate: ServerCertificate | None = None
) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with serve(sandbox, host, port, certificate.context if certificate else None) as url:
        sys.stdout.write(f"sandbox ready on {url}\n")
        if certificate:
            sys.stdout.write(f"clients trust it by the certificate authority in {certificate.authority}\n")
        sys.stdout.write(
            "open it in a browser for its accounts, its app and a first request; Ctrl-C stops it\n"
        )
        sys.stdout.flush()
        await stopped.wait()
