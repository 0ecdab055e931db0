"""The authorization server's state: codes, grants, sessions, and how each of them ends."""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from crm_sandbox.clock import SandboxClock
from crm_sandbox.oauth import IssuedSecrets, RegisteredApp, compute_challenge, default_redirect_uris
from crm_sandbox.salesforce.administrator import ADMINISTRATOR
from crm_sandbox.salesforce.errors import OAuthRefusal, login_refused, usual
from crm_sandbox.salesforce.hosts import DEFAULT_LOGIN, base_url, instance_host, is_simulated, may_log_in
from crm_sandbox.salesforce.org import Org
from crm_sandbox.salesforce.switches import Flags
from crm_sandbox.state import Authority

SCOPES = ("api", "refresh_token", "openid", "id", "profile", "email")
DEFAULT_CLIENT_ID = "sandbox-client"
DEFAULT_CLIENT_SECRET = "sandbox-client-secret"  # noqa: S105 - documented, opens nothing real
_EXPIRED_GRANT = "expired access/refresh token"


@dataclass(frozen=True, slots=True, kw_only=True)
class App(RegisteredApp):
    """The external client app. `scopes` are those that it may ask for; asking for none asks for all."""

    client_id: str = DEFAULT_CLIENT_ID
    client_secret: str = field(default=DEFAULT_CLIENT_SECRET, repr=False)
    redirect_uris: tuple[str, ...] = default_redirect_uris("salesforce")
    scopes: tuple[str, ...] = SCOPES

    def authenticate(self, client_id: str | None, client_secret: str | None) -> None:
        if client_id != self.client_id:
            raise OAuthRefusal("invalid_client_id", "client identifier invalid")
        if not self.matches_secret(client_secret):
            raise OAuthRefusal("invalid_client", "invalid client credentials")


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
    """One consent. All tokens that descend from it are one family and end together."""

    org_id: str
    scopes: tuple[str, ...]
    login_host: str
    instance: str
    scheme: str
    anywhere: bool
    """Made without a browser: on a socket it is good at any of the sandbox's names."""
    refresh_token: str | None = field(default=None, repr=False)
    ended: bool = False

    @property
    def identity_url(self) -> str:
        return f"{base_url(self.login_host, self.scheme)}/id/{self.org_id}/{ADMINISTRATOR}"

    def answers_at(self, host: str) -> bool:
        return host == self.instance or (self.anywhere and not is_simulated(host))


@dataclass(slots=True, kw_only=True)
class Session:
    """What an access token opens. Use in the second half of its life extends it, as Salesforce's timeout does."""

    value: str = field(repr=False)
    grant: Grant
    issued_at: float
    expires_at: float


class AuthorizationServer(Authority):
    """Grants and their tokens for every org of a sandbox."""

    def __init__(self, app: App, clock: SandboxClock, flags: Flags, orgs: Mapping[str, Org]) -> None:
        self.app = app
        self.scheme = "http"
        """What a socket is served over."""
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

    def exchange(self, code: str, redirect_uri: str, verifier: str | None, host: str) -> dict[str, object]:
        """Spend a code, whatever comes of it, and answer with the first tokens of a new grant."""
        spent = self._codes.pop(code, None)
        if spent is None:
            raise OAuthRefusal("invalid_grant", "invalid authorization code")
        if self._clock.now() >= spent.expires_at:
            raise OAuthRefusal("invalid_grant", "expired authorization code")
        if redirect_uri != spent.redirect_uri:
            raise OAuthRefusal("redirect_uri_mismatch", "redirect_uri must match configuration")
        if not verifier or compute_challenge(verifier) != spent.challenge:
            raise OAuthRefusal("invalid_grant", "invalid code verifier")
        self._admit(spent.org_id, host)
        return self._granted(spent.org_id, spent.scopes, spent.login_host, anywhere=False)

    def connect(
        self, org_id: str, scopes: tuple[str, ...] | None = None, host: str = DEFAULT_LOGIN
    ) -> dict[str, object]:
        """Make a grant without a browser, of all the app's scopes unless told others; gives a token answer."""
        return self._granted(org_id, self.app.scopes if scopes is None else scopes, host, anywhere=True)

    def refresh(self, refresh_token: str, host: str) -> dict[str, object]:
        """Open a new session. Under rotation a spent refresh token ends its whole family.

        A refusal of the org's own leaves the refresh token unspent.
        """
        grant = self._refresh.get(refresh_token)
        if grant is not None and refresh_token != grant.refresh_token:
            self.replays += 1
            grant.ended = True
        if grant is None or grant.ended:
            raise OAuthRefusal("invalid_grant", _EXPIRED_GRANT)
        self._admit(grant.org_id, host)
        self.refreshes += 1
        grant.instance = self._instance(grant.org_id, grant.login_host)
        answer = self._opened(grant)
        if self._flags.rotate_refresh_tokens:
            self._rotate(grant)
            answer["refresh_token"] = grant.refresh_token
        return answer

    def authenticate(self, value: str | None, host: str) -> Session:
        """Find the living session of a bearer header at this host; 401 otherwise."""
        session = self.living(value)
        if session is None or not session.grant.answers_at(host):
            raise usual(401)
        if "api" not in session.grant.scopes and "full" not in session.grant.scopes:
            raise usual(401)
        self._extend(session)
        return session

    def living(self, value: str | None) -> Session | None:
        session = self._sessions.get(value or "")
        if session is None or session.grant.ended or self._clock.now() >= session.expires_at:
            return None
        return session

    def living_grant(self, refresh_token: str) -> Grant | None:
        grant = self._refresh.get(refresh_token)
        return grant if grant and grant.refresh_token == refresh_token and not grant.ended else None

    def revoke(self, value: str) -> None:
        """End a token: a refresh token with its whole family, an access token alone."""
        grant = self._refresh.get(value)
        if grant is not None:
            grant.ended = True
        elif self._sessions.pop(value, None) is None:
            raise OAuthRefusal("invalid_token", "invalid token")

    def uninstall(self, org_id: str | None = None) -> None:
        """End every grant of an org, or of all orgs."""
        for grant in self._grants_of(org_id):
            grant.ended = True

    def expire_access_tokens(self, org_id: str | None = None) -> None:
        now = self._clock.now()
        mine = set(map(id, self._grants_of(org_id)))
        for session in self._sessions.values():
            if id(session.grant) in mine:
                session.expires_at = min(session.expires_at, now)

    def _admit(self, org_id: str, host: str) -> None:
        if self._flags.login_refusal is not None:
            raise login_refused(self._flags.login_refusal)
        if not self._flags.app_installed:
            raise login_refused("app_not_found")
        if not may_log_in(self._orgs[org_id], host, my_domain_only=self._flags.my_domain_only):
            raise OAuthRefusal("invalid_grant", "authentication failure")

    def _granted(
        self, org_id: str, scopes: tuple[str, ...], login_host: str, *, anywhere: bool
    ) -> dict[str, object]:
        instance = self._instance(org_id, login_host)
        grant = Grant(
            org_id=org_id,
            scopes=scopes,
            login_host=login_host,
            instance=instance,
            scheme=self.scheme,
            anywhere=anywhere,
        )
        self.grants.append(grant)
        answer = self._opened(grant)
        if {"refresh_token", "offline_access"} & set(scopes):
            self._rotate(grant)
            answer["refresh_token"] = grant.refresh_token
        if "openid" in scopes:
            answer["id_token"] = self._id_token(grant)
        return answer

    def _opened(self, grant: Grant) -> dict[str, object]:
        """Open a session; there is no `expires_in` in the answer, as there is none at Salesforce."""
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

    def _rotate(self, grant: Grant) -> None:
        grant.refresh_token = self.issued.issue("refresh_token", "5Aep861" + secrets.token_urlsafe(60))
        self._refresh[grant.refresh_token] = grant

    def _extend(self, session: Session) -> None:
        now, life = self._clock.now(), self._flags.session_seconds
        if session.expires_at - now < life / 2:
            session.expires_at = now + life

    def _instance(self, org_id: str, login_host: str) -> str:
        return instance_host(self._orgs[org_id], login_host, self._flags.instance_number)

    def _grants_of(self, org_id: str | None) -> Iterator[Grant]:
        return (grant for grant in self.grants if org_id is None or grant.org_id == org_id)

    def _id_token(self, grant: Grant) -> str:
        """Return a token in the shape of a signed one; its signature is nobody's."""
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
