"""The simulated Salesforce as an ASGI application."""

import re
import time
from collections.abc import Callable, Sequence

from starlette.routing import BaseRoute
from starlette.types import Receive, Scope, Send

from crm_sandbox.admin_api.actions import Actions
from crm_sandbox.clock import SandboxClock
from crm_sandbox.datasets import Dataset
from crm_sandbox.faults.fault import FaultEffect
from crm_sandbox.http.application import SandboxApplication
from crm_sandbox.http.landing_page import Landing
from crm_sandbox.http.requests import REQUESTED_PATH, Request
from crm_sandbox.http.responses import Response
from crm_sandbox.http.routing import find_route
from crm_sandbox.journal import Entry, Family
from crm_sandbox.not_simulated import NotSimulated
from crm_sandbox.rate_limits import UNLIMITED
from crm_sandbox.salesforce.admin_api import ACTIONS
from crm_sandbox.salesforce.errors import (
    ApiError,
    OAuthError,
    default_response,
    invalid_parameter,
    malformed_query,
    method_not_allowed,
    not_simulated,
)
from crm_sandbox.salesforce.flags import Flags
from crm_sandbox.salesforce.landing_page import landing
from crm_sandbox.salesforce.oauth.authorization_server import App
from crm_sandbox.salesforce.routes import DATA_PATH, OAUTH_PATH, ROUTES, ApiRoute, list_methods
from crm_sandbox.salesforce.state import SandboxState
from crm_sandbox.salesforce.unsimulated import SERVICES

MAX_URI_SIZE = 16_384
_NOT_FOUND, _METHOD_NOT_ALLOWED = 404, 405
_FROM = re.compile(r"\bfrom\s+(\w+)", re.IGNORECASE)


class Sandbox(SandboxState, SandboxApplication):
    """A stateful Salesforce: an ASGI application whose state may be looked into while it runs."""

    def crm_routes(self) -> Sequence[BaseRoute]:
        return ROUTES

    def admin_actions(self) -> Actions:
        return ACTIONS

    def landing(self) -> Landing:
        return landing(self)

    async def serve_crm_request(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Route a path with a slash at its end, however it was requested."""
        if (error := _check_size(Request(scope))) is not None:
            await error.response()(scope, receive, send)
            return
        await super().serve_crm_request(_with_slash(scope), receive, send)

    def http_error_response(self, request: Request, status: int) -> Response:
        if status == _NOT_FOUND:
            service = request.path.removeprefix("/services/").partition("/")[0]
            raise NotSimulated(SERVICES.get(service, request.path))
        if status == _METHOD_NOT_ALLOWED:
            if request.method == "HEAD":
                raise NotSimulated(f"HEAD {request.path}")
            return method_not_allowed(request.method, list_methods(ROUTES, request.scope)).response()
        if request.path.startswith(OAUTH_PATH):
            return OAuthError("invalid_request", "the request body is too large", status=status).response()
        return ApiError(status, "REQUEST_ENTITY_TOO_LARGE", "The request body is too large.").response()

    def fault_response(self, request: Request, fault: FaultEffect) -> Response:
        return default_response(fault, oauth=request.path.startswith(OAUTH_PATH))

    def not_simulated_response(self, request: Request, error: NotSimulated) -> Response:
        if request.path.startswith(OAUTH_PATH):
            return OAuthError("NOT_SIMULATED", str(error), status=501).response()
        return not_simulated(error)

    def unreadable_response(self, request: Request, reason: str) -> Response:
        message = f"The request cannot be read: {reason}"
        if request.path.startswith(OAUTH_PATH):
            return OAuthError("invalid_request", message).response()
        if "q" in request.query_params:
            return malformed_query(message).response()
        if request.method in {"POST", "PATCH"}:
            return ApiError(400, "JSON_PARSER_ERROR", message).response()
        return invalid_parameter(message).response()

    def journal_entry(self, request: Request) -> Entry:
        family: Family = "oauth" if request.path.startswith((OAUTH_PATH, "/id/")) else "crm"
        if request.path.rstrip("/") == f"{OAUTH_PATH}authorize":
            family = "browser"
        return Entry(
            time=self.clock.now(),
            method=request.method,
            path=request.path,
            family=family,
            endpoint=_label_endpoint(request),
            windowed=family == "crm" and request.path.rstrip("/") != DATA_PATH.rstrip("/"),
        )


def _check_size(request: Request) -> ApiError | None:
    """Return an error for a URI, or a URI and its headers, beyond 16,384 bytes."""
    uri_size = len(request.target)
    if uri_size > MAX_URI_SIZE:
        return ApiError(414, "URI_TOO_LONG", "The length of the URI exceeds the 16,384-byte limit.")
    if uri_size + sum(len(name) + len(value) for name, value in request.headers.items()) > MAX_URI_SIZE:
        return ApiError(
            431,
            "HEADERS_TOO_LONG",
            "The combined length of the URI and headers exceeds the 16,384-byte limit.",
        )
    return None


def _label_endpoint(request: Request) -> str:
    """Name an endpoint for statistics: without version and ids, a query with its object."""
    route, parameters = find_route(ROUTES, _with_slash(request.scope)) or (None, {})
    if not isinstance(route, ApiRoute):
        return f"{request.method} {request.path}"
    label = f"{request.method} {route.label(parameters)}"
    queried = _FROM.search(request.query_params.get("q", ""))
    return f"{label} {queried[1]}" if queried else label


def _with_slash(scope: Scope) -> Scope:
    path = str(scope["path"])
    return {**scope, "path": path if path.endswith("/") else f"{path}/", REQUESTED_PATH: path}


def create_sandbox(
    *orgs: Dataset,
    clock: Callable[[], float] = time.time,
    latency_ms: float = 0,
    rate_limit: bool = True,
    app: App | None = None,
    flags: Flags | None = None,
    scheme: str = "http",
) -> Sandbox:
    """Make a sandbox with one org for each dataset; without any, one with the generated dataset.

    HubSpot's datasets are converted. `clock` returns seconds since the epoch. Without `rate_limit` no client meets the
    daily limit. `flags` default to Salesforce's own behaviour. URLs of a socket have `scheme`.
    """
    chosen = flags or Flags()
    chosen.latency_ms = latency_ms or chosen.latency_ms
    if not rate_limit:
        chosen.daily_limit = UNLIMITED
    sandbox = Sandbox(orgs or (Dataset.generate(),), app or App(), SandboxClock(clock), chosen)
    sandbox.oauth.scheme = scheme
    return sandbox
