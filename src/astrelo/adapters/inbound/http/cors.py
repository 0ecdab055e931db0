"""Cross-origin requests (https://fetch.spec.whatwg.org/#http-cors-protocol): preflights, and what pages may read.

Our own and not the framework's, whose refusals are plain text, and which replaces `Vary` of a compressed response.
"""

from collections.abc import Collection
from typing import Any

from litestar import Request, Response
from litestar.datastructures import Headers, MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from astrelo.adapters.inbound.http import problem_kinds, problems
from astrelo.application import messages

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_REQUEST_HEADERS = (
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-None-Match",
    "Last-Event-ID",
    "X-Request-Id",
    # Tracing: https://www.w3.org/TR/trace-context/, https://www.w3.org/TR/baggage/, and Sentry's own.
    "traceparent",
    "tracestate",
    "baggage",
    "sentry-trace",
)
# Browsers send these unasked: https://fetch.spec.whatwg.org/#cors-safelisted-request-header
_SAFELISTED = ("Accept", "Accept-Language", "Content-Language", "Range")
_ALLOWED_HEADERS = frozenset(name.lower() for name in (*_REQUEST_HEADERS, *_SAFELISTED))
_EXPOSED_HEADERS = ("ETag", "Idempotent-Replayed", "Location", "Retry-After", "X-Request-Id")
_MAX_AGE = 600  # seconds


def add_cors(app: ASGIApp, origins: Collection[str]) -> ASGIApp:
    """Let pages of these origins call the application, with the cookie, and answer their browsers' preflights."""

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await app(scope, receive, send)
            return
        headers = Headers.from_scope(scope)
        origin = headers.get("origin", "")

        async def send_with_cors(message: Message) -> None:
            if message["type"] == "http.response.start":
                response_headers = MutableScopeHeaders.from_message(message)
                response_headers.headers.append((b"vary", b"Origin"))
                if origin in origins:
                    response_headers["Access-Control-Allow-Origin"] = origin
                    response_headers["Access-Control-Allow-Credentials"] = "true"
                    response_headers["Access-Control-Expose-Headers"] = ", ".join(_EXPOSED_HEADERS)
            await send(message)

        if origin and scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            request: Request[Any, Any, Any] = Request(scope, receive, send)
            response = answer_preflight(request, is_allowed=origin in origins)
            await response.to_asgi_response(app=None, request=request)(scope, receive, send_with_cors)
        else:
            await app(scope, receive, send_with_cors)

    return handle


def answer_preflight(
    request: Request[Any, Any, Any], *, is_allowed: bool
) -> Response[problems.Problem] | Response[None]:
    """Say which methods and headers a page may send, or which of its wishes are refused."""
    names = [name.strip() for name in request.headers.get("access-control-request-headers", "").split(",")]
    refused = [
        problems.FieldError(field=name, reason=messages.IS_NOT_ALLOWED)
        for name in names
        if name and name.lower() not in _ALLOWED_HEADERS
    ]
    if request.headers["access-control-request-method"] not in _METHODS:
        refused.append(
            problems.FieldError(field="Access-Control-Request-Method", reason=messages.IS_NOT_ALLOWED)
        )
    if not is_allowed:
        refused.append(problems.FieldError(field="Origin", reason=messages.IS_NOT_ALLOWED))
    if refused:
        kind = problem_kinds.PREFLIGHT_REFUSED
        return problems.respond(request, kind, kind.message.happened, refused)
    headers = {
        "Access-Control-Allow-Methods": ", ".join(_METHODS),
        "Access-Control-Allow-Headers": ", ".join(_REQUEST_HEADERS),
        "Access-Control-Max-Age": str(_MAX_AGE),
    }
    return Response(None, status_code=204, headers=headers)
