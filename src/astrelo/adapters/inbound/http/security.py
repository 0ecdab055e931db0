"""Who is asking: a signed token (HS256, `sub` = the user's UUID) in the Authorization header or a cookie.

A Bearer header counts before the cookie, and alone: a bad one is not rescued by a good cookie. Since
browsers send cookies along unasked, a change that rests on the cookie must also prove that it comes from
one of our own pages, by its Origin or Sec-Fetch-Site header. SameSite=Lax keeps other sites out already;
this also keeps out neighbours under the same registrable domain.
"""

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie
from litestar.handlers import BaseRouteHandler

from astrelo.adapters.inbound.http import problem_kinds, problems, session_tokens
from astrelo.adapters.inbound.http.config import HttpConfig
from astrelo.application import messages
from astrelo.domain.identifiers import UserId

SESSION_COOKIE = "astrelo_session"
PUBLIC = "public"
"""The `opt` key of a route that needs no session. It may have one: then `request.user` is set."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_REALM = 'Bearer realm="astrelo"'

Connection = ASGIConnection[Any, Any, Any, Any]
Caller = Request[UserId | None, Any, Any]
"""A request whose `user`, and `auth`, the token, the guard has set."""


class SessionGuard:
    """Sets `request.user` and `request.auth`, and refuses requests without a valid session on every route that is not public."""

    def __init__(self, config: HttpConfig) -> None:
        self._tokens = session_tokens.SessionTokens(config.jwt_secret)
        self._origins = _own_origins(config)
        self._scheme = "https" if config.secure_cookies else "http"

    def __call__(self, connection: Connection, handler: BaseRouteHandler) -> None:
        if connection.scope.get("method") == "OPTIONS":
            return
        scheme, _, credentials = connection.headers.get("authorization", "").partition(" ")
        bearer = credentials.strip() if scheme.lower() == "bearer" else None
        token = connection.cookies.get(SESSION_COOKIE) if bearer is None else bearer
        user_id = self._tokens.user_of(token) if token else None
        connection.scope["user"], connection.scope["auth"] = user_id, token
        if handler.opt.get(PUBLIC):
            return
        if user_id is None:
            # RFC 6750 §3: no error code unless a token was presented.
            challenge = _REALM if token is None else f'{_REALM}, error="invalid_token"'
            happened = messages.SIGN_IN_MISSING if token is None else messages.SIGN_IN_INVALID
            raise problems.HttpError(
                problem_kinds.UNAUTHORIZED, happened, headers={"WWW-Authenticate": challenge}
            )
        if bearer is None and not self._is_own_page(connection):
            raise problems.HttpError(problem_kinds.CROSS_SITE_REQUEST, messages.COOKIE_ALONE)

    def _is_own_page(self, connection: Connection) -> bool:
        if connection.scope.get("method") in SAFE_METHODS:
            return True
        origin = connection.headers.get("origin")
        if origin is None:
            return connection.headers.get("sec-fetch-site") == "same-origin"
        own = f"{self._scheme}://{connection.headers.get('host')}"
        return origin in self._origins or origin == own


def is_cross_site_navigation(connection: Connection, config: HttpConfig) -> bool:
    """Return whether a link or redirect of another site brought the browser here, by the browser's own headers.

    A browser sends the session's cookie with such a request (SameSite=Lax). Those too old to send Sec-Fetch-Site are not
    recognised. A frontend on a site of its own is known by its Referer, which browsers send unless they are set not to.
    """
    if connection.headers.get("sec-fetch-site") != "cross-site":
        return False
    return _origin(connection.headers.get("referer", "")) not in _own_origins(config)


def current_user(request: Request[Any, Any, Any]) -> UserId:
    """Provide the `user_id` of handlers on routes that need a session."""
    user_id: UserId = request.user
    return user_id


def session_cookie(token: str, ttl: timedelta, config: HttpConfig) -> Cookie:
    return Cookie(
        key=SESSION_COOKIE,
        value=token,
        max_age=int(ttl.total_seconds()),
        path="/",
        httponly=True,
        secure=config.secure_cookies,
        samesite="lax",
    )


def _own_origins(config: HttpConfig) -> frozenset[str]:
    return frozenset({*config.cors_origins, _origin(config.frontend_url)})


def _origin(url: str) -> str:
    """Return '' for text that is no URL: some comes from a header."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}"
