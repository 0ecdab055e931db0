"""The sandbox itself: which request goes where, and what HubSpot checks before it gets there."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any
from uuid import uuid4

import httpx

from astrelo.sandbox.clock import SandboxClock
from astrelo.sandbox.crm import ConnectionDropped, PlayedCrm
from astrelo.sandbox.faults import Fault
from astrelo.sandbox.hubspot import admin, oauth_endpoints
from astrelo.sandbox.hubspot.account import Account, Switches
from astrelo.sandbox.hubspot.errors import (
    Refusal,
    default_answer,
    method_not_allowed,
    missing_scopes,
    not_found,
    rate_limited,
    refusal,
)
from astrelo.sandbox.hubspot.oauth import AccessToken, App
from astrelo.sandbox.hubspot.routes import CRM_ROUTES, Route, canonical_path
from astrelo.sandbox.hubspot.state import SandboxState
from astrelo.sandbox.hubspot.webhooks import Webhooks, WebhookSettings
from astrelo.sandbox.journal import Entry, Family
from astrelo.sandbox.limits import UNLIMITED
from astrelo.sandbox.messages import Request, Response, encode_json, html_response, parse_form
from astrelo.sandbox.portal import Portal

URL_CHARACTERS = 8000
ADMIN_PREFIX = "/_sandbox/"
_AUTHORIZE = re.compile(r"/oauth/(?:([^/]+)/)?authorize")
_OAUTH_POSTS = {
    "/oauth/token": oauth_endpoints.token,
    "/oauth/token/introspect": oauth_endpoints.introspect,
    "/oauth/token/revoke": oauth_endpoints.revoke,
}
_UNINSTALL = "/appinstalls/external-install"

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Sandbox(SandboxState, PlayedCrm):
    """A stateful HubSpot: an ASGI application whose state may be looked into while it runs."""

    _unmutated = 0
    """CRM requests since the last change that `mutate_every` made."""

    async def respond(self, request: Request) -> Response:
        """Answer as HubSpot would; raise ConnectionDropped when a fault asks for it."""
        if request.path.startswith(ADMIN_PREFIX):
            response = await admin.handle(self, request)
            self.webhooks.wake()
            return response
        path = canonical_path(request.path)
        entry = self.journal.add(self._entry(request, path))
        self._mutate(entry)
        fault = self.faults.take(request) or self.planned.draw(request)
        await self._pause(fault)
        response = self._with_fault(fault, request, path)
        entry.status = response.status
        if not any(name == "x-hubspot-correlation-id" for name, _ in response.headers):
            response.headers.append(("x-hubspot-correlation-id", str(uuid4())))
        return response

    def _mutate(self, entry: Entry) -> None:
        if entry.family != "crm" or not self.switches.mutate_every:
            return
        self._unmutated += 1
        if self._unmutated >= self.switches.mutate_every:
            self._unmutated = 0
            self.script.step(self.account)
            self.webhooks.wake()

    async def close(self) -> None:
        """End what runs in the background; whoever serves the sandbox calls it at the end."""
        await self.webhooks.stop()

    async def _pause(self, fault: Fault | None) -> None:
        delay = self.switches.latency_ms + (fault.delay_ms if fault and fault.kind != "drip" else 0)
        if delay > 0:
            await asyncio.sleep(delay / 1000)

    def _with_fault(self, fault: Fault | None, request: Request, path: str | None) -> Response:
        if fault is None:
            return self._answer(request, path)
        match fault.kind:
            case "drop":
                raise ConnectionDropped
            case "respond":
                return fault.response(default_answer)
            case "expire_tokens":
                self.oauth.expire_access_tokens()
            case "revoke_account":
                self.oauth.uninstall()
        return self._damaged(fault, self._answer(request, path))

    def _damaged(self, fault: Fault, response: Response) -> Response:
        if fault.kind == "drop_response":
            raise ConnectionDropped
        if fault.kind == "truncate":
            response.body = response.body[: len(response.body) // 2]
        if fault.kind == "drip":
            response.drip_seconds = fault.delay_ms / 1000
        response.cut = fault.kind == "cut"
        return response

    def _answer(self, request: Request, path: str | None) -> Response:
        try:
            if len(request.target) > URL_CHARACTERS:
                return html_response(
                    "<html><body><h1>414 Request-URI Too Large</h1></body></html>", status=414
                )
            if consent := _AUTHORIZE.fullmatch(request.path):
                _require_method(request, "GET", "POST")
                return oauth_endpoints.authorize(self.oauth, self.accounts, request, consent[1])
            if request.path.startswith("/oauth/v1/"):
                raise refusal(
                    410, "GONE", "The v1 OAuth endpoints were sunset on 2027-02-16: use the dated ones."
                )
            return self._api(request, path)
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
        route, groups = _find_route(request.method, path)
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

    def _entry(self, request: Request, path: str | None) -> Entry:
        family: Family = "oauth" if request.path.startswith(("/oauth/", "/appinstalls/")) else "crm"
        if _AUTHORIZE.fullmatch(request.path):
            family = "browser"
        matches = _matching_routes(path) if family == "crm" else []
        route, groups = next((match for match in matches if match[0].method == request.method), (None, ()))
        return Entry(
            time=self.clock.now(),
            method=request.method,
            path=request.path,
            family=family,
            endpoint=route.endpoint(groups) if route else f"{request.method} {path or request.path}",
            windowed=route is not None and route.window == "requests",
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        response = await self.respond(await _request(scope, receive))
        await _send(response, send)


def create_sandbox(
    *portals: Portal,
    clock: Callable[[], float] = time.time,
    latency_ms: float = 0,
    rate_limit: bool = True,
    app: App | None = None,
    switches: Switches | None = None,
    webhooks: WebhookSettings | None = None,
    webhook_transport: httpx.AsyncBaseTransport | None = None,
) -> Sandbox:
    """Make a sandbox with one account for each portal; without any, one with the generated portal.

    `clock` gives seconds since the epoch. Without `rate_limit` the limits are announced so high that no
    client meets them. `switches` start from HubSpot's own behaviour. `webhook_transport` delivers the webhooks,
    over the network unless given.
    """
    chosen = switches or Switches()
    chosen.latency_ms = latency_ms or chosen.latency_ms
    if not rate_limit:
        chosen.requests_per_window = chosen.searches_per_second = UNLIMITED
    registered, time_of = app or App(), SandboxClock(clock)
    deliveries = Webhooks(registered.client_secret, time_of, webhook_transport)
    deliveries.configure(webhooks or WebhookSettings())
    return Sandbox(portals or (Portal.generate(),), registered, time_of, chosen, deliveries)


def _matching_routes(path: str | None) -> list[tuple[Route, Sequence[str]]]:
    if path is None:
        return []
    return [(route, found.groups()) for route in CRM_ROUTES if (found := route.pattern.fullmatch(path))]


def _find_route(method: str, path: str | None) -> tuple[Route, Sequence[str]]:
    matches = _matching_routes(path)
    if not matches:
        raise not_found()
    for route, groups in matches:
        if route.method == method:
            return route, groups
    raise method_not_allowed(method)


def _require_method(request: Request, *methods: str) -> None:
    if request.method not in methods:
        raise method_not_allowed(request.method)


def _refused(refused: Refusal) -> Response:
    response = Response(status=refused.status, body=encode_json(refused.body))
    correlation_id = refused.body.get("correlationId")
    if isinstance(correlation_id, str):
        response.headers.append(("x-hubspot-correlation-id", correlation_id))
    return response


async def _lifespan(receive: Receive, send: Send) -> None:
    while (message := await receive())["type"] != "lifespan.shutdown":
        await send({"type": f"{message['type']}.complete"})
    await send({"type": "lifespan.shutdown.complete"})


async def _request(scope: Scope, receive: Receive) -> Request:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    query = scope["query_string"].decode("ascii", "replace")
    return Request(
        method=scope["method"],
        path=scope["path"],
        query_string=query,
        query=parse_form(query),
        headers={name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]},
        body=body,
    )


async def _send(response: Response, send: Send) -> None:
    headers = [
        ("content-type", response.media_type),
        ("content-length", str(len(response.body))),
        *response.headers,
    ]
    encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    await send({"type": "http.response.start", "status": response.status, "headers": encoded})
    if response.cut:
        half = response.body[: len(response.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
        raise ConnectionDropped
    for piece in response.pieces():
        await asyncio.sleep(response.pause)
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
