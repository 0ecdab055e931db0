"""Session tokens (HS256, `sub` = the user's UUID): made and read without the web framework."""

import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import jwt

from astrelo.domain.identifiers import UserId

CLOCK_SKEW = timedelta(seconds=60)
"""How far ahead of ours a clock may be that says since when a token is good (`iat`, `nbf`)."""

MAX_REMEMBERED_TOKENS = 1_000
_ALGORITHM = "HS256"
_LAST_EXPIRY = 2**53  # seconds; an issuer may write more digits than a float can hold


def issue_token(user_id: UserId, secret: str, ttl: timedelta, now: datetime) -> str:
    """Make a session token that is good for `ttl`."""
    return jwt.encode({"sub": str(user_id), "iat": now, "exp": now + ttl}, secret, _ALGORITHM)


def console_secret(secret: str) -> str:
    """Return the secret of the console's tokens, derived from that of all others.

    The product's backend shares that one and does not know our claims: a token signed with it would be good there for
    more than reading.
    """
    return hmac.digest(secret.encode(), b"astrelo console", "sha256").hex()


class _Verified(NamedTuple):
    """What a token says that was once found good; times are seconds since 1970."""

    user_id: UserId
    begins_at: int
    ends_at: int

    def is_good(self, now: float) -> bool:
        return self.begins_at <= now + CLOCK_SKEW.total_seconds() and now < self.ends_at


class SessionTokens:
    """Reads tokens of one secret, and remembers those that were good: the next request has the same one.

    Only what cannot change is remembered, by the token's hash: its signature and what it says. Its times are compared
    with the clock at each request.
    """

    def __init__(self, secret: str, now: Callable[[], float] = time.time) -> None:
        self._secret = secret
        self._now = now
        self._verified: dict[bytes, _Verified] = {}

    def user_of(self, token: str) -> UserId | None:
        """Return whose token it is, as `user_of_token` does."""
        key = hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
        verified = self._verified.get(key)
        if verified is not None:
            return verified.user_id if verified.is_good(self._now()) else None
        if (verified := _verify(token, self._secret)) is None:
            return None
        if len(self._verified) >= MAX_REMEMBERED_TOKENS:
            del self._verified[next(iter(self._verified))]
        self._verified[key] = verified
        return verified.user_id


def user_of_token(token: str, secret: str) -> UserId | None:
    """Return whose token it is; None for an expired, forged or foreign one, or one made for another purpose.

    The issuer's clock may be CLOCK_SKEW ahead of ours. A token still ends on time: it is not good for longer.
    """
    verified = _verify(token, secret)
    return None if verified is None else verified.user_id


def _verify(token: str, secret: str) -> _Verified | None:
    try:
        try:
            claims = _claims(token, secret)
        except jwt.ImmatureSignatureError:
            _claims(token, secret, leeway=CLOCK_SKEW, verify_exp=False)
            claims = _claims(token, secret, verify_iat=False, verify_nbf=False)
        begins_at = max(int(claims.get(claim, 0)) for claim in ("iat", "nbf"))
        return _Verified(UserId(UUID(claims["sub"])), begins_at, int(claims["exp"]))
    except (jwt.InvalidTokenError, ValueError, TypeError, OverflowError):  # all four for claims of odd types
        return None


def expiry_of_token(token: str) -> int:
    """Return when a token ends that was found to be good, in seconds since 1970: later than any datetime, perhaps."""
    return min(int(jwt.decode(token, options={"verify_signature": False})["exp"]), _LAST_EXPIRY)


def _claims(
    token: str, secret: str, *, leeway: timedelta = timedelta(), **verified: bool
) -> Mapping[str, Any]:
    options: Any = {"require": ["exp", "sub"], **verified}
    return jwt.decode(token, secret, [_ALGORITHM], options=options, leeway=leeway)
