"""A user's authorised link to one CRM account, and the tokens behind it."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple, Self

from astrelo.domain import errors
from astrelo.domain.identifiers import ConnectionId, CrmAccountId, Provider, UserId

REFRESH_MARGIN = timedelta(minutes=5)
"""An access token with less life than this is refreshed before it is used."""

STATE_LIFETIME = timedelta(minutes=10)
"""How long a started authorization may take."""


class ConnectionStatus(StrEnum):
    ACTIVE = "active"
    NEEDS_REAUTHORIZATION = "needs_reauthorization"
    DISCONNECTED = "disconnected"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSet:
    """Tokens as a token endpoint issues them (RFC 6749 §5.1). `repr` hides the secrets.

    `expires_at` is None where the provider does not state it: the token is then refreshed after a 401 only.
    """

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    """Empty if the provider issued none; such tokens cannot become a connection's."""
    expires_at: datetime | None
    scopes: frozenset[str] = frozenset()
    api_url: str | None = None
    """The account's API, if the provider returns it with the tokens; a refresh may change it."""
    issuer_url: str | None = None
    """The authorization server that issues, refreshes and revokes them, if the provider has several."""

    @property
    def access(self) -> "ApiAccess":
        return ApiAccess(self.access_token, self.api_url)

    def is_fresh(self, now: datetime) -> bool:
        """Return whether the access token is valid for longer than REFRESH_MARGIN."""
        return self.outlives(now + REFRESH_MARGIN)

    def outlives(self, moment: datetime) -> bool:
        """Return whether the access token is valid after a moment, as far as is known."""
        return self.expires_at is None or self.expires_at > moment


class ApiAccess(NamedTuple):
    """What a request to a CRM needs: the access token, and the address of the API."""

    token: str
    api_url: str | None = None
    """None where every account's API has the same address."""

    def __repr__(self) -> str:
        return f"ApiAccess(…, api_url={self.api_url!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class CrmAccount:
    """The account at the CRM that a grant opens."""

    account_id: CrmAccountId
    name: str
    currency: str | None = None
    """ISO 4217 code of amounts that have none of their own."""
    time_zone: str | None = None
    """IANA name; a daily rate limit ends at this zone's midnight."""
    domain: str | None = None
    """The customer's web domain, as the CRM reports it with the account; shown to users."""
    app_url: str | None = None
    """Where people open the account's pages, without a trailing slash; None where the CRM has not reported it."""

    @property
    def label(self) -> str:
        """Name the account to a user: its name, and its id unless the name has it."""
        return self.name if self.account_id in self.name else f"{self.name} ({self.account_id})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """An accepted authorization: tokens, the account they open, and who accepted."""

    tokens: TokenSet
    account: CrmAccount
    connected_by: str | None = field(default=None, repr=False)
    """The user name at the CRM; None where the CRM does not report it. Personal data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRequest:
    """What goes into the provider's authorize URL (RFC 6749 §4.1.1, RFC 7636 §4.3)."""

    state: str = field(repr=False)
    code_challenge: str
    login_host: str | None = None
    """Where the user signs in, if the provider has several places; as the user typed it, perhaps a whole URL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingAuthorization:
    """A started flow, kept by the SHA-256 of its state until the callback consumes it."""

    state_hash: bytes = field(repr=False)
    browser_hash: bytes = field(repr=False)
    """SHA-256 of the cookie that binds the flow to the browser which began it."""
    user_id: UserId
    provider: Provider
    code_verifier: str = field(repr=False)
    replace: bool
    return_path: str
    expires_at: datetime
    login_host: str | None = None
    """The host of the authorize URL, if the user named a place: the code is exchanged at the same host."""

    def is_expired(self, now: datetime) -> bool:
        return now >= self.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class CrmConnection:
    """The aggregate. At most one per user and provider; reconnecting the same account keeps its id."""

    id: ConnectionId
    user_id: UserId
    provider: Provider
    account: CrmAccount
    scopes: frozenset[str]
    status: ConnectionStatus
    connected_at: datetime
    connected_by: str | None = field(default=None, repr=False)
    """The user name at the CRM who authorized it; None where that is unknown. Personal data."""
    reason: str | None = None
    """Why it is not active, shown to users; None while it is active."""

    @classmethod
    def establish(
        cls, connection_id: ConnectionId, user_id: UserId, provider: Provider, grant: Grant, at: datetime
    ) -> Self:
        return cls(
            id=connection_id,
            user_id=user_id,
            provider=provider,
            account=grant.account,
            scopes=grant.tokens.scopes,
            status=ConnectionStatus.ACTIVE,
            connected_at=at,
            connected_by=grant.connected_by,
        )

    @property
    def is_active(self) -> bool:
        return self.status is ConnectionStatus.ACTIVE

    def reauthorize(self, grant: Grant, at: datetime) -> Self:
        """Take a new grant for the same account. Raises InvalidTransition for another account's grant.

        Record ids are unique only within one account, so another account's grant would mix two
        customers' records under one id.
        """
        if grant.account.account_id != self.account.account_id:
            raise errors.InvalidTransition(
                "connection", f"bound to account {self.account.account_id}", "re-bound"
            )
        return replace(
            self,
            account=grant.account,
            scopes=grant.tokens.scopes,
            status=ConnectionStatus.ACTIVE,
            connected_at=at,
            connected_by=grant.connected_by,
            reason=None,
        )

    def mark_needs_reauthorization(self, reason: str) -> Self:
        if self.status is ConnectionStatus.DISCONNECTED:
            raise errors.InvalidTransition("connection", self.status, "marked as needing reauthorization")
        return replace(self, status=ConnectionStatus.NEEDS_REAUTHORIZATION, reason=reason)

    def disconnect(self, reason: str | None = None) -> Self:
        """Idempotent."""
        return replace(self, status=ConnectionStatus.DISCONNECTED, reason=reason)
