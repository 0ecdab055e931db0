"""Compression of responses by gzip, for clients that accept it (RFC 9110 §12.5.3).

Whole bodies only: streams, such as of events, pass as they are, and so does what is encoded already. Our own and not
the framework's, which also compresses event streams, and makes a compressor for every response.
"""

import re
import zlib
from collections.abc import Iterable

from litestar.datastructures import Headers, MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

MIN_SIZE = 1000  # bytes: less fits into one packet anyway
_LEVEL = 4
_GZIP_FORMAT = 16 + zlib.MAX_WBITS
_COMPRESSIBLE = re.compile(rb"text/(?!event-stream)|application/(?:[\w.+-]+\+)?(?:json|javascript|xml)\b")
_REFUSED = re.compile(r";\s*q=0(?:\.0*)?\s*$")


def add_compression(app: ASGIApp) -> ASGIApp:
    """Compress the application's text of at least MIN_SIZE for clients that accept gzip."""

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await app(scope, receive, send)
            return
        accepted = accepts_gzip(Headers.from_scope(scope).get("accept-encoding", ""))
        held: Message | None = None
        """The beginning of a response that may be compressed, until the size of its body is known."""

        async def send_compressed(message: Message) -> None:
            nonlocal held
            if message["type"] == "http.response.start" and is_compressible(message["headers"]):
                held = message
                return
            if held is not None and message["type"] == "http.response.body":
                body = message.get("body", b"")
                if len(body) >= MIN_SIZE and not message.get("more_body"):
                    headers = MutableScopeHeaders.from_message(held)
                    headers.headers.append((b"vary", b"Accept-Encoding"))
                    if accepted:
                        compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP_FORMAT)
                        message["body"] = compressor.compress(body) + compressor.flush()
                        headers["Content-Encoding"] = "gzip"
                        headers["Content-Length"] = str(len(message["body"]))
                await send(held)
                held = None
            await send(message)

        await app(scope, receive, send_compressed)

    return handle


def accepts_gzip(accept_encoding: str) -> bool:
    """Return whether the header names gzip, or everything, without refusing it by a quality of zero."""
    for coding in accept_encoding.lower().split(","):
        name, *_ = coding.split(";")
        if name.strip() in {"gzip", "x-gzip", "*"}:
            return _REFUSED.search(coding) is None
    return False


def is_compressible(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Return whether a response is text that is not encoded yet, and no stream of events."""
    fields = {name.lower(): value for name, value in headers}
    return b"content-encoding" not in fields and bool(_COMPRESSIBLE.match(fields.get(b"content-type", b"")))
