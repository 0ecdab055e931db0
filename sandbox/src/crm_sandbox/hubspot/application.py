"""The simulated HubSpot as an ASGI application."""

import time
from collections.abc import Callable, Mapping, Sequence
from uuid import uuid4

import httpx
from starlette.datastructures import MutableHeaders
from starlette.routing import BaseRoute
from starlette.types import Receive, Scope, Send

from crm_sandbox.admin_api.actions import Actions
from crm_sandbox.clock import SandboxClock
from crm_sandbox.datasets import Dataset
from crm_sandbox.faults.fault import FaultEffect
from crm_sandbox.http.application import SandboxApplication
from crm_sandbox.http.landing_page import Landing
from crm_sandbox.http.requests import REQUESTED_PATH, Request
from crm_sandbox.http.responses import HTMLResponse, Response
from crm_sandbox.hubspot.account.account import Flags
from crm_sandbox.hubspot.admin_api import ACTIONS
from crm_sandbox.hubspot.errors import (
    OAuthRefusal,
    body_too_large,
    default_response,
    invalid,
    method_not_allowed,
    not_simulated,
)
from crm_sandbox.hubspot.landing_page import landing
from crm_sandbox.hubspot.oauth.authorization_server import App
from crm_sandbox.hubspot.oauth.v1 import hide_token
from crm_sandbox.hubspot.routes import ROUTES, CrmRoute, find_crm_route
from crm_sandbox.hubspot.state import SandboxState
from crm_sandbox.hubspot.webhooks.delivery import Webhooks, WebhookSettings
from crm_sandbox.journal import Entry, Family
from crm_sandbox.not_simulated import NotSimulated
from crm_sandbox.rate_limits import UNLIMITED

MAX_URL_LENGTH = 8000
_NOT_FOUND, _METHOD_NOT_ALLOWED = 404, 405


class Sandbox(SandboxState, SandboxApplication):
    """A stateful HubSpot: an ASGI application whose state may be looked into while it runs."""

    def crm_routes(self) -> Sequence[BaseRoute]:
        return ROUTES

    def admin_actions(self) -> Actions:
        return ACTIONS

    def landing(self) -> Landing:
        return landing(self)

    async def close(self) -> None:
        """Stop delivering webhooks."""
        await self.webhooks.stop()

    def after_admin_call(self) -> None:
        """Deliver the webhooks of what the call has changed."""
        self.webhooks.wake()

    def sign(self, headers: MutableHeaders) -> None:
        """Add a correlation id unless the body has brought one."""
        headers.setdefault("x-hubspot-correlation-id", str(uuid4()))

    async def serve_crm_request(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Route a path with a slash at its end, however it was requested."""
        if len(scope["path"]) + len(scope["query_string"]) >= MAX_URL_LENGTH:
            page = HTMLResponse("<html><body><h1>414 Request-URI Too Large</h1></body></html>", 414)
            await page(scope, receive, send)
            return
        await super().serve_crm_request(_with_slash(scope), receive, send)

    def http_error_response(self, request: Request, status: int) -> Response:
        if status == _METHOD_NOT_ALLOWED:
            return method_not_allowed(request.method).response()
        if status == _NOT_FOUND:
            raise NotSimulated(f"{request.method} {request.path}")
        return body_too_large().response()

    def fault_response(self, _request: Request, fault: FaultEffect) -> Response:
        return default_response(fault)

    def not_simulated_response(self, _request: Request, error: NotSimulated) -> Response:
        return not_simulated(error).response()

    def unreadable_response(self, request: Request, reason: str) -> Response:
        message = f"The request cannot be read: {reason}"
        if _family(request.path) == "crm":
            return invalid(message).response()
        return OAuthRefusal("BAD_REQUEST", "invalid_request", message).response()

    def journal_entry(self, request: Request) -> Entry:
        path = hide_token(request.path)
        found = find_crm_route(request.method, _add_slash(request.path))
        route, parameters = found or (None, {})
        crm_route = route if isinstance(route, CrmRoute) else None
        return Entry(
            time=self.clock.now(),
            method=request.method,
            path=path,
            family=_family(path),
            endpoint=crm_route.label(parameters)
            if crm_route
            else f"{request.method} {_without_version(path, parameters)}",
            windowed=crm_route is not None and crm_route.rate_limit == "requests",
        )


def _family(path: str) -> Family:
    if path.startswith("/oauth/") and path.removesuffix("/").endswith("/authorize"):
        return "browser"
    return "oauth" if path.startswith(("/oauth/", "/appinstalls/")) else "crm"


def _without_version(path: str, parameters: Mapping[str, str]) -> str:
    version = parameters.get("version")
    return path.removesuffix("/").replace(f"/{version}/", "/") if version else path


def _with_slash(scope: Scope) -> Scope:
    path = str(scope["path"])
    return {**scope, "path": _add_slash(path), REQUESTED_PATH: path}


def _add_slash(path: str) -> str:
    return path if path.endswith("/") else f"{path}/"


def create_sandbox(
    *datasets: Dataset,
    clock: Callable[[], float] = time.time,
    latency_ms: float = 0,
    rate_limit: bool = True,
    app: App | None = None,
    flags: Flags | None = None,
    webhooks: WebhookSettings | None = None,
    webhook_transport: httpx.AsyncBaseTransport | None = None,
) -> Sandbox:
    """Make a sandbox with one account for each dataset; without any, one with the generated dataset.

    `clock` gives seconds since the epoch. Without `rate_limit` the limits are announced so high that no
    client meets them. `flags` start from HubSpot's own behaviour. `webhook_transport` delivers the webhooks,
    over the network unless given.
    """
    chosen = flags or Flags()
    chosen.latency_ms = latency_ms or chosen.latency_ms
    if not rate_limit:
        chosen.requests_per_window = chosen.searches_per_second = UNLIMITED
    registered, sandbox_clock = app or App(), SandboxClock(clock)
    deliveries = Webhooks(registered.client_secret, sandbox_clock, webhook_transport)
    deliveries.configure(webhooks or WebhookSettings())
    return Sandbox(datasets or (Dataset.generate(),), registered, sandbox_clock, chosen, deliveries)
