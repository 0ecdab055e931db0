"""The sandbox itself: which request goes where, and what Salesforce checks before it gets there."""

import re
import time
from collections.abc import Callable, Sequence

from starlette.routing import BaseRoute

from crm_sandbox.admin_api.actions import Actions
from crm_sandbox.clock import SandboxClock
from crm_sandbox.datasets import Dataset
from crm_sandbox.faults.fault import FaultEffect
from crm_sandbox.http.application import SandboxApplication
from crm_sandbox.http.landing_page import Landing
from crm_sandbox.http.requests import Request
from crm_sandbox.http.responses import Response
from crm_sandbox.http.routing import HandlerRoute
from crm_sandbox.journal import Entry, Family
from crm_sandbox.not_simulated import NotSimulated
from crm_sandbox.rate_limits import UNLIMITED
from crm_sandbox.salesforce import admin, identity, oauth_endpoints, unsimulated
from crm_sandbox.salesforce.describe import versions
from crm_sandbox.salesforce.errors import (
    ApiRefusal,
    OAuthRefusal,
    SalesforceRefusal,
    default_answer,
    method_not_allowed,
    not_simulated,
)
from crm_sandbox.salesforce.hosts import host_of
from crm_sandbox.salesforce.landing import landing
from crm_sandbox.salesforce.oauth import App, Grant
from crm_sandbox.salesforce.parameters import Call
from crm_sandbox.salesforce.routes import endpoint, find_handler, require_version
from crm_sandbox.salesforce.state import SandboxState
from crm_sandbox.salesforce.switches import Flags

URI_BYTES = 16_384
_DATA = "/services/data"
_OAUTH = "/services/oauth2/"
_IDENTITY = re.compile(r"/id/(\w+)/(\w+)")
_OAUTH_POSTS = {
    f"{_OAUTH}token": oauth_endpoints.token,
    f"{_OAUTH}introspect": oauth_endpoints.introspect,
    f"{_OAUTH}revoke": oauth_endpoints.revoke,
}


class Sandbox(SandboxState, SandboxApplication):
    """A stateful Salesforce: an ASGI application whose state may be looked into while it runs."""

    def crm_routes(self) -> Sequence[BaseRoute]:
        return [HandlerRoute("/{path:path}", self.answer)]

    def admin_actions(self) -> Actions:
        return admin.ACTIONS

    def landing(self) -> Landing:
        return landing(self)

    def answer(self, request: Request) -> Response:
        try:
            _require_short(request)
            if request.path.startswith((_OAUTH, "/id/")):
                return self._login(request)
            if request.path.rstrip("/") == _DATA:
                _require_method(request, "GET")
                return versions(self.flags.newest_version)
            _require_rest(request)
            return self._api(request)
        except SalesforceRefusal as refused:
            return refused.response()

    def fault_response(self, request: Request, fault: FaultEffect) -> Response:
        return default_answer(fault, oauth=request.path.startswith(_OAUTH))

    def not_simulated_response(self, request: Request, error: NotSimulated) -> Response:
        if request.path.startswith(_OAUTH):
            return OAuthRefusal("NOT_SIMULATED", str(error), status=501).response()
        return not_simulated(error)

    def http_error_response(self, _request: Request, status: int) -> Response:
        return ApiRefusal(status, "UNKNOWN_EXCEPTION", "The request could not be processed.").response()

    def journal_entry(self, request: Request) -> Entry:
        family: Family = "oauth" if request.path.startswith((_OAUTH, "/id/")) else "crm"
        if request.path == f"{_OAUTH}authorize":
            family = "browser"
        return Entry(
            time=self.clock.now(),
            method=request.method,
            path=request.path,
            family=family,
            endpoint=endpoint(request),
            windowed=family == "crm" and request.path.rstrip("/") != _DATA,
        )

    def _login(self, request: Request) -> Response:
        if request.path == f"{_OAUTH}authorize":
            _require_method(request, "GET", "POST")
            return oauth_endpoints.authorize(self, request)
        if request.path in _OAUTH_POSTS:
            _require_method(request, "POST")
            return _OAUTH_POSTS[request.path](self, request)
        if request.path == f"{_OAUTH}userinfo":
            _require_method(request, "GET", "POST")
            return identity.userinfo(self, request)
        if found := _IDENTITY.fullmatch(request.path):
            _require_method(request, "GET")
            return identity.identity(self, request, *found.groups())
        raise NotSimulated(request.path)

    def _api(self, request: Request) -> Response:
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        session = self.oauth.authenticate(
            value.strip() if scheme.lower() == "bearer" else None, host_of(request)
        )
        usage = self.usage[session.grant.org_id]
        try:
            if not self.flags.api_enabled:
                raise ApiRefusal(
                    403, "API_DISABLED_FOR_ORG", "API is not enabled for this Organization or Partner"
                )
            usage.admit()
            response = self._handled(request, session.grant)
        except SalesforceRefusal as refused:
            response = refused.response()
        if response.status_code != 204:  # noqa: PLR2004 - an answer without a body has no limits either
            response.headers.append(*usage.header())
        return response

    def _handled(self, request: Request, grant: Grant) -> Response:
        version, rest = require_version(request.path, self.flags.newest_version)
        if request.headers.get("accept", "").startswith("application/xml"):
            raise NotSimulated("answers in XML")
        handler, groups = find_handler(request.method, rest)
        org_id = grant.org_id
        call = Call(
            request=request,
            org=self.orgs[org_id],
            version=version,
            cursors=self.cursors[org_id],
            jobs=self.jobs[org_id],
            usage=self.usage[org_id],
            identity_url=grant.identity_url,
        )
        return handler(call, *groups)


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

    A dataset in HubSpot's words is presented as an org. `clock` gives seconds since the epoch. Without `rate_limit`
    no client meets the daily limit. `flags` start from Salesforce's own behaviour. `scheme` is what URLs in
    answers have that point to a socket.
    """
    chosen = flags or Flags()
    chosen.latency_ms = latency_ms or chosen.latency_ms
    if not rate_limit:
        chosen.daily_limit = UNLIMITED
    sandbox = Sandbox(orgs or (Dataset.generate(),), app or App(), SandboxClock(clock), chosen)
    sandbox.oauth.scheme = scheme
    return sandbox


def _require_short(request: Request) -> None:
    """Refuse a URI, or a URI and its headers, beyond 16,384 bytes."""
    uri = len(request.target)
    if uri > URI_BYTES:
        raise ApiRefusal(414, "URI_TOO_LONG", "The length of the URI exceeds the 16,384-byte limit.")
    if uri + sum(len(name) + len(value) for name, value in request.headers.items()) > URI_BYTES:
        raise ApiRefusal(
            431,
            "HEADERS_TOO_LONG",
            "The combined length of the URI and headers exceeds the 16,384-byte limit.",
        )


def _require_rest(request: Request) -> None:
    """Raise NotSimulated for Salesforce's other APIs and its pages: who asks them has no session to be refused."""
    if not request.path.startswith(f"{_DATA}/"):
        service = request.path.removeprefix("/services/").partition("/")[0]
        raise NotSimulated(unsimulated.SERVICES.get(service, request.path))


def _require_method(request: Request, *methods: str) -> None:
    if request.method == "HEAD":
        raise NotSimulated(f"HEAD {request.path}")
    if request.method not in methods:
        raise method_not_allowed(request.method, ", ".join(methods))
