"""A queue of faults: what the next matching requests get instead of, or on top of, their answer."""

from collections.abc import Callable
from typing import Annotated, Literal

import msgspec

from crm_sandbox.http.requests import Request
from crm_sandbox.http.responses import HTMLResponse, JsonResponse, Response

MAX_DELAY_MS = 86_400_000  # a day


class FaultEffect(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a request that it matches gets.

    respond         `status`, `body` (JSON, or text for anything else) and `headers` instead of an answer; without
                    a body the CRM's own for the status (HubSpot's 429 is that of `policy`)
    truncate        half of the answer, as if it were whole
    cut             half of the answer, then the connection ends
    drop            the connection ends before the request is acted on
    drop_response   the request is acted on, then the connection ends
    delay           `delay_ms` before the answer
    drip            the answer in pieces, `delay_ms` in all
    expire_tokens   all access tokens expire before the request is answered
    revoke_account  all grants end before the request is answered

    `delay_ms` goes before any other kind too.
    """

    kind: Literal[
        "respond",
        "truncate",
        "cut",
        "drop",
        "drop_response",
        "delay",
        "drip",
        "expire_tokens",
        "revoke_account",
    ]
    match: str = ""
    """A part of the path (with the date, as it was asked for); empty matches every request."""
    method: str | None = None
    status: int = 500
    headers: dict[str, str] = {}
    body: object = None
    policy: Literal["TEN_SECONDLY_ROLLING", "SECONDLY", "DAILY"] = "TEN_SECONDLY_ROLLING"
    """Of HubSpot alone: the limit that its 429 names."""
    delay_ms: Annotated[float, msgspec.Meta(ge=0, le=MAX_DELAY_MS)] = 0.0

    def matches(self, request: Request) -> bool:
        return self.match in request.path and self.method in {None, request.method}

    def response(self, default: "Callable[[FaultEffect], Response]") -> Response:
        """Return the response of `respond`; `default` makes one of the CRM's own without a body."""
        if isinstance(self.body, str):
            response: Response = HTMLResponse(self.body, self.status)
        elif self.body is not None:
            response = JsonResponse(self.body, self.status)
        else:
            response = default(self)
        for name, value in self.headers.items():
            response.headers.append(name, value)
        return response


class Fault(FaultEffect, kw_only=True, forbid_unknown_fields=True):
    """One entry of the queue; the first that matches a request is used, and used up after `times`."""

    skip: int = 0
    """How many matching requests pass first."""
    times: int = 1


class FaultQueue:
    def __init__(self) -> None:
        self.waiting: list[Fault] = []

    def add(self, *faults: Fault) -> None:
        self.waiting.extend(faults)

    def clear(self) -> None:
        self.waiting.clear()

    def take(self, request: Request) -> Fault | None:
        """Return the fault for this request, counted down; None when it is to be answered as usual."""
        for fault in self.waiting:
            if not fault.matches(request):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            fault.times -= 1
            if fault.times <= 0:
                self.waiting.remove(fault)
            return fault
        return None
