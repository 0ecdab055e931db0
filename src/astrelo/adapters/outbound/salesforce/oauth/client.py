"""Salesforce's OAuth: the web server flow with PKCE and the client's secret, at the host where the user signs in.

Every call is sent once: where refresh tokens rotate, one that is sent twice ends the whole grant. No response
can lead to a host that is not Salesforce's, and redirects are not followed.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, TypeVar
from urllib.parse import quote, urlencode

import msgspec
import structlog

from astrelo.adapters.outbound.crm import decoding, http, oauth
from astrelo.adapters.outbound.salesforce.config import REQUIRED_SCOPES, SalesforceConfig
from astrelo.adapters.outbound.salesforce.oauth.errors import OAuthErrorBody, classify_refusal
from astrelo.adapters.outbound.salesforce.oauth.hosts import SalesforceHosts
from astrelo.adapters.outbound.salesforce.oauth.organization import (
    GrantedOrg,
    OrganizationReader,
    unnamed_account,
)
from astrelo.domain import errors
from astrelo.domain.connection import REFRESH_MARGIN, AuthorizationRequest, Grant, TokenSet
from astrelo.domain.identifiers import Provider
from astrelo.domain.ports.crm import TokensIssued
from astrelo.domain.ports.system import Clock

Scopes = Annotated[str, msgspec.Meta(pattern=r"\A[\x20-\x7e]*\Z", max_length=2_000)]
"""Separated by blanks."""


class TokenResponse(msgspec.Struct, frozen=True):
    """There is no `expires_in`. A refresh returns `refresh_token` only where refresh tokens rotate."""

    access_token: oauth.Token
    refresh_token: oauth.Token | None = None
    instance_url: str | None = None
    id: str | None = None
    """The identity URL."""
    scope: Scopes | None = None

    def __repr__(self) -> str:
        return f"TokenResponse(instance_url={self.instance_url!r})"


class Introspection(msgspec.Struct, frozen=True):
    active: bool
    scope: Scopes | None = None
    exp: int | None = None
    """Seconds since the epoch."""


T = TypeVar("T")

INTROSPECTION_SECONDS = 3.0
"""How long to wait for a token's expiry. Without it a later request is refused, no more."""

_TOKENS = msgspec.json.Decoder(TokenResponse).decode
_INTROSPECTION = msgspec.json.Decoder(Introspection).decode
_IMPLIED = {"full": ("api", "openid", "id", "profile", "email", "web"), "offline_access": ("refresh_token",)}
"""Scopes that include others ("OAuth Tokens and Scopes" in Salesforce Help); full is all but refresh_token."""

_NOTHING_TO_REVOKE = "unsupported_token_type"
"""The revocation endpoint may send this too for a token that is unknown or not valid any more."""

_log = structlog.get_logger(__name__)


class SalesforceOAuth:
    def __init__(self, config: SalesforceConfig, http_client: http.HttpClient, clock: Clock) -> None:
        """Raise InvalidInput for a configured login URL that is no login host of Salesforce's."""
        self._config = config
        self._http_client = http_client
        self._clock = clock
        self._hosts = SalesforceHosts(config.login_url)

    def authorization_url(self, request: AuthorizationRequest) -> str:
        query = urlencode(
            {
                "response_type": "code",
                "client_id": self._config.client_id,
                "redirect_uri": self._config.redirect_uri,
                "scope": " ".join(REQUIRED_SCOPES),
                "state": request.state,
                "code_challenge": request.code_challenge,
                "code_challenge_method": "S256",
            },
            quote_via=quote,
        )
        return f"{self._hosts.login_origin(request.login_host)}/services/oauth2/authorize?{query}"

    async def exchange(
        self, code: str, code_verifier: str, login_host: str | None, issued: TokensIssued | None = None
    ) -> Grant:
        """Raise InvalidInput for a login host that `authorization_url` would have refused."""
        issuer = self._hosts.login_origin(login_host)
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._config.redirect_uri,
            "code_verifier": code_verifier,
        }
        async with oauth.with_timeout(Provider.SALESFORCE):
            response = await self._post(issuer, "token", form)
            oauth.report_issued(response, issued, issuer)
            token = self._decode(response, _TOKENS, errors.GrantRejected)
            if token.refresh_token is None:
                reason = (
                    "its token response has no refresh token; our app must be allowed the scope refresh_token"
                )
                raise errors.CrmMisconfigured(Provider.SALESFORCE, reason)
            tokens = _token_set(token, token.refresh_token, issuer, self._require_api_url(token))
            introspection = await self._introspect(tokens)
            if introspection is not None:
                scopes = tokens.scopes
                if introspection.scope and not token.scope:
                    scopes = _expand_scopes(introspection.scope)
                tokens = replace(tokens, expires_at=self._expiry(introspection), scopes=scopes)
            org = await self._read_organization(token, tokens)
        return Grant(tokens=tokens, account=org.account, connected_by=org.username)

    async def refresh(self, tokens: TokenSet) -> TokenSet:
        """Renew at the issuer of the tokens, and request nothing else: only this process holds the new ones.

        Without rotation the old refresh token stays.
        """
        issuer = self._issuer(tokens)
        form = {"grant_type": "refresh_token", "refresh_token": tokens.refresh_token}
        async with oauth.with_timeout(Provider.SALESFORCE):
            response = await self._post(issuer, "token", form)
        token = self._decode(response, _TOKENS, errors.ReauthorizationRequired)
        api_url = self._renewed_api_url(token, tokens)
        return _token_set(token, token.refresh_token or tokens.refresh_token, issuer, api_url, tokens.scopes)

    async def fetch_expiry(self, tokens: TokenSet) -> datetime | None:
        return self._expiry(await self._introspect(tokens))

    async def can_refresh(self, tokens: TokenSet) -> bool:
        form = {"token": tokens.refresh_token, "token_type_hint": "refresh_token"}
        async with oauth.with_timeout(Provider.SALESFORCE):
            response = await self._post(self._issuer(tokens), "introspect", form)
        try:
            return self._decode(response, _INTROSPECTION, errors.ReauthorizationRequired).active
        except errors.ReauthorizationRequired:
            return False

    async def revoke(self, tokens: TokenSet) -> None:
        """End the refresh token, and with it every access token that came from it."""
        body = urlencode({"token": oauth.token_to_revoke(tokens)}).encode()
        url = f"{self._issuer(tokens)}/services/oauth2/revoke"
        async with oauth.with_timeout(Provider.SALESFORCE):
            response = await self._http_client.send("POST", url, oauth.FORM, body)
        error = decoding.decode_error(response.body, OAuthErrorBody).error
        if response.status in oauth.SUCCESS or error == _NOTHING_TO_REVOKE:
            return
        refusal = classify_refusal(response, errors.ReauthorizationRequired, self._clock.now())
        if not isinstance(refusal, errors.ReauthorizationRequired):
            raise refusal

    async def _read_organization(self, token: TokenResponse, tokens: TokenSet) -> GrantedOrg:
        organization_id = self._hosts.organization(token.id)
        if organization_id is None or tokens.api_url is None:
            raise errors.CrmRejected(
                Provider.SALESFORCE, 200, "a token response whose `id` is no identity of Salesforce's"
            )
        if not tokens.scopes.issuperset(REQUIRED_SCOPES):
            # The caller refuses such a grant; a missing scope could be the one that reading the org needs.
            return GrantedOrg(unnamed_account(organization_id))
        reader = OrganizationReader(self._http_client, tokens.api_url, tokens.access_token, self._clock.now())
        return await reader.read(organization_id)

    async def _introspect(self, tokens: TokenSet) -> Introspection | None:
        """Introspect the access token; return None on any error, so that no operation fails because of it."""
        form = {"token": tokens.access_token, "token_type_hint": "access_token"}
        try:
            async with asyncio.timeout(INTROSPECTION_SECONDS):
                response = await self._post(self._issuer(tokens), "introspect", form)
            return self._decode(response, _INTROSPECTION, errors.ReauthorizationRequired)
        except (errors.CrmError, TimeoutError) as error:
            _log.warning("crm.token_life_unknown", provider=Provider.SALESFORCE.value, reason=str(error))
            return None

    def _expiry(self, introspection: Introspection | None) -> datetime | None:
        """Return when a token expires; None if that is near: such a token would be renewed at every use."""
        if introspection is None or not introspection.active or introspection.exp is None:
            return None
        try:
            expiry = datetime.fromtimestamp(introspection.exp, UTC)
        except (OverflowError, ValueError, OSError):
            return None
        return expiry if expiry - self._clock.now() > REFRESH_MARGIN else None

    def _require_api_url(self, token: TokenResponse) -> str:
        origin = self._hosts.origin(token.instance_url)
        if origin is None:
            raise errors.CrmRejected(
                Provider.SALESFORCE, 200, "a token response whose `instance_url` is no host of Salesforce's"
            )
        return origin

    def _renewed_api_url(self, token: TokenResponse, old: TokenSet) -> str:
        """Keep the known host where an untrusted one is sent: raising would lose the new refresh token."""
        known = self._hosts.origin(old.api_url)
        if known is None:
            return self._require_api_url(token)
        renewed = self._hosts.origin(token.instance_url)
        if renewed is None and token.instance_url is not None:
            _log.warning("crm.api_url_not_believed", provider=Provider.SALESFORCE.value, kept=known)
        return renewed or known

    def _issuer(self, tokens: TokenSet) -> str:
        if tokens.issuer_url is None:
            return self._hosts.login_origin(None)
        origin = self._hosts.origin(tokens.issuer_url)
        if origin is None:
            raise errors.CrmRejected(
                Provider.SALESFORCE, None, "the stored address of its login host is none"
            )
        return origin

    async def _post(self, issuer: str, endpoint: str, form: Mapping[str, str]) -> http.HttpResponse:
        credentials = {"client_id": self._config.client_id, "client_secret": self._config.client_secret}
        body = urlencode({**form, **credentials}).encode()
        return await self._http_client.send("POST", f"{issuer}/services/oauth2/{endpoint}", oauth.FORM, body)

    def _decode(self, response: http.HttpResponse, decode: Callable[[bytes], T], gone: oauth.GoneError) -> T:
        if response.status not in oauth.SUCCESS or response.is_html:
            raise classify_refusal(response, gone, self._clock.now())
        return oauth.decode_response(response, decode, Provider.SALESFORCE)


def _token_set(
    token: TokenResponse,
    refresh_token: str,
    issuer: str,
    api_url: str,
    known: frozenset[str] = frozenset(REQUIRED_SCOPES),
) -> TokenSet:
    """Convert a token response. `known` are the scopes if it names none (RFC 6749 §5.1, §6)."""
    return TokenSet(
        access_token=token.access_token,
        refresh_token=refresh_token,
        expires_at=None,
        scopes=_expand_scopes(token.scope) if token.scope else known,
        api_url=api_url,
        issuer_url=issuer,
    )


def _expand_scopes(scope: str) -> frozenset[str]:
    """Return the scopes of a response, with those that they include."""
    scopes = scope.split()
    return frozenset(scopes).union(*(_IMPLIED.get(name, ()) for name in scopes))
