"""The sandbox itself: which request goes where, and what Salesforce checks before it gets there."""

import re
import time
from collections.abc import Callable

from crm_sandbox.clock import SandboxClock
from crm_sandbox.datasets import Dataset
from crm_sandbox.faults.fault import FaultEffect
from crm_sandbox.http.application import SandboxApplication
from crm_sandbox.http.landing_page import Landing
from crm_sandbox.http.messages import Request, Response
from crm_sandbox.journal import Entry, Family
from crm_sandbox.not_simulated import NotSimulated
from crm_sandbox.rate_limits import UNLIMITED
from crm_sandbox.salesforce import admin_api as admin
from crm_sandbox.salesforce import unsimulated
from crm_sandbox.salesforce.api_call import ApiCall
from crm_sandbox.salesforce.errors import (
    ApiError,
    OAuthError,
    SalesforceError,
    default_answer,
    method_not_allowed,
    not_simulated,
)
from crm_sandbox.salesforce.flags import Flags
from crm_sandbox.salesforce.landing_page import landing
from crm_sandbox.salesforce.oauth import endpoints as oauth_endpoints
from crm_sandbox.salesforce.oauth import identity
from crm_sandbox.salesforce.oauth.authorization_server import App, Grant
from crm_sandbox.salesforce.oauth.hosts import get_host
from crm_sandbox.salesforce.routes import endpoint, find_handler, require_version
from crm_sandbox.salesforce.sobjects.describe import list_versions
from crm_sandbox.salesforce.state import SandboxState

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

    async def handle_admin_request(self, request: Request) -> Response:
        return await admin.handle(self, request)

    def landing(self) -> Landing:
        return landing(self)

    def answer(self, request: Request) -> Response:
        try:
            _require_short(request)
            if request.path.startswith((_OAUTH, "/id/")):
                return self._login(request)
            if request.path.rstrip("/") == _DATA:
                _require_method(request, "GET")
                return list_versions(self.flags.newest_version)
            _require_rest(request)
            return self._api(request)
        except SalesforceError as refused:
            return refused.response()

    def fault_answer(self, request: Request, fault: FaultEffect) -> Response:
        return default_answer(fault, oauth=request.path.startswith(_OAUTH))

    def not_simulated_answer(self, request: Request, error: NotSimulated) -> Response:
        if request.path.startswith(_OAUTH):
            return OAuthError("NOT_SIMULATED", str(error), status=501).response()
        return not_simulated(error)

    def entry_of(self, request: Request) -> Entry:
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
            value.strip() if scheme.lower() == "bearer" else None, get_host(request)
        )
        usage = self.usage[session.grant.org_id]
        try:
            if not self.flags.api_enabled:
                raise ApiError(
                    403, "API_DISABLED_FOR_ORG", "API is not enabled for this Organization or Partner"
                )
            usage.count_request()
            response = self._handled(request, session.grant)
        except SalesforceError as refused:
            response = refused.response()
        if response.status != 204:  # noqa: PLR2004 - an answer without a body has no limits either
            response.headers.append(usage.header())
        return response

    def _handled(self, request: Request, grant: Grant) -> Response:
        version, rest = require_version(request.path, self.flags.newest_version)
        if request.headers.get("accept", "").startswith("application/xml"):
            raise NotSimulated("answers in XML")
        handler, groups = find_handler(request.method, rest)
        org_id = grant.org_id
        call = ApiCall(
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
        raise ApiError(414, "URI_TOO_LONG", "The length of the URI exceeds the 16,384-byte limit.")
    if uri + sum(len(name) + len(value) for name, value in request.headers.items()) > URI_BYTES:
        raise ApiError(
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
