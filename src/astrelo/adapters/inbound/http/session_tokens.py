"""Session tokens (HS256, `sub` = the user's UUID): made and read without the web framework."""

from datetime import datetime, timedelta
from uuid import UUID

import jwt

from astrelo.domain.identifiers import UserId

_ALGORITHM = "HS256"


def issue_token(user_id: UserId, secret: str, ttl: timedelta, now: datetime) -> str:
    """Make a session token that is good for `ttl`."""
    return jwt.encode({"sub": str(user_id), "iat": now, "exp": now + ttl}, secret, _ALGORITHM)


def user_of_token(token: str, secret: str) -> UserId | None:
    """Return whose token it is; None for an expired, forged or foreign one, or one made for another purpose."""
    try:
        claims = jwt.decode(token, secret, [_ALGORITHM], options={"require": ["exp", "sub"]})
        return UserId(UUID(claims["sub"]))
    except (jwt.InvalidTokenError, ValueError):
        return None
