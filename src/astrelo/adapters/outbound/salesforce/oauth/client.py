"""Salesforce's OAuth: the web server flow with PKCE and the client's secret, at the host where the user signs in.

Every call here is made once: where refresh tokens rotate, one that is sent twice ends the whole grant. No answer
sends us to a host that is not Salesforce's, and redirects are not followed.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar
from urllib.parse import quote, urlencode

import msgspec
import structlog

from astrelo.adapters.outbound.crm.http import HttpClient, Reply
from astrelo.adapters.outbound.crm.oauth import (
    FORM,
    SUCCESS,
    GoneError,
    decode_reply,
    revocable,
    tell_issued,
    with_timeout,
)
from astrelo.adapters.outbound.salesforce.config import REQUIRED_SCOPES, SalesforceConfig
from astrelo.adapters.outbound.salesforce.oauth.errors import error_body, refusal
from astrelo.adapters.outbound.salesforce.oauth.hosts import SalesforceHosts
from astrelo.adapters.outbound.salesforce.oauth.organization import OpenedOrg, OrganizationReader, unnamed
from astrelo.adapters.outbound.salesforce.oauth.wire import Introspection, TokenResponse
from astrelo.domain.connection import REFRESH_MARGIN, AuthorizationRequest, Grant, TokenSet
from astrelo.domain.errors import (
    CrmError,
    CrmMisconfigured,
    CrmRejected,
    GrantRejected,
    ReauthorizationRequired,
)
from astrelo.domain.identifiers import Provider
from astrelo.domain.ports.crm import TokensIssued
from astrelo.domain.ports.system import Clock

T = TypeVar("T")

INTROSPECTION_SECONDS = 3.0
"""How long we wait to hear when a token ends. Not to know it costs a refused request, later."""

_TOKENS = msgspec.json.Decoder(TokenResponse).decode
_INTROSPECTION = msgspec.json.Decoder(Introspection).decode
_IMPLIED = {"full": ("api", "openid", "id", "profile", "email", "web"), "offline_access": ("refresh_token",)}
"""Scopes that stand for others ("OAuth Tokens and Scopes" in Salesforce Help); full is all but refresh_token."""

_NOTHING_TO_REVOKE = "unsupported_token_type"
"""How the revocation endpoint, too, may call what is no token, or none any more."""

_log = structlog.get_logger(__name__)


class SalesforceOAuth:
    def __init__(self, config: SalesforceConfig, http_client: HttpClient, clock: Clock) -> None:
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
        async with with_timeout(Provider.SALESFORCE):
            reply = await self._post(issuer, "token", form)
            tell_issued(reply, issued, issuer)
            response = self._decoded(reply, _TOKENS, GrantRejected)
            if response.refresh_token is None:
                reason = (
                    "its token response has no refresh token; our app must be allowed the scope refresh_token"
                )
                raise CrmMisconfigured(Provider.SALESFORCE, reason)
            tokens = _token_set(response, response.refresh_token, issuer, self._api_url(response))
            tokens = await self._described(tokens, is_scope_told=bool(response.scope))
            org = await self._opened(response, tokens)
        return Grant(tokens=tokens, account=org.account, connected_by=org.username)

    async def refresh(self, tokens: TokenSet) -> TokenSet:
        """Renew where the tokens came from, and ask for nothing else: until they are stored, they are here alone.

        Without rotation the old refresh token stays.
        """
        issuer = self._issuer(tokens)
        form = {"grant_type": "refresh_token", "refresh_token": tokens.refresh_token}
        async with with_timeout(Provider.SALESFORCE):
            reply = await self._post(issuer, "token", form)
        response = self._decoded(reply, _TOKENS, ReauthorizationRequired)
        api_url = self._renewed_api_url(response, tokens)
        refresh_token = response.refresh_token or tokens.refresh_token
        return _token_set(response, refresh_token, issuer, api_url, tokens.scopes)

    async def fetch_expiry(self, tokens: TokenSet) -> datetime | None:
        return self._end_of(await self._introspected(tokens))

    async def can_refresh(self, tokens: TokenSet) -> bool:
        form = {"token": tokens.refresh_token, "token_type_hint": "refresh_token"}
        async with with_timeout(Provider.SALESFORCE):
            reply = await self._post(self._issuer(tokens), "introspect", form)
        try:
            return self._decoded(reply, _INTROSPECTION, ReauthorizationRequired).active
        except ReauthorizationRequired:
            return False

    async def revoke(self, tokens: TokenSet) -> None:
        """End the refresh token, and with it every access token that came of it."""
        body = urlencode({"token": revocable(tokens)}).encode()
        url = f"{self._issuer(tokens)}/services/oauth2/revoke"
        async with with_timeout(Provider.SALESFORCE):
            reply = await self._http_client.send("POST", url, FORM, body)
        if reply.status in SUCCESS or error_body(reply).error == _NOTHING_TO_REVOKE:
            return
        refused = refusal(reply, ReauthorizationRequired, self._clock.now())
        if not isinstance(refused, ReauthorizationRequired):
            raise refused

    async def _opened(self, response: TokenResponse, tokens: TokenSet) -> OpenedOrg:
        organization = self._hosts.organization(response.id)
        if organization is None or tokens.api_url is None:
            raise CrmRejected(
                Provider.SALESFORCE, 200, "a token response whose `id` is no identity of Salesforce's"
            )
        if not tokens.scopes.issuperset(REQUIRED_SCOPES):
            # Of no use, and refused for that by whoever asked; what lacks could be what reading the org needs.
            return OpenedOrg(unnamed(organization))
        reader = OrganizationReader(self._http_client, tokens.api_url, tokens.access_token, self._clock.now())
        return await reader.opened(organization)

    async def _described(self, tokens: TokenSet, *, is_scope_told: bool) -> TokenSet:
        told = await self._introspected(tokens)
        if told is None:
            return tokens
        scopes = tokens.scopes if is_scope_told or not told.scope else _expanded(told.scope)
        return replace(tokens, expires_at=self._end_of(told), scopes=scopes)

    async def _introspected(self, tokens: TokenSet) -> Introspection | None:
        """Return what is told of an access token, and None whatever goes wrong: nothing must fail over it."""
        form = {"token": tokens.access_token, "token_type_hint": "access_token"}
        try:
            async with asyncio.timeout(INTROSPECTION_SECONDS):
                reply = await self._post(self._issuer(tokens), "introspect", form)
            return self._decoded(reply, _INTROSPECTION, ReauthorizationRequired)
        except (CrmError, TimeoutError) as error:
            _log.warning("crm.token_life_unknown", provider=Provider.SALESFORCE.value, reason=str(error))
            return None

    def _end_of(self, told: Introspection | None) -> datetime | None:
        """Read the end of a life; None if it is nearly over: such a token would be renewed at every use."""
        if told is None or not told.active or told.exp is None:
            return None
        try:
            end = datetime.fromtimestamp(told.exp, UTC)
        except (OverflowError, ValueError, OSError):
            return None
        return end if end - self._clock.now() > REFRESH_MARGIN else None

    def _api_url(self, response: TokenResponse) -> str:
        origin = self._hosts.origin(response.instance_url)
        if origin is None:
            raise CrmRejected(
                Provider.SALESFORCE, 200, "a token response whose `instance_url` is no host of Salesforce's"
            )
        return origin

    def _renewed_api_url(self, response: TokenResponse, old: TokenSet) -> str:
        """Stay at the known host where another is told that cannot be one: the old refresh token is used up."""
        known = self._hosts.origin(old.api_url)
        if known is None:
            return self._api_url(response)
        told = self._hosts.origin(response.instance_url)
        if told is None and response.instance_url is not None:
            _log.warning("crm.api_url_not_believed", provider=Provider.SALESFORCE.value, kept=known)
        return told or known

    def _issuer(self, tokens: TokenSet) -> str:
        if tokens.issuer_url is None:
            return self._hosts.login_origin(None)
        origin = self._hosts.origin(tokens.issuer_url)
        if origin is None:
            raise CrmRejected(Provider.SALESFORCE, None, "the stored address of its login host is none")
        return origin

    async def _post(self, issuer: str, endpoint: str, form: Mapping[str, str]) -> Reply:
        credentials = {"client_id": self._config.client_id, "client_secret": self._config.client_secret}
        body = urlencode({**form, **credentials}).encode()
        return await self._http_client.send("POST", f"{issuer}/services/oauth2/{endpoint}", FORM, body)

    def _decoded(self, reply: Reply, decode: Callable[[bytes], T], gone: GoneError) -> T:
        if reply.status not in SUCCESS or reply.is_html:
            raise refusal(reply, gone, self._clock.now())
        return decode_reply(reply, decode, Provider.SALESFORCE)


def _token_set(
    response: TokenResponse,
    refresh_token: str,
    issuer: str,
    api_url: str,
    known: frozenset[str] = frozenset(REQUIRED_SCOPES),
) -> TokenSet:
    """Make of an answer what it says. `known` are the scopes if it tells none (RFC 6749 §5.1, §6)."""
    return TokenSet(
        access_token=response.access_token,
        refresh_token=refresh_token,
        expires_at=None,
        scopes=_expanded(response.scope) if response.scope else known,
        api_url=api_url,
        issuer_url=issuer,
    )


def _expanded(scope: str) -> frozenset[str]:
    told = scope.split()
    return frozenset(told).union(*(_IMPLIED.get(name, ()) for name in told))
