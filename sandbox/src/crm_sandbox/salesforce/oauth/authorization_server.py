"""The authorization server: codes, grants, sessions and refresh tokens, their expiry and revocation."""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from crm_sandbox.clock import SandboxClock
from crm_sandbox.oauth import IssuedSecrets, RegisteredApp, compute_challenge, default_redirect_uris
from crm_sandbox.salesforce.errors import OAuthError, error_for_status, login_error
from crm_sandbox.salesforce.flags import Flags
from crm_sandbox.salesforce.oauth.hosts import (
    DEFAULT_LOGIN,
    base_url,
    can_log_in,
    instance_host,
    is_salesforce_host,
)
from crm_sandbox.salesforce.org.admin_user import ADMIN_USER_ID
from crm_sandbox.salesforce.org.org import Org
from crm_sandbox.state import Authority

SCOPES = ("api", "refresh_token", "openid", "id", "profile", "email")
DEFAULT_CLIENT_ID = "sandbox-client"
DEFAULT_CLIENT_SECRET = "sandbox-client-secret"  # noqa: S105 - documented, opens nothing real
_EXPIRED_GRANT = "expired access/refresh token"


@dataclass(frozen=True, slots=True, kw_only=True)
class App(RegisteredApp):
    """The external client app. `scopes` are those that it may request; requesting none requests all."""

    client_id: str = DEFAULT_CLIENT_ID
    client_secret: str = field(default=DEFAULT_CLIENT_SECRET, repr=False)
    redirect_uris: tuple[str, ...] = default_redirect_uris("salesforce")
    scopes: tuple[str, ...] = SCOPES

    def authenticate(self, client_id: str | None, client_secret: str | None) -> None:
        if client_id != self.client_id:
            raise OAuthError("invalid_client_id", "client identifier invalid")
        if not self.matches_secret(client_secret):
            raise OAuthError("invalid_client", "invalid client credentials")


@dataclass(slots=True, kw_only=True)
class Code:
    org_id: str
    login_host: str
    redirect_uri: str
    scopes: tuple[str, ...]
    challenge: str
    expires_at: float


@dataclass(slots=True, kw_only=True, eq=False)
class Grant:
    """One consent. All of its tokens are revoked together."""

    org_id: str
    scopes: tuple[str, ...]
    login_host: str
    instance: str
    scheme: str
    any_local_host: bool
    """Made without a browser: on a socket its tokens are valid at any of the sandbox's host names."""
    refresh_token: str | None = field(default=None, repr=False)
    revoked: bool = False

    @property
    def identity_url(self) -> str:
        return f"{base_url(self.login_host, self.scheme)}/id/{self.org_id}/{ADMIN_USER_ID}"

    def is_valid_at(self, host: str) -> bool:
        return host == self.instance or (self.any_local_host and not is_salesforce_host(host))


@dataclass(slots=True, kw_only=True)
class Session:
    """The session of an access token. Use in the second half of its lifetime extends it, as at Salesforce."""

    value: str = field(repr=False)
    grant: Grant
    issued_at: float
    expires_at: float


class AuthorizationServer(Authority):
    """Grants and their tokens for every org of a sandbox."""

    def __init__(self, app: App, clock: SandboxClock, flags: Flags, orgs: Mapping[str, Org]) -> None:
        self.app = app
        self.scheme = "http"
        """The scheme of a socket's URLs."""
        self.issued = IssuedSecrets()
        self.refreshes = 0
        self.replays = 0
        self.grants: list[Grant] = []
        self._clock = clock
        self._flags = flags
        self._orgs = orgs
        self._codes: dict[str, Code] = {}
        self._sessions: dict[str, Session] = {}
        self._refresh: dict[str, Grant] = {}

    def issue_code(
        self, org_id: str, redirect_uri: str, scopes: tuple[str, ...], challenge: str, login_host: str
    ) -> str:
        value = self.issued.issue("code", "aPrx" + secrets.token_urlsafe(30) + "==")
        self._codes[value] = Code(
            org_id=org_id,
            login_host=login_host,
            redirect_uri=redirect_uri,
            scopes=scopes,
            challenge=challenge,
            expires_at=self._clock.now() + self._flags.code_seconds,
        )
        return value

    def exchange_code(
        self, code: str, redirect_uri: str, verifier: str | None, host: str
    ) -> dict[str, object]:
        """Exchange a code for the tokens of a new grant. The code is used up, also when the exchange fails."""
        authorization = self._codes.pop(code, None)
        if authorization is None:
            raise OAuthError("invalid_grant", "invalid authorization code")
        if self._clock.now() >= authorization.expires_at:
            raise OAuthError("invalid_grant", "expired authorization code")
        if redirect_uri != authorization.redirect_uri:
            raise OAuthError("redirect_uri_mismatch", "redirect_uri must match configuration")
        if not verifier or compute_challenge(verifier) != authorization.challenge:
            raise OAuthError("invalid_grant", "invalid code verifier")
        self._check_login_policy(authorization.org_id, host)
        return self._create_grant(
            authorization.org_id, authorization.scopes, authorization.login_host, any_local_host=False
        )

    def connect(
        self, org_id: str, scopes: tuple[str, ...] | None = None, host: str = DEFAULT_LOGIN
    ) -> dict[str, object]:
        """Create a grant without a browser and return its token response; `scopes` defaults to all of the app's."""
        return self._create_grant(
            org_id, self.app.scopes if scopes is None else scopes, host, any_local_host=True
        )

    def refresh(self, refresh_token: str, host: str) -> dict[str, object]:
        """Open a new session. With rotation, reuse of an old refresh token revokes its grant.

        An error of the org's login policy does not use up the refresh token.
        """
        grant = self._refresh.get(refresh_token)
        if grant is not None and refresh_token != grant.refresh_token:
            self.replays += 1
            grant.revoked = True
        if grant is None or grant.revoked:
            raise OAuthError("invalid_grant", _EXPIRED_GRANT)
        self._check_login_policy(grant.org_id, host)
        self.refreshes += 1
        grant.instance = self._instance(grant.org_id, grant.login_host)
        response = self._open_session(grant)
        if self._flags.rotate_refresh_tokens:
            self._issue_refresh_token(grant)
            response["refresh_token"] = grant.refresh_token
        return response

    def authenticate(self, value: str | None, host: str) -> Session:
        """Return the session of a bearer token at this host and extend it; 401 without one."""
        session = self.find_session(value)
        if session is None or not session.grant.is_valid_at(host):
            raise error_for_status(401)
        if "api" not in session.grant.scopes and "full" not in session.grant.scopes:
            raise error_for_status(401)
        self._extend(session)
        return session

    def find_session(self, value: str | None) -> Session | None:
        """Return the session of an access token; None when it has expired or was revoked."""
        session = self._sessions.get(value or "")
        if session is None or session.grant.revoked or self._clock.now() >= session.expires_at:
            return None
        return session

    def find_grant(self, refresh_token: str) -> Grant | None:
        """Return the grant whose current refresh token this is; None when it was revoked."""
        grant = self._refresh.get(refresh_token)
        return grant if grant and grant.refresh_token == refresh_token and not grant.revoked else None

    def revoke(self, value: str) -> None:
        """Revoke a token: a refresh token with its grant, an access token alone."""
        grant = self._refresh.get(value)
        if grant is not None:
            grant.revoked = True
        elif self._sessions.pop(value, None) is None:
            raise OAuthError("invalid_token", "invalid token")

    def uninstall(self, org_id: str | None = None) -> None:
        """Revoke every grant of an org, or of all orgs."""
        for grant in self._grants_of(org_id):
            grant.revoked = True

    def expire_access_tokens(self, org_id: str | None = None) -> None:
        now = self._clock.now()
        affected = set(map(id, self._grants_of(org_id)))
        for session in self._sessions.values():
            if id(session.grant) in affected:
                session.expires_at = min(session.expires_at, now)

    def _check_login_policy(self, org_id: str, host: str) -> None:
        if self._flags.login_refusal is not None:
            raise login_error(self._flags.login_refusal)
        if not self._flags.app_installed:
            raise login_error("app_not_found")
        if not can_log_in(self._orgs[org_id], host, my_domain_only=self._flags.my_domain_only):
            raise OAuthError("invalid_grant", "authentication failure")

    def _create_grant(
        self, org_id: str, scopes: tuple[str, ...], login_host: str, *, any_local_host: bool
    ) -> dict[str, object]:
        instance = self._instance(org_id, login_host)
        grant = Grant(
            org_id=org_id,
            scopes=scopes,
            login_host=login_host,
            instance=instance,
            scheme=self.scheme,
            any_local_host=any_local_host,
        )
        self.grants.append(grant)
        response = self._open_session(grant)
        if {"refresh_token", "offline_access"} & set(scopes):
            self._issue_refresh_token(grant)
            response["refresh_token"] = grant.refresh_token
            self._revoke_oldest_grants(org_id)
        if "openid" in scopes:
            response["id_token"] = self._id_token(grant)
        return response

    def _revoke_oldest_grants(self, org_id: str) -> None:
        """Keep the newest grants of the org's user that have a refresh token, as many as Salesforce allows."""
        refreshable = [
            grant
            for grant in self._grants_of(org_id)
            if grant.refresh_token is not None and not grant.revoked
        ]
        for grant in refreshable[: -self._flags.max_grants_per_user]:
            grant.revoked = True

    def _open_session(self, grant: Grant) -> dict[str, object]:
        """Open a session and return its token response, which has no `expires_in`, as at Salesforce."""
        now = self._clock.now()
        value = self.issued.issue("access_token", f"{grant.org_id[:15]}!AQ{secrets.token_urlsafe(48)}._x")
        self._sessions[value] = Session(
            value=value, grant=grant, issued_at=now, expires_at=now + self._flags.session_seconds
        )
        issued_at = str(int(now * 1000))
        signed = hmac.digest(
            self.app.client_secret.encode(), f"{grant.identity_url}{issued_at}".encode(), hashlib.sha256
        )
        return {
            "access_token": value,
            "signature": base64.b64encode(signed).decode(),
            "scope": " ".join(grant.scopes),
            "instance_url": base_url(grant.instance, grant.scheme),
            "id": grant.identity_url,
            "token_type": "Bearer",
            "issued_at": issued_at,
        }

    def _issue_refresh_token(self, grant: Grant) -> None:
        grant.refresh_token = self.issued.issue("refresh_token", "5Aep861" + secrets.token_urlsafe(60))
        self._refresh[grant.refresh_token] = grant

    def _extend(self, session: Session) -> None:
        now, lifetime = self._clock.now(), self._flags.session_seconds
        if session.expires_at - now < lifetime / 2:
            session.expires_at = now + lifetime

    def _instance(self, org_id: str, login_host: str) -> str:
        return instance_host(self._orgs[org_id], login_host, self._flags.instance_number)

    def _grants_of(self, org_id: str | None) -> Iterator[Grant]:
        return (grant for grant in self.grants if org_id is None or grant.org_id == org_id)

    def _id_token(self, grant: Grant) -> str:
        """Return an id token with a random signature, which no key verifies."""
        now = int(self._clock.now())
        claims = {
            "iss": base_url(grant.login_host, grant.scheme),
            "sub": grant.identity_url,
            "aud": self.app.client_id,
        }
        parts = ({"alg": "RS256", "typ": "JWT"}, {**claims, "iat": now, "exp": now + 120})
        encoded = [
            base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts
        ]
        return self.issued.issue("id_token", ".".join([*encoded, secrets.token_urlsafe(64)]))
