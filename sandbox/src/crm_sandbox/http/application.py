"""A simulated CRM as an ASGI application: the CRM's own routes behind journal and faults, the admin API beside them."""

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cached_property
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request as StarletteRequest
from starlette.routing import BaseRoute, Mount
from starlette.types import Message, Receive, Scope, Send

from crm_sandbox.admin_api.actions import Actions, admin_routes, exception_handlers
from crm_sandbox.faults.fault import Fault, FaultEffect
from crm_sandbox.faults.injection import damage
from crm_sandbox.http.landing_page import Landing, landing_page
from crm_sandbox.http.requests import Request
from crm_sandbox.http.responses import HTMLResponse, Response
from crm_sandbox.http.routing import HandlerRoute
from crm_sandbox.journal import Entry
from crm_sandbox.not_simulated import DOCUMENTATION, NotSimulated
from crm_sandbox.simulated_crm import ConnectionDropped, Refused
from crm_sandbox.state import SimulatedCrmState

ADMIN_PATH = "/_sandbox"
UNREADABLE = (ValueError, OverflowError, RecursionError)
"""What Python raises for numbers too long or too large, text that UTF-8 cannot hold, and nesting too deep."""


class SandboxApplication(SimulatedCrmState):
    """An ASGI application. Every request to the CRM is kept in the journal and may meet a fault.

    Requests to the admin API and to the landing page do neither.
    """

    _unmutated = 0
    """CRM requests since the last change that `mutate_every` made."""

    @abstractmethod
    def crm_routes(self) -> Sequence[BaseRoute]:
        """Return the CRM's own routes. Their handlers raise Refused, or NotSimulated for what the sandbox lacks."""

    @abstractmethod
    def admin_actions(self) -> Actions: ...

    @abstractmethod
    def http_error_response(self, request: Request, status: int) -> Response:
        """Return the CRM's own response to a path (404), method (405) or body (413) that no route takes.

        Raise NotSimulated for what the CRM has and the sandbox has not.
        """

    @abstractmethod
    def fault_response(self, request: Request, fault: FaultEffect) -> Response:
        """Return the CRM's own response with a status, for a fault that has no body."""

    @abstractmethod
    def not_simulated_response(self, request: Request, error: NotSimulated) -> Response:
        """Return status 501 with the error's message in the shape of the CRM's errors."""

    @abstractmethod
    def unreadable_response(self, request: Request, reason: str) -> Response:
        """Return the CRM's own 400 for a request with a value that no reader takes."""

    @abstractmethod
    def landing(self) -> Landing:
        """Describe the sandbox for its landing page."""

    @abstractmethod
    def journal_entry(self, request: Request) -> Entry: ...

    def sign(self, headers: MutableHeaders) -> None:
        """Add the headers that the CRM adds to each of its responses."""

    def after_admin_call(self) -> None:
        """Do what a change by the admin API calls for."""

    async def close(self) -> None:
        """End what runs in the background; called when a server of the sandbox shuts down."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not _is_own_page(scope):
            await self._serve_crm(scope, receive, send)
            return
        await self._own_pages(scope, receive, send)
        if scope["type"] == "http":
            self.after_admin_call()

    @cached_property
    def _crm(self) -> Starlette:
        handlers: dict[Any, Any] = {
            HTTPException: self._handle_http_error,
            NotSimulated: self._handle_not_simulated,
            Refused: self._handle_refused,
            **dict.fromkeys(UNREADABLE, self._handle_unreadable),
        }
        app = Starlette(routes=self.crm_routes(), exception_handlers=handlers)
        app.router.redirect_slashes = False
        app.state.sandbox = self
        return app

    @cached_property
    def _own_pages(self) -> Starlette:
        routes = [
            HandlerRoute("/", self._landing_page, "GET", "HEAD"),
            Mount(ADMIN_PATH, routes=admin_routes(self.admin_actions())),
        ]
        app = Starlette(routes=routes, exception_handlers=exception_handlers, lifespan=self._lifespan)
        app.state.sandbox = self
        return app

    @asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        yield
        await self.close()

    def _landing_page(self, request: Request) -> Response:
        return HTMLResponse(landing_page(self.landing(), request))

    async def _serve_crm(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        try:
            entry = self.journal.add(self.journal_entry(request))
        except UNREADABLE as error:  # its path
            await self.unreadable_response(request, str(error))(scope, receive, send)
            return
        self._step_script(entry)
        fault = self.faults.take(request) or self.planned.draw(request)
        await self._delay(fault)

        async def send_signed(message: Message) -> None:
            if message["type"] == "http.response.start":
                entry.status = message["status"]
                self.sign(MutableHeaders(scope=message))
            await send(message)

        if fault is None:
            await self.serve_crm_request(scope, receive, send_signed)
        else:
            await self._serve_with_fault(fault, request, receive, send_signed)

    async def _serve_with_fault(self, fault: Fault, request: Request, receive: Receive, send: Send) -> None:
        match fault.kind:
            case "drop":
                raise ConnectionDropped
            case "respond":
                response = fault.response(lambda effect: self.fault_response(request, effect))
                await response(request.scope, receive, send)
                return
            case "expire_tokens":
                self.authority.expire_access_tokens()
            case "revoke_account":
                self.authority.uninstall()
        await self.serve_crm_request(request.scope, receive, damage(fault, send))

    async def serve_crm_request(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request as the CRM does when nothing is broken."""
        await self._crm(scope, receive, send)

    def _step_script(self, entry: Entry) -> None:
        if entry.family != "crm" or not self.flags.mutate_every:
            return
        self._unmutated += 1
        if self._unmutated >= self.flags.mutate_every:
            self._unmutated = 0
            self.mutate()

    async def _delay(self, fault: Fault | None) -> None:
        delay_ms = self.flags.latency_ms + (fault.delay_ms if fault and fault.kind != "drip" else 0)
        if delay_ms > 0:
            await asyncio.sleep(delay_ms / 1000)

    async def _handle_refused(self, _request: StarletteRequest, error: Refused) -> Response:
        return error.response()

    async def _handle_not_simulated(self, request: StarletteRequest, error: NotSimulated) -> Response:
        response = self.not_simulated_response(Request(request.scope), error)
        response.headers["link"] = f'<{DOCUMENTATION}>; rel="help"'
        return response

    async def _handle_unreadable(self, request: StarletteRequest, error: Exception) -> Response:
        return self.unreadable_response(Request(request.scope), str(error))

    async def _handle_http_error(self, request: StarletteRequest, error: HTTPException) -> Response:
        """Respond as the CRM does, which may have the endpoint where the sandbox has not."""
        try:
            return self.http_error_response(Request(request.scope), error.status_code)
        except NotSimulated as missing:
            return await self._handle_not_simulated(request, missing)


def _is_own_page(scope: Scope) -> bool:
    path = str(scope["path"])
    return path.startswith(f"{ADMIN_PATH}/") or (path == "/" and scope["method"] in {"GET", "HEAD"})
