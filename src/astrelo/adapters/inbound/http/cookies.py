"""Cookies of a request, split in time that grows with their length alone.

The framework reads them by http.cookies, whose unquoting takes quadratic time on older interpreters (CVE-2024-7592) and is
nothing that our cookies need: RFC 6265 §5.4 sends values as they were set.
"""

from typing import Any

from litestar import Request

from astrelo.adapters.inbound.http import problem_kinds, problems

MAX_COOKIE_SIZE = 4096
"""Bytes of all of a request's cookies. What a browser keeps for one cookie (RFC 6265 §6.1); ours are below 1,000."""


class CookieRequest(Request[Any, Any, Any]):
    """The framework's request, whose cookies are bounded and read by us."""

    @property
    def cookies(self) -> dict[str, str]:
        """Return them by name, of several of a name the last. Raises HttpError where they are too large."""
        fields = self.headers.getall("cookie", [])
        if sum(map(len, fields)) > MAX_COOKIE_SIZE:
            kind = problem_kinds.HEADERS_TOO_LARGE
            raise problems.HttpError(kind, kind.message.happened)
        return {
            name.strip(): value.strip()
            for field in fields
            for name, equals, value in (cookie.partition("=") for cookie in field.split(";"))
            if equals
        }
