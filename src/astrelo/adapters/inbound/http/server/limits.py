"""What one client may hold of the server: the numbers, and why each is what it is."""

from dataclasses import dataclass

MAX_HEADER_SIZE = 16 * 1024
"""Bytes of a request's target and header fields together."""
MAX_FRAMING_RATIO = 8
"""Bytes of framing for each byte of a chunked body: chunks of one byte take five. Trailer fields share the header's bound."""
KEEP_ALIVE_TIMEOUT = 75.0
"""Seconds. Longer than the 60 for which proxies keep idle connections: they must be the ones to close first."""
WRITE_TIMEOUT = 30.0
"""Seconds in which a client that does not keep up must have read the buffered part of a response (64 KiB)."""
LINGER_TIMEOUT = 2.0
"""Seconds for reading on after a refusal: closing at once would destroy the response on its way (RFC 9112 §9.6)."""
RESPONSE_TIMEOUT = 120.0
"""Seconds until a response must have begun. A stream that has begun may last: only its writes have a deadline."""
MAX_PIPELINED_REQUESTS = 16
"""Requests of one connection that wait for the one before them (RFC 9112 §9.3.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLimits:
    """Times are seconds. Counts are of one process."""

    max_connections: int = 2_000
    max_connections_per_address: int = 100
    """Of a network, for IPv6. A trusted proxy may hold any number; behind it, requests in progress are counted."""
    header_timeout: float = 5.0
    """From the connection, or the first byte of a further request, to the end of the header fields."""
    body_timeout: float = 15.0
    """From the end of the header fields to the end of the body."""
