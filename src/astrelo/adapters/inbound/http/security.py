"""Who is asking: a signed token (HS256, `sub` = the user's UUID) in the Authorization header or a cookie.

A Bearer header counts before the cookies, and alone: a bad one is not rescued by a good cookie. The console's
cookie counts before the session's, and alone, but only for requests of our own pages: the frontend goes by the session,
whatever the console in another tab shows. Its session only reads. Since
browsers send cookies along unasked, a change that rests on the cookie must also prove that it comes from
one of our own pages, by its Origin or Sec-Fetch-Site header. SameSite=Lax keeps other sites out already;
this also keeps out neighbours under the same registrable domain.
"""

from datetime import timedelta
from typing import Any, NamedTuple
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
CONSOLE_COOKIE = "astrelo_console"
PUBLIC = "public"
"""The `opt` key of a route that needs no session. It may have one: then `request.user` is set."""
BEARER_ONLY = "bearer_only"
"""The `opt` key of a route for backends: a cookie does not count there."""
CHANGES_STATE = "changes_state"
"""The `opt` key of a route that changes something by a safe method."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_REALM = 'Bearer realm="astrelo"'

Connection = ASGIConnection[Any, Any, Any, Any]
Caller = Request[UserId | None, Any, Any]
"""A request whose `user`, and `auth`, the token, the guard has set."""


class _Credentials(NamedTuple):
    """What identifies the caller of one request."""

    token: str | None
    user_id: UserId | None
    is_bearer: bool = False
    is_read_only: bool = False


class SessionGuard:
    """Sets `request.user` and `request.auth`, and refuses requests without a valid session on every route that is not public."""

    def __init__(self, config: HttpConfig) -> None:
        self._config = config
        self._tokens = session_tokens.SessionTokens(config.jwt_secret)
        self._console = session_tokens.SessionTokens(session_tokens.console_secret(config.jwt_secret))
        self._console_cookie = console_cookie_name(config) if config.console else None
        self._origins = _own_origins(config)

    def __call__(self, connection: Connection, handler: BaseRouteHandler) -> None:
        if connection.scope.get("method") == "OPTIONS":
            return
        token, user_id, is_bearer, is_read_only = self._identify(connection, handler)
        connection.scope["user"], connection.scope["auth"] = user_id, token
        if handler.opt.get(PUBLIC):
            return
        is_safe = connection.scope.get("method") in SAFE_METHODS
        if is_read_only and user_id is not None and (handler.opt.get(CHANGES_STATE) or not is_safe):
            kind = problem_kinds.READ_ONLY_SESSION
            raise problems.HttpError(kind, kind.message.happened)
        if user_id is None or (not is_bearer and handler.opt.get(BEARER_ONLY)):
            is_missing = token is None or user_id is not None
            # RFC 6750 §3: no error code unless a token was presented.
            challenge = _REALM if is_missing else f'{_REALM}, error="invalid_token"'
            happened = messages.SIGN_IN_MISSING if is_missing else messages.SIGN_IN_INVALID
            raise problems.HttpError(
                problem_kinds.UNAUTHORIZED, happened, headers={"WWW-Authenticate": challenge}
            )
        if not (is_bearer or is_safe or self._is_own_page(connection)):
            raise problems.HttpError(problem_kinds.CROSS_SITE_REQUEST, messages.COOKIE_ALONE)

    def _identify(self, connection: Connection, handler: BaseRouteHandler) -> _Credentials:
        """On public routes the console's session does not count: a CRM's callback is the user's own doing."""
        scheme, _, credentials = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            token = credentials.strip()
            return _Credentials(token, self._tokens.user_of(token) if token else None, is_bearer=True)
        name = self._console_cookie
        if name is not None and not handler.opt.get(PUBLIC) and is_own_page(connection, self._config):
            console = connection.cookies.get(name)
            if console is not None:
                return _Credentials(console, self._console.user_of(console), is_read_only=True)
        session = connection.cookies.get(SESSION_COOKIE)
        return _Credentials(session, self._tokens.user_of(session) if session else None)

    def _is_own_page(self, connection: Connection) -> bool:
        origin = connection.headers.get("origin")
        if origin is None:
            return connection.headers.get("sec-fetch-site") == "same-origin"
        return origin in self._origins or origin == _served_origin(connection, self._config)


def is_own_page(connection: Connection, config: HttpConfig) -> bool:
    """Return whether one of our own pages, or no page at all, sent a request, by the browser's own headers.

    Browsers send Origin with every POST, and Sec-Fetch-Site with every request; other clients send neither.
    """
    origin = connection.headers.get("origin")
    if origin is not None:
        return origin in {_served_origin(connection, config), _origin(config.public_url)}
    return connection.headers.get("sec-fetch-site", "none") in {"none", "same-origin"}


def require_own_page(connection: Connection, config: HttpConfig) -> None:
    """Keep other sites from signing a browser in to an account of their choice (login CSRF). Raises HttpError."""
    if not is_own_page(connection, config):
        kind = problem_kinds.CROSS_SITE_REQUEST
        raise problems.HttpError(kind, kind.message.happened)


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


def console_cookie_name(config: HttpConfig) -> str:
    """Return the name of the console's cookie, which no other host under the same registrable domain can set.

    Browsers take a name with this prefix only from the host itself, secure and for the whole of it (RFC 6265bis §4.1.3.2).
    """
    return f"{'__Host-' if config.secure_cookies else ''}{CONSOLE_COOKIE}"


def _served_origin(connection: Connection, config: HttpConfig) -> str:
    return f"{'https' if config.secure_cookies else 'http'}://{connection.headers.get('host')}"


def _own_origins(config: HttpConfig) -> frozenset[str]:
    return frozenset({*config.cors_origins, _origin(config.frontend_url)})


def _origin(url: str) -> str:
    """Return '' for text that is no URL: some comes from a header."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}"
