"""One request to a CRM and its whole response, within limits of time and memory."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import NamedTuple

import httpx

from astrelo.domain import errors
from astrelo.domain.identifiers import Provider

MAX_RETRY_AFTER = timedelta(days=1)
"""The longest pause that a CRM is known to announce (an account that moves between data centres)."""


class Timeouts(NamedTuple):
    """Seconds. `whole` bounds what the others do not: a body that arrives byte by byte, forever."""

    connect: float = 10.0
    read: float = 45.0
    write: float = 30.0
    pool: float = 60.0
    whole: float = 120.0


DEFAULT_TIMEOUTS = Timeouts()
MAX_RESPONSE_BYTES = 64 * 2**20
"""After decompression."""

_READABLE_ENCODINGS = frozenset({"identity", "gzip"})


class HttpResponse(NamedTuple):
    status: int
    headers: httpx.Headers
    body: bytes

    @property
    def is_html(self) -> bool:
        return self.body[:256].lstrip().startswith(b"<")


class ResponseTimeout(errors.CrmUnavailable):
    """The connection was established, but the response did not arrive, or not to its end."""


class ResponseTooLarge(errors.CrmRejected):
    """A response larger than the limit. Where the CRM divides data, the caller can request a smaller part."""


def open_transport(limit: int = 64, *, keep_alive: bool = True) -> httpx.AsyncHTTPTransport:
    """Make a pool of at most `limit` connections.

    It is httpx's transport without httpx's client: the client's layers (cookies, redirects, auth flows,
    URL merging) do nothing for these calls and are a quarter of a request's cost.

    The server may close a kept connection just as a request goes out on it. A read is then sent again; use
    `keep_alive=False` for requests that must never be sent twice.
    """
    kept = None if keep_alive else 0
    limits = httpx.Limits(max_connections=limit, max_keepalive_connections=kept, keepalive_expiry=30.0)
    return httpx.AsyncHTTPTransport(limits=limits)


class HttpClient:
    """Sends one request and reads one response, within the timeouts and the size limit."""

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport,
        provider: Provider,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
        max_response_bytes: int = MAX_RESPONSE_BYTES,
    ) -> None:
        self._transport = transport
        self._provider = provider
        self._whole = timeouts.whole
        self._max_response_bytes = max_response_bytes
        self._extensions = {
            "timeout": {
                "connect": timeouts.connect,
                "read": timeouts.read,
                "write": timeouts.write,
                "pool": timeouts.pool,
            }
        }

    async def send(
        self, method: str, url: str, headers: Mapping[str, str] | httpx.Headers, content: bytes | None = None
    ) -> HttpResponse:
        """Raise CrmUnavailable where no whole response arrives, CrmRejected for one that cannot be accepted."""
        request = self._build_request(method, url, headers, content)
        try:
            async with asyncio.timeout(self._whole):
                response = await self._transport.handle_async_request(request)
                try:
                    body = await self._read_body(response)
                finally:
                    await response.aclose()
        except TimeoutError as error:
            raise ResponseTimeout(
                self._provider, f"no complete response within {self._whole:.0f} s"
            ) from error
        except httpx.ReadTimeout as error:
            raise ResponseTimeout(self._provider, f"no response: {type(error).__name__}") from error
        except httpx.TransportError as error:
            raise errors.CrmUnavailable(self._provider, f"no response: {type(error).__name__}") from error
        except httpx.DecodingError as error:
            raise errors.CrmUnavailable(self._provider, "its compressed response cannot be read") from error
        return HttpResponse(response.status_code, response.headers, body)

    def _build_request(
        self, method: str, url: str, headers: Mapping[str, str] | httpx.Headers, content: bytes | None
    ) -> httpx.Request:
        try:
            return httpx.Request(method, url, headers=headers, content=content, extensions=self._extensions)
        except (httpx.InvalidURL, UnicodeError) as error:
            # httpx raises IDNAError, a UnicodeError, for a host whose punycode does not decode.
            reason = "a cursor or an address of its own makes no URL"
            raise errors.CrmRejected(self._provider, None, reason) from error

    async def _read_body(self, response: httpx.Response) -> bytes:
        # Only one layer of compression: each may grow a thousandfold before its bytes are counted.
        if response.headers.get("content-encoding", "identity").lower() not in _READABLE_ENCODINGS:
            raise errors.CrmRejected(
                self._provider,
                response.status_code,
                "its response is compressed in a way that we do not support",
            )
        chunks: list[bytes] = []
        size = 0
        async for chunk in response.aiter_bytes():
            size += len(chunk)
            if size > self._max_response_bytes:
                raise ResponseTooLarge(
                    self._provider,
                    response.status_code,
                    f"its response is larger than {self._max_response_bytes} bytes",
                )
            chunks.append(chunk)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """Parse Retry-After (RFC 9110 §10.2.3: seconds or a date), at most a day; None when absent or unreadable."""
    text = headers.get("retry-after", "").strip()
    try:
        if text.replace(".", "", 1).isdecimal():
            pause = timedelta(seconds=min(float(text), MAX_RETRY_AFTER.total_seconds()))
        else:
            pause = parsedate_to_datetime(text) - now
    except (ValueError, TypeError):
        return None
    return min(max(pause, timedelta()), MAX_RETRY_AFTER)
