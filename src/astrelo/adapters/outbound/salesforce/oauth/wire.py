"""Wire structs of Salesforce's OAuth endpoints, and of the org details that are read right after connecting."""

from typing import Annotated

import msgspec
from msgspec import Struct

from astrelo.adapters.outbound.crm import oauth

Scopes = Annotated[str, msgspec.Meta(pattern=r"\A[\x20-\x7e]*\Z", max_length=2_000)]
"""Separated by blanks."""


class TokenResponse(Struct, frozen=True):
    """There is no `expires_in`. A refresh returns `refresh_token` only where refresh tokens rotate."""

    access_token: oauth.Token
    refresh_token: oauth.Token | None = None
    instance_url: str | None = None
    id: str | None = None
    """The identity URL."""
    scope: Scopes | None = None

    def __repr__(self) -> str:
        return f"TokenResponse(instance_url={self.instance_url!r})"


class Introspection(Struct, frozen=True):
    active: bool
    scope: Scopes | None = None
    exp: int | None = None
    """Seconds since the epoch."""


class UserInfo(Struct, frozen=True):
    organization_id: Annotated[str, msgspec.Meta(pattern=r"\A00D[A-Za-z0-9]{15}\Z")]
    preferred_username: str | None = None
    """The username, which has the shape of an e-mail address and need not be one."""


class OrganizationRow(Struct, frozen=True, rename="pascal"):
    name: str | None = None
    time_zone_sid_key: str | None = None


class CurrencyRow(Struct, frozen=True, rename="pascal"):
    iso_code: str | None = None


class OrganizationRows(Struct, frozen=True):
    records: list[OrganizationRow]


class CurrencyRows(Struct, frozen=True):
    records: list[CurrencyRow]


class OAuthErrorBody(Struct, frozen=True):
    """An object, unlike the arrays of the REST API. The description decides where `error` is 'invalid_grant'."""

    error: str | None = None
    error_description: str | None = None
