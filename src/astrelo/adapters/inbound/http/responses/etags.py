"""Conditional requests (RFC 9110 §13): a client that has the present state of a resource is told so, without a body."""

import hashlib
from http import HTTPStatus
from typing import Any

from litestar.datastructures import Headers, MutableScopeHeaders
from litestar.openapi.datastructures import ResponseSpec
from litestar.types import ASGIApp, Message, Receive, Scope, Send

NOT_MODIFIED: dict[int, Any] = {
    304: ResponseSpec(data_container=None, description="As `If-None-Match` says: the client has it already.")
}
_DIGEST_LENGTH = 16


def conditional(app: ASGIApp) -> ASGIApp:
    """Give a handler's whole responses an ETag, and answer 304 to those who have them: a middleware for one route.

    The tag is a weak one, of the text before it is compressed. It saves bytes, not the reading.
    """

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        known = Headers.from_scope(scope).get("if-none-match", "")
        start: Message | None = None

        async def send_tagged(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and message["status"] == HTTPStatus.OK:
                start = message
                return
            if start is not None and message["type"] == "http.response.body":
                headers = MutableScopeHeaders.from_message(start)
                headers["ETag"] = tag = make_etag(message["body"])
                if matches(known, tag):
                    start["status"] = HTTPStatus.NOT_MODIFIED.value  # type: ignore[typeddict-unknown-key] # it is the start of a response
                    message["body"] = b""
                    for name in ("content-length", "content-type"):
                        del headers[name]
                await send(start)
                start = None
            await send(message)

        await app(scope, receive, send_tagged)

    return handle


def make_etag(body: bytes) -> str:
    return f'W/"{hashlib.blake2b(body, digest_size=_DIGEST_LENGTH).hexdigest()}"'


def matches(if_none_match: str, tag: str) -> bool:
    """Return whether a client has the tag's state, by the weak comparison of RFC 9110 §13.1.2."""
    known = {one.strip().removeprefix("W/") for one in if_none_match.split(",")}
    return "*" in known or tag.removeprefix("W/") in known
