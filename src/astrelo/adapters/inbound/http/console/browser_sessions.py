"""What signing in to the page gives a browser, and what signing out leaves it.

With the console it is a read-only session of an hour in a cookie of its own, so that the user's session, if the browser
has one for the frontend, is neither used nor replaced. In development it is the session that the frontend would have.
"""

from datetime import datetime, timedelta

from litestar.datastructures import Cookie

from astrelo.adapters.inbound.http import security, session_tokens
from astrelo.adapters.inbound.http.config import HttpConfig
from astrelo.domain.identifiers import UserId

CONSOLE_LIFETIME = timedelta(hours=1)
DEVELOPMENT_LIFETIME = timedelta(hours=12)

_SIGNED_OUT = "signed-out"


def signed_in(user_id: UserId, config: HttpConfig, now: datetime) -> Cookie:
    """Return the cookie of a new session."""
    if config.console:
        secret = session_tokens.console_secret(config.jwt_secret)
        return _console_cookie(session_tokens.issue_token(user_id, secret, CONSOLE_LIFETIME, now), config)
    token = session_tokens.issue_token(user_id, config.jwt_secret, DEVELOPMENT_LIFETIME, now)
    return security.session_cookie(token, DEVELOPMENT_LIFETIME, config)


def signed_out(config: HttpConfig) -> Cookie:
    """Return the cookie that ends the session.

    The console's stays, without a token: as long as it is there the page's requests go by it alone, and the page does
    not show the user whose session the frontend has.
    """
    if config.console:
        return _console_cookie(_SIGNED_OUT, config)
    return security.session_cookie("", timedelta(), config)


def _console_cookie(value: str, config: HttpConfig) -> Cookie:
    """Outlive its token: an expired one is refused, a missing cookie would let another session count."""
    return Cookie(
        key=security.console_cookie_name(config),
        value=value,
        path="/",
        httponly=True,
        secure=config.secure_cookies,
        samesite="strict",
    )
