"""The authorization server's state: codes, grants, tokens, and how each of them ends."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field

from crm_sandbox.clock import SandboxClock
from crm_sandbox.hubspot.account.account import Flags
from crm_sandbox.hubspot.errors import OAuthRefusal, expired, no_credentials
from crm_sandbox.hubspot.objects.object_types import READ_SCOPES
from crm_sandbox.oauth import IssuedSecrets, RegisteredApp, compute_challenge, default_redirect_uris
from crm_sandbox.state import Authority

ACCESS_TOKEN_SECONDS = 1800
CODE_SECONDS = 120
SANDBOX_USER_ID = 7001
REQUIRED_SCOPES = ("oauth", *READ_SCOPES, "crm.objects.owners.read")
OPTIONAL_SCOPES = ("crm.schemas.companies.read", "crm.schemas.contacts.read", "crm.schemas.deals.read")
DEFAULT_REDIRECT_URIS = default_redirect_uris("hubspot")
DEFAULT_CLIENT_ID = "sandbox-client"
DEFAULT_CLIENT_SECRET = "sandbox-client-secret"  # noqa: S105 - documented, opens nothing real


@dataclass(frozen=True, slots=True, kw_only=True)
class App(RegisteredApp):
    """The application as it is registered with HubSpot."""

    client_id: str = DEFAULT_CLIENT_ID
    client_secret: str = field(default=DEFAULT_CLIENT_SECRET, repr=False)
    redirect_uris: tuple[str, ...] = DEFAULT_REDIRECT_URIS
    required_scopes: tuple[str, ...] = REQUIRED_SCOPES
    optional_scopes: tuple[str, ...] = OPTIONAL_SCOPES

    def authenticate(self, client_id: str | None, client_secret: str | None) -> None:
        if client_id != self.client_id:
            raise OAuthRefusal("BAD_CLIENT_ID", "invalid_client", "missing or unknown client id")
        if not self.matches_secret(client_secret):
            raise OAuthRefusal("BAD_CLIENT_SECRET", "invalid_client", "missing or invalid client secret")


@dataclass(slots=True, kw_only=True)
class Code:
    portal_id: int
    redirect_uri: str
    scopes: tuple[str, ...]
    challenge: str | None
    expires_at: float


@dataclass(slots=True, kw_only=True, eq=False)
class Grant:
    """One consent. All tokens that descend from it are one family and can end together."""

    portal_id: int
    scopes: tuple[str, ...]
    refresh_token: str = field(repr=False)
    revoked: bool = False
    """The refresh token is refused; access tokens live on."""
    ended: bool = False
    """Every token of the family is refused."""


@dataclass(slots=True, kw_only=True)
class AccessToken:
    value: str = field(repr=False)
    grant: Grant
    expires_at: float


class AuthorizationServer(Authority):
    """Grants and their tokens for every account of a sandbox."""

    def __init__(self, app: App, clock: SandboxClock, flags: Flags) -> None:
        self.app = app
        self.issued = IssuedSecrets()
        self.refreshes = 0
        self.grants: list[Grant] = []
        self._clock = clock
        self._flags = flags
        self._codes: dict[str, Code] = {}
        self._access: dict[str, AccessToken] = {}
        self._refresh: dict[str, Grant] = {}

    def issue_code(
        self, portal_id: int, redirect_uri: str, scopes: tuple[str, ...], challenge: str | None
    ) -> str:
        value = self.issued.issue("code", "na1-" + secrets.token_urlsafe(24))
        self._codes[value] = Code(
            portal_id=portal_id,
            redirect_uri=redirect_uri,
            scopes=scopes,
            challenge=challenge,
            expires_at=self._clock.now() + CODE_SECONDS,
        )
        return value

    def exchange(self, code: str | None, redirect_uri: str | None, verifier: str | None) -> dict[str, object]:
        """Spend a code, even when it is refused, and return the first tokens of a new grant."""
        if not redirect_uri or not self.app.allows_redirect(redirect_uri):
            raise OAuthRefusal("BAD_REDIRECT_URI", "invalid_request", "missing or unregistered redirect uri")
        spent = self._codes.pop(code or "", None)
        if spent is None:
            raise OAuthRefusal("BAD_AUTH_CODE", "invalid_grant", "missing or unknown auth code")
        if self._clock.now() >= spent.expires_at:
            raise OAuthRefusal("EXPIRED_AUTH_CODE", "invalid_grant", "auth code has expired")
        if redirect_uri != spent.redirect_uri:
            raise OAuthRefusal(
                "MISMATCH_REDIRECT_URI_AUTH_CODE",
                "invalid_grant",
                "redirect uri differs from the authorization's",
            )
        if spent.challenge != (compute_challenge(verifier) if verifier else None):
            raise OAuthRefusal(
                "BAD_CODE_VERIFIER", "invalid_grant", "code verifier does not match the challenge"
            )
        return self.connect(spent.portal_id, spent.scopes)

    def connect(self, portal_id: int, scopes: tuple[str, ...] | None = None) -> dict[str, object]:
        """Make a grant without a browser, of the required scopes unless others are given; return its first tokens."""
        granted = self.app.required_scopes if scopes is None else scopes
        grant = Grant(portal_id=portal_id, scopes=granted, refresh_token=self._refresh_token())
        self.grants.append(grant)
        self._refresh[grant.refresh_token] = grant
        return self._tokens(grant)

    def refresh(self, refresh_token: str | None) -> dict[str, object]:
        """Issue a new access token. Under rotation a spent refresh token ends its whole family."""
        grant = self._refresh.get(refresh_token or "")
        if grant is not None and refresh_token != grant.refresh_token:
            self.replays += 1
            grant.ended = True
        if grant is None or grant.revoked or grant.ended:
            raise OAuthRefusal(
                "BAD_REFRESH_TOKEN",
                "invalid_grant",
                "missing or invalid refresh token: it is invalid, expired or revoked",
            )
        self.refreshes += 1
        if self._flags.rotate_refresh_tokens:
            grant.refresh_token = self._refresh_token()
            self._refresh[grant.refresh_token] = grant
        return self._tokens(grant)

    def authenticate(self, value: str | None) -> AccessToken:
        """Find the living access token of a bearer header; 401 in HubSpot's two ways otherwise."""
        token = self._access.get(value or "")
        if token is None or token.grant.ended:
            raise no_credentials()
        if self._clock.now() >= token.expires_at:
            raise expired(self._clock.now(), token.expires_at)
        return token

    def introspect(self, value: str) -> tuple[str, Grant, int | None] | None:
        """(use, grant, seconds left) of a living token of either kind; None when it is unknown or dead."""
        token = self._access.get(value)
        if token is not None and not token.grant.ended and token.expires_at > self._clock.now():
            return "access_token", token.grant, int(token.expires_at - self._clock.now())
        grant = self._refresh.get(value)
        if grant is not None and grant.refresh_token == value and not (grant.revoked or grant.ended):
            return "refresh_token", grant, None
        return None

    def revoke(self, value: str) -> None:
        """End a token: a refresh token's access tokens live out their time, an access token ends alone."""
        self._access.pop(value, None)
        grant = self._refresh.get(value)
        if grant is not None:
            grant.revoked = True

    def uninstall(self, portal_id: int | None = None) -> None:
        """End every grant of an account, or of all accounts."""
        for grant in self._grants_of(portal_id):
            grant.ended = True

    def expire_access_tokens(self, portal_id: int | None = None) -> None:
        now = self._clock.now()
        mine = set(map(id, self._grants_of(portal_id)))
        for token in self._access.values():
            if id(token.grant) in mine:
                token.expires_at = min(token.expires_at, now)

    def remove_scope(self, scope: str, portal_id: int | None = None) -> None:
        for grant in self._grants_of(portal_id):
            grant.scopes = tuple(granted for granted in grant.scopes if granted != scope)

    def _grants_of(self, portal_id: int | None) -> Iterator[Grant]:
        return (grant for grant in self.grants if portal_id is None or grant.portal_id == portal_id)

    def _tokens(self, grant: Grant) -> dict[str, object]:
        value = self.issued.issue("access_token", "CJ" + secrets.token_urlsafe(160))
        expires_at = self._clock.now() + ACCESS_TOKEN_SECONDS
        self._access[value] = AccessToken(value=value, grant=grant, expires_at=expires_at)
        return {
            "token_type": "bearer",
            "token_use": "access_token",
            "access_token": value,
            "refresh_token": grant.refresh_token,
            "expires_in": ACCESS_TOKEN_SECONDS,
            "hub_id": grant.portal_id,
            "user_id": SANDBOX_USER_ID,
            "scopes": list(grant.scopes),
        }

    def _refresh_token(self) -> str:
        return self.issued.issue("refresh_token", "na1-" + secrets.token_urlsafe(32))
