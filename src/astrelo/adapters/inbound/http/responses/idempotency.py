"""Requests that may be sent twice: the first one with an `Idempotency-Key` is carried out, the others get its response.

As Stripe does it (https://docs.stripe.com/api/idempotent_requests): a key is the user's, is kept for 24 hours, and stands
for one method, path, query and body. Responses of 5xx are not kept, since they ask to be tried again.
"""

import hashlib
import re
from http import HTTPStatus
from typing import Any

import structlog
from litestar import Request, Response
from litestar.datastructures import MutableScopeHeaders
from litestar.types import ASGIApp, HTTPResponseStartEvent, Message, Receive, Scope, Send

from astrelo.adapters.inbound.http import problem_kinds, problems
from astrelo.application import messages
from astrelo.domain import errors
from astrelo.domain.ports.idempotency import IdempotencyKeys, IdempotentRequest, StoredResponse

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
log = structlog.get_logger()

_FIRST = "idempotent_request"
"""Where `begin` keeps, in the ASGI scope, the store of keys and the first request with its key."""


async def begin(request: Request[Any, Any, Any]) -> Response[bytes] | None:
    """Return the response of an earlier request with this key; a hook before the handler, to go with `remember`."""
    key = request.headers.get(HEADER)
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        field = problems.FieldError(field=HEADER, reason=messages.NO_IDEMPOTENCY_KEY)
        happened = messages.NOT_ACCEPTED.format(names=HEADER)
        raise problems.HttpError(problem_kinds.INVALID_INPUT, happened, fields=[field])
    keys = await request.state.dishka_container.get(IdempotencyKeys)
    asked = (request.method.encode(), request.scope["path"].encode(), request.scope["query_string"])
    fingerprint = hashlib.sha256(b"\0".join((*asked, await request.body()))).digest()
    earlier, is_first = await keys.begin(request.user, key, fingerprint)
    if is_first:
        request.scope[_FIRST] = (keys, earlier)  # type: ignore[literal-required] # as the middleware keeps its own
        return None
    if earlier.fingerprint != fingerprint:
        raise _refusal(problem_kinds.IDEMPOTENCY_KEY_REUSED)
    if earlier.response is None:
        raise _refusal(problem_kinds.IDEMPOTENCY_KEY_IN_USE)
    return _replay(earlier.response)


def remember(app: ASGIApp) -> ASGIApp:
    """Keep the response of the first request with a key before it is sent: a middleware, to go with `begin`."""

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        start: HTTPResponseStartEvent | None = None

        async def send_kept(message: Message) -> None:
            nonlocal start
            first: Any = scope.get(_FIRST)
            if message["type"] == "http.response.start":
                start = message
            elif start is not None and first is not None and message["type"] == "http.response.body":
                keys, request = first
                try:
                    await keep(keys, request, start, message["body"])
                except errors.StoreUnavailable as error:
                    # What was asked for is done: the client learns of it, and the key is taken until it is given up.
                    log.warning("idempotency.response_not_kept", reason=str(error))
                start = None
            await send(message)

        await app(scope, receive, send_kept)

    return handle


async def keep(
    keys: IdempotencyKeys, request: IdempotentRequest, start: HTTPResponseStartEvent, body: bytes
) -> None:
    """Keep the response for those who ask again; let them try again what failed on our side."""
    if start["status"] >= HTTPStatus.INTERNAL_SERVER_ERROR:
        await keys.release(request)
        return
    headers = MutableScopeHeaders.from_message(start)
    stored = StoredResponse(
        status=start["status"],
        media_type=headers.get("content-type"),
        location=headers.get("location"),
        body=body,
    )
    await keys.complete(request, stored)


def _refusal(kind: problem_kinds.ProblemKind) -> problems.HttpError:
    return problems.HttpError(kind, kind.message.happened)


def _replay(stored: StoredResponse) -> Response[bytes]:
    headers = {REPLAYED: "true"} | ({"Location": stored.location} if stored.location else {})
    return Response(
        stored.body,
        status_code=stored.status,
        media_type=stored.media_type or "application/json",
        headers=headers,
    )
