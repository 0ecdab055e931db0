"""Tokens for trying the API out, signed as the product's login signs them."""

from datetime import timedelta
from uuid import UUID

from astrelo.adapters.inbound.http.session_tokens import issue_token
from astrelo.bootstrap.problems import Problem
from astrelo.bootstrap.settings import PREFIX, Settings
from astrelo.bootstrap.system import SystemClock
from astrelo.domain.identifiers import UserId

_TOKEN_LIFE = timedelta(hours=12)


def development_token(settings: Settings, user: UUID) -> str:
    """Make a token for a user; refused in production, where the product's login makes them."""
    if settings.is_production:
        raise Problem("Development tokens are not made in production.")
    return issue_token(UserId(user), signing_secret(settings), _TOKEN_LIFE, SystemClock().now())


def signing_secret(settings: Settings) -> str:
    if settings.jwt_secret is None:
        raise Problem(f"There is no secret to sign tokens with: set {PREFIX}JWT_SECRET.")
    return settings.jwt_secret
