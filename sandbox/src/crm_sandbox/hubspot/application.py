"""The sandbox itself: which request goes where, and what HubSpot checks before it gets there."""

import re
import time
from collections.abc import Callable, Sequence
from uuid import uuid4

import httpx

from crm_sandbox.clock import SandboxClock
from crm_sandbox.datasets import Dataset
from crm_sandbox.faults.fault import FaultEffect
from crm_sandbox.http.application import SandboxApplication
from crm_sandbox.http.landing_page import Landing
from crm_sandbox.http.messages import Request, Response, encode_json, html_response
from crm_sandbox.hubspot import admin_api
from crm_sandbox.hubspot.account.account import Account, Flags
from crm_sandbox.hubspot.errors import (
    Refusal,
    default_answer,
    method_not_allowed,
    missing_scopes,
    not_found,
    not_simulated,
    rate_limited,
)
from crm_sandbox.hubspot.landing_page import landing
from crm_sandbox.hubspot.oauth import endpoints as oauth_endpoints
from crm_sandbox.hubspot.oauth import v1 as oauth_v1
from crm_sandbox.hubspot.oauth.authorization_server import AccessToken, App
from crm_sandbox.hubspot.routes import Route, canonical_path, find_routes, has_unknown_version
from crm_sandbox.hubspot.state import SandboxState
from crm_sandbox.hubspot.webhooks.delivery import Webhooks, WebhookSettings
from crm_sandbox.journal import Entry, Family
from crm_sandbox.not_simulated import NotSimulated
from crm_sandbox.rate_limits import UNLIMITED

URL_CHARACTERS = 8000
_AUTHORIZE = re.compile(r"/oauth/(?:([^/]+)/)?authorize/?")
_OAUTH_POSTS = {
    "/oauth/token": oauth_endpoints.token,
    "/oauth/token/introspect": oauth_endpoints.introspect,
    "/oauth/token/revoke": oauth_endpoints.revoke,
}
_UNINSTALL = "/appinstalls/external-install"


class Sandbox(SandboxState, SandboxApplication):
    """A stateful HubSpot: an ASGI application whose state may be looked into while it runs."""

    async def handle_admin_request(self, request: Request) -> Response:
        return await admin_api.handle(self, request)

    def landing(self) -> Landing:
        return landing(self)

    async def close(self) -> None:
        """End what runs in the background; whoever serves the sandbox calls it at the end."""
        await self.webhooks.stop()

    def sign(self, response: Response) -> None:
        """Give the answer a correlation id unless its body told one."""
        if not any(name == "x-hubspot-correlation-id" for name, _ in response.headers):
            response.headers.append(("x-hubspot-correlation-id", str(uuid4())))

    def fault_answer(self, _request: Request, fault: FaultEffect) -> Response:
        return default_answer(fault)

    def not_simulated_answer(self, _request: Request, error: NotSimulated) -> Response:
        return _refused(not_simulated(error))

    def answer(self, request: Request) -> Response:
        try:
            if len(request.target) > URL_CHARACTERS:
                return html_response(
                    "<html><body><h1>414 Request-URI Too Large</h1></body></html>", status=414
                )
            if consent := _AUTHORIZE.fullmatch(request.path):
                _require_method(request, "GET", "POST")
                return oauth_endpoints.authorize(self.oauth, self.accounts, request, consent[1])
            if request.path.startswith(oauth_v1.PREFIX):
                return oauth_v1.answer(self.oauth, request, self.clock.now())
            return self._api(request, canonical_path(request.path))
        except Refusal as refused:
            return _refused(refused)

    def _api(self, request: Request, path: str | None) -> Response:
        if path in _OAUTH_POSTS:
            _require_method(request, "POST")
            return _OAUTH_POSTS[path](self.oauth, request)
        if path == _UNINSTALL:
            _require_method(request, "DELETE")
            self.oauth.uninstall(self._bearer(request).grant.portal_id)
            return Response(status=204)
        route, groups = _find_route(request)
        return self._crm(request, route, groups)

    def _crm(self, request: Request, route: Route, groups: Sequence[str]) -> Response:
        token = self._bearer(request)
        account = self.accounts[token.grant.portal_id]
        try:
            self._admit(account, route)
            required = route.scopes(*groups)
            if not set(required) & set(token.grant.scopes):
                raise missing_scopes(required[:1])
            response = route.handle(account, request, groups)
        except Refusal as refused:
            response = _refused(refused)
        if route.window == "requests":
            response.headers += account.limits.headers(self.clock.now())
        return response

    def _admit(self, account: Account, route: Route) -> None:
        now = self.clock.now()
        if route.window == "requests" and not account.limits.requests.admit(now):
            raise rate_limited("TEN_SECONDLY_ROLLING")
        if route.window == "searches" and not account.limits.searches.admit(now):
            raise rate_limited("SECONDLY")

    def _bearer(self, request: Request) -> AccessToken:
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        return self.oauth.authenticate(value.strip() if scheme.lower() == "bearer" else None)

    def entry_of(self, request: Request) -> Entry:
        path = canonical_path(request.path)
        family: Family = "oauth" if request.path.startswith(("/oauth/", "/appinstalls/")) else "crm"
        if _AUTHORIZE.fullmatch(request.path):
            family = "browser"
        matches = find_routes(request.path) if family == "crm" else []
        route, groups = next((match for match in matches if match[0].method == request.method), (None, ()))
        return Entry(
            time=self.clock.now(),
            method=request.method,
            path=oauth_v1.hide_token(request.path),
            family=family,
            endpoint=route.endpoint(groups)
            if route
            else f"{request.method} {path or oauth_v1.hide_token(request.path)}",
            windowed=route is not None and route.window == "requests",
        )


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
    registered, time_of = app or App(), SandboxClock(clock)
    deliveries = Webhooks(registered.client_secret, time_of, webhook_transport)
    deliveries.configure(webhooks or WebhookSettings())
    return Sandbox(datasets or (Dataset.generate(),), registered, time_of, chosen, deliveries)


def _find_route(request: Request) -> tuple[Route, Sequence[str]]:
    matches = find_routes(request.path)
    for route, groups in matches:
        if route.method == request.method:
            return route, groups
    if has_unknown_version(request.path):
        raise not_found()
    if not matches or any(request.method in route.unsimulated for route, _ in matches):
        raise NotSimulated(f"{request.method} {request.path}")
    raise method_not_allowed(request.method)


def _require_method(request: Request, *methods: str) -> None:
    if request.method not in methods:
        raise method_not_allowed(request.method)


def _refused(refused: Refusal) -> Response:
    response = Response(status=refused.status, body=encode_json(refused.body))
    correlation_id = refused.body.get("correlationId")
    if isinstance(correlation_id, str):
        response.headers.append(("x-hubspot-correlation-id", correlation_id))
    return response
