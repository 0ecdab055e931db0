"""A played CRM as an ASGI application: faults, delays and the administrator's door around its answers."""

import asyncio
from abc import abstractmethod

from crm_sandbox.faults.fault import Fault, FaultEffect
from crm_sandbox.http import asgi
from crm_sandbox.http.landing_page import Landing, landing_page
from crm_sandbox.http.messages import Request, Response, html_response
from crm_sandbox.journal import Entry
from crm_sandbox.not_simulated import DOCUMENTATION, NotSimulated
from crm_sandbox.simulated_crm import ConnectionDropped, SimulatedCrm
from crm_sandbox.state import SimulatedCrmState

ADMIN_PREFIX = "/_sandbox/"


class SandboxApplication(SimulatedCrmState, SimulatedCrm):
    """Every request is kept in the journal and may meet a fault, but for an administrator's and the landing page."""

    _unmutated = 0
    """CRM requests since the last change that `mutate_every` made."""

    @abstractmethod
    def answer(self, request: Request) -> Response:
        """Answer as the CRM does when nothing is broken; raise NotSimulated where the sandbox cannot."""

    @abstractmethod
    def fault_answer(self, request: Request, fault: FaultEffect) -> Response:
        """Return the CRM's own answer for a status, for a fault that brings no body."""

    @abstractmethod
    def not_simulated_answer(self, request: Request, error: NotSimulated) -> Response:
        """Return status 501 with the error's message in the shape of the CRM's errors."""

    @abstractmethod
    async def handle_admin_request(self, request: Request) -> Response: ...

    @abstractmethod
    def landing(self) -> Landing:
        """Describe the sandbox for its landing page."""

    @abstractmethod
    def entry_of(self, request: Request) -> Entry: ...

    def sign(self, response: Response) -> None:
        """Add what the CRM adds to each of its answers."""

    async def respond(self, request: Request) -> Response:
        """Answer as the CRM would; raise ConnectionDropped when a fault asks for it."""
        if request.path.startswith(ADMIN_PREFIX):
            return await self.handle_admin_request(request)
        if request.path == "/" and request.method in {"GET", "HEAD"}:
            return html_response(landing_page(self.landing(), request))
        entry = self.journal.add(self.entry_of(request))
        self._step_script(entry)
        fault = self.faults.take(request) or self.planned.draw(request)
        await self._pause(fault)
        response = self._with_fault(fault, request)
        entry.status = response.status
        self.sign(response)
        return response

    async def close(self) -> None:
        """End what runs in the background; whoever serves the sandbox calls it at the end."""

    async def __call__(self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        if scope["type"] == "lifespan":
            await asgi.live(receive, send)
            return
        await asgi.send_response(await self.respond(await asgi.read_request(scope, receive)), send)

    def _step_script(self, entry: Entry) -> None:
        if entry.family != "crm" or not self.flags.mutate_every:
            return
        self._unmutated += 1
        if self._unmutated >= self.flags.mutate_every:
            self._unmutated = 0
            self.mutate()

    async def _pause(self, fault: Fault | None) -> None:
        delay = self.flags.latency_ms + (fault.delay_ms if fault and fault.kind != "drip" else 0)
        if delay > 0:
            await asyncio.sleep(delay / 1000)

    def _answered(self, request: Request) -> Response:
        try:
            return self.answer(request)
        except NotSimulated as error:
            response = self.not_simulated_answer(request, error)
            response.headers.append(("link", f'<{DOCUMENTATION}>; rel="help"'))
            return response

    def _with_fault(self, fault: Fault | None, request: Request) -> Response:
        if fault is None:
            return self._answered(request)
        match fault.kind:
            case "drop":
                raise ConnectionDropped
            case "respond":
                return fault.response(lambda told: self.fault_answer(request, told))
            case "expire_tokens":
                self.authority.expire_access_tokens()
            case "revoke_account":
                self.authority.uninstall()
        return _damaged(fault, self._answered(request))


def _damaged(fault: Fault, response: Response) -> Response:
    if fault.kind == "drop_response":
        raise ConnectionDropped
    if fault.kind == "truncate":
        response.body = response.body[: len(response.body) // 2]
    if fault.kind == "drip":
        response.drip_seconds = fault.delay_ms / 1000
    response.cut = fault.kind == "cut"
    return response
