"""Session tokens (HS256, `sub` = the user's UUID): made and read without the web framework."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import jwt

from astrelo.domain.identifiers import UserId

CLOCK_SKEW = timedelta(seconds=60)
"""How far ahead of ours a clock may be that says since when a token is good (`iat`, `nbf`)."""

_ALGORITHM = "HS256"


def issue_token(user_id: UserId, secret: str, ttl: timedelta, now: datetime) -> str:
    """Make a session token that is good for `ttl`."""
    return jwt.encode({"sub": str(user_id), "iat": now, "exp": now + ttl}, secret, _ALGORITHM)


def user_of_token(token: str, secret: str) -> UserId | None:
    """Return whose token it is; None for an expired, forged or foreign one, or one made for another purpose.

    The issuer's clock may be CLOCK_SKEW ahead of ours. A token still ends on time: it is not good for longer.
    """
    try:
        try:
            claims = _claims(token, secret)
        except jwt.ImmatureSignatureError:
            _claims(token, secret, leeway=CLOCK_SKEW, verify_exp=False)
            claims = _claims(token, secret, verify_iat=False, verify_nbf=False)
        return UserId(UUID(claims["sub"]))
    except (jwt.InvalidTokenError, ValueError, TypeError, OverflowError):  # all four for claims of odd types
        return None


def expiry_of_token(token: str) -> int:
    """Return when a token ends that was found to be good, in seconds since 1970: later than any datetime, perhaps."""
    return int(jwt.decode(token, options={"verify_signature": False})["exp"])


def _claims(
    token: str, secret: str, *, leeway: timedelta = timedelta(), **verified: bool
) -> Mapping[str, Any]:
    options: Any = {"require": ["exp", "sub"], **verified}
    return jwt.decode(token, secret, [_ALGORITHM], options=options, leeway=leeway)
