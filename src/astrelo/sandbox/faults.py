"""A queue of faults: what the next matching requests get instead of, or on top of, their answer."""

from typing import Literal

import msgspec

from astrelo.sandbox.errors import rate_limited, refusal
from astrelo.sandbox.messages import Request, Response, encode_json

TOO_MANY_REQUESTS = 429
INTERNAL_SERVER_ERROR = 500
_WORDS = {
    423: ("LOCKED", "This resource is locked by another request. Try again in two seconds."),
    477: ("MIGRATION_IN_PROGRESS", "This account is being moved to another data centre."),
}
_OTHER = ("INVALID_REQUEST", "The request was refused.")


class Damage(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a request that it matches gets.

    respond         `status`, `body` (JSON, or text for anything else) and `headers` instead of an answer; without
                    a body 429 gets HubSpot's for `policy`, others below 500 its error, 5xx a page of HTML
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
    delay_ms: float = 0.0

    def matches(self, request: Request) -> bool:
        return self.match in request.path and self.method in {None, request.method}

    def response(self) -> Response:
        headers = list(self.headers.items())
        if isinstance(self.body, str):
            return Response(
                status=self.status,
                body=self.body.encode(),
                media_type="text/html;charset=utf-8",
                headers=headers,
            )
        if self.body is not None:
            return Response(status=self.status, body=encode_json(self.body), headers=headers)
        return self._default(headers)

    def _default(self, headers: list[tuple[str, str]]) -> Response:
        if self.status >= INTERNAL_SERVER_ERROR:
            page = (
                f"<html><head><title>{self.status}</title></head><body><h1>{self.status}</h1></body></html>"
            )
            return Response(
                status=self.status, body=page.encode(), media_type="text/html;charset=utf-8", headers=headers
            )
        limited = self.status == TOO_MANY_REQUESTS
        refused = (
            rate_limited(self.policy) if limited else refusal(self.status, *_WORDS.get(self.status, _OTHER))
        )
        return Response(status=self.status, body=encode_json(refused.body), headers=headers)


class Fault(Damage, kw_only=True, forbid_unknown_fields=True):
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
