"""Responses of the server itself, to requests that reach no route: problem documents, written by hand."""

import msgspec
from litestar.types import HTTPScope, Receive, Scope, Send

from astrelo.adapters.inbound.http import problem_kinds, problems

_HEADERS = {
    "content-type": problems.MEDIA_TYPE,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


class Refusal:
    """An application that answers every request with one problem."""

    def __init__(self, kind: problem_kinds.ProblemKind) -> None:
        message = kind.message
        problem = problems.Problem(
            type=f"{problems.TYPE_PREFIX}{kind.code}",
            title=message.title,
            status=int(kind.status),
            code=kind.code,
            detail=message.reason,
            action=message.to_do,
        )
        self._status = kind.status
        self._body = msgspec.json.encode(problem)
        self._headers = {**_HEADERS, "content-length": str(len(self._body))}
        if kind.retry_after is not None:
            self._headers["retry-after"] = str(kind.retry_after)

    def raw(self) -> bytes:
        """Return the whole response to a request that could not be read, after which the connection ends."""
        lines = [f"HTTP/1.1 {int(self._status)} {self._status.phrase}"]
        lines += [f"{name}: {value}" for name, value in self._headers.items()]
        return "\r\n".join([*lines, "connection: close", "", ""]).encode() + self._body

    async def __call__(self, _scope: Scope | HTTPScope, _receive: Receive, send: Send) -> None:
        headers = [(name.encode(), value.encode()) for name, value in self._headers.items()]
        await send({"type": "http.response.start", "status": int(self._status), "headers": headers})
        await send({"type": "http.response.body", "body": self._body, "more_body": False})


MALFORMED_REQUEST = Refusal(problem_kinds.MALFORMED_REQUEST)
NOT_FOUND = Refusal(problem_kinds.NOT_FOUND)
REQUEST_TIMEOUT = Refusal(problem_kinds.REQUEST_TIMEOUT)
HEADERS_TOO_LARGE = Refusal(problem_kinds.HEADERS_TOO_LARGE)
TOO_MANY_REQUESTS = Refusal(problem_kinds.TOO_MANY_REQUESTS)
