"""Wire structs of HubSpot's OAuth endpoints, and of the account details that are read right after connecting."""

from typing import Annotated

import msgspec
from msgspec import Struct

from astrelo.adapters.outbound.crm import oauth

Number = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Scope = Annotated[str, msgspec.Meta(pattern=r"\A[\x21-\x7e]+\Z", max_length=200)]


class OAuthErrorBody(Struct, frozen=True):
    """An error of the OAuth API: classify by `status`, then by `error`."""

    status: str | None = None
    error: str | None = None
    error_description: str | None = None
    message: str | None = None


class TokenResponse(Struct, frozen=True):
    """`refresh_token` is promised, but RFC 6749 §6 lets a refresh leave it out: then the old one stays."""

    access_token: oauth.Token
    expires_in: Annotated[int, msgspec.Meta(gt=0, le=10**9)]
    refresh_token: oauth.Token | None = None
    hub_id: Number | None = None
    scopes: list[Scope] | None = None

    def __repr__(self) -> str:
        return f"TokenResponse(hub_id={self.hub_id})"


class Introspection(Struct, frozen=True):
    active: bool = False
    hub_id: Number | None = None
    hub_domain: str | None = None
    user: str | None = None
    """The e-mail address of the user who connected."""
    scopes: list[Scope] | None = None


class AccountDetails(Struct, frozen=True, rename="camel"):
    portal_id: Number
    portal_name: str | None = None
    time_zone: str | None = None
    company_currency: str | None = None
