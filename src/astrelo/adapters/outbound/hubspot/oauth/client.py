"""HubSpot's OAuth: the authorize URL, and the dated token endpoints with everything in the body.

Every call is sent once. A refresh whose response was lost may have been carried out, and a code or a
single-use refresh token that is sent twice can cost the customer the whole grant.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Annotated, TypeVar
from urllib.parse import quote, urlencode

import msgspec
import structlog

from astrelo.adapters.outbound.crm import decoding, http, oauth
from astrelo.adapters.outbound.hubspot.config import HUBSPOT_API_DATE, REQUIRED_SCOPES, HubSpotConfig
from astrelo.adapters.outbound.hubspot.oauth.errors import classify_refusal
from astrelo.adapters.outbound.hubspot.record_urls import app_url
from astrelo.domain import errors
from astrelo.domain.connection import AuthorizationRequest, CrmAccount, Grant, TokenSet
from astrelo.domain.identifiers import CrmAccountId, Provider
from astrelo.domain.normalization import currency, text, truncate_text
from astrelo.domain.ports.crm import TokensIssued
from astrelo.domain.ports.system import Clock

Number = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Scope = Annotated[str, msgspec.Meta(pattern=r"\A[\x21-\x7e]+\Z", max_length=200)]


class TokenResponse(msgspec.Struct, frozen=True):
    """`refresh_token` is promised, but RFC 6749 §6 lets a refresh leave it out: then the old one stays."""

    access_token: oauth.Token
    expires_in: Annotated[int, msgspec.Meta(gt=0, le=10**9)]
    refresh_token: oauth.Token | None = None
    hub_id: Number | None = None
    scopes: list[Scope] | None = None

    def __repr__(self) -> str:
        return f"TokenResponse(hub_id={self.hub_id})"


class Introspection(msgspec.Struct, frozen=True):
    active: bool = False
    hub_id: Number | None = None
    hub_domain: str | None = None
    user: str | None = None
    """The e-mail address of the user who connected."""
    scopes: list[Scope] | None = None


class AccountDetails(msgspec.Struct, frozen=True, rename="camel"):
    portal_id: Number
    portal_name: str | None = None
    time_zone: str | None = None
    company_currency: str | None = None
    ui_domain: str | None = None


T = TypeVar("T")
_log = structlog.get_logger(__name__)

INTROSPECTION_SECONDS = 3.0
"""How long to wait for the name of the user who connected. Without it a page lacks a name, no more."""

_TOKENS = msgspec.json.Decoder(TokenResponse).decode
"""Strict: a repaired token would be another one."""
_INTROSPECTION = msgspec.json.Decoder(Introspection).decode
_DETAILS = decoding.TolerantDecoder(AccountDetails, Provider.HUBSPOT)


class HubSpotOAuth:
    def __init__(self, config: HubSpotConfig, http_client: http.HttpClient, clock: Clock) -> None:
        self._config = config
        self._http_client = http_client
        self._clock = clock
        self._oauth = f"{config.api_base}/oauth/{HUBSPOT_API_DATE}"
        self._details = f"{config.api_base}/account-info/{HUBSPOT_API_DATE}/details"

    def authorization_url(self, request: AuthorizationRequest) -> str:
        if request.login_host is not None:
            raise errors.InvalidInput("login_host", "HubSpot has one place to sign in; leave it out")
        query = urlencode(
            {
                "client_id": self._config.client_id,
                "redirect_uri": self._config.redirect_uri,
                "scope": " ".join(REQUIRED_SCOPES),
                "state": request.state,
                "response_type": "code",
                "code_challenge": request.code_challenge,
                "code_challenge_method": "S256",
            },
            quote_via=quote,
        )
        return f"{self._config.authorize_base}/oauth/authorize?{query}"

    async def exchange(self, code: str, code_verifier: str, issued: TokensIssued | None = None) -> Grant:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._config.redirect_uri,
            "code_verifier": code_verifier,
        }
        async with oauth.with_timeout(Provider.HUBSPOT):
            response = await self._post("/token", form)
            oauth.report_issued(response, issued)
            token = self._decode(response, _TOKENS, errors.GrantRejected)
            if token.refresh_token is None:
                raise errors.CrmRejected(Provider.HUBSPOT, 200, "a token response without a refresh token")
            introspection = await self._identify(token)
            account_id, scopes = _account_and_scopes(token, introspection)
            headers = {"Authorization": f"Bearer {token.access_token}", "Accept": "application/json"}
            response = await self._http_client.send("GET", self._details, headers)
            details = self._decode(response, _DETAILS, errors.GrantRejected)
        if str(details.portal_id) != account_id:
            raise errors.CrmRejected(
                Provider.HUBSPOT, 200, f"the token is for account {account_id}, its details are another's"
            )
        tokens = self._token_set(token, token.refresh_token, scopes)
        connected_by = truncate_text(introspection.user, oauth.MAX_USER_NAME_LENGTH)
        name = truncate_text(details.portal_name, oauth.MAX_ACCOUNT_NAME_LENGTH)
        account = CrmAccount(
            account_id=CrmAccountId(account_id),
            name=name or f"HubSpot account {account_id}",
            currency=currency(details.company_currency),
            time_zone=text(details.time_zone),
            domain=truncate_text(introspection.hub_domain, oauth.MAX_DOMAIN_LENGTH),
            app_url=app_url(details.ui_domain),
        )
        return Grant(tokens=tokens, account=account, connected_by=connected_by)

    async def refresh(self, tokens: TokenSet) -> TokenSet:
        form = {"grant_type": "refresh_token", "refresh_token": tokens.refresh_token}
        async with oauth.with_timeout(Provider.HUBSPOT):
            response = await self._post("/token", form)
        token = self._decode(response, _TOKENS, errors.ReauthorizationRequired)
        scopes = tokens.scopes if token.scopes is None else frozenset(token.scopes)
        return self._token_set(token, token.refresh_token or tokens.refresh_token, scopes)

    async def revoke(self, tokens: TokenSet) -> None:
        token_type = "refresh_token" if tokens.refresh_token else "access_token"
        form = {"token": oauth.token_to_revoke(tokens), "token_type_hint": token_type}
        async with oauth.with_timeout(Provider.HUBSPOT):
            response = await self._post("/token/revoke", form)
        if response.status not in oauth.SUCCESS:
            refusal = classify_refusal(response, errors.ReauthorizationRequired, self._clock.now())
            if not isinstance(refusal, errors.ReauthorizationRequired):
                raise refusal

    async def _identify(self, token: TokenResponse) -> Introspection:
        """Introspect the token: no other endpoint returns the user who connected.

        Where the token response names account and scopes itself, a failure is ignored.
        """
        if token.hub_id is None or token.scopes is None:
            return await self._introspect(token.access_token)
        try:
            async with asyncio.timeout(INTROSPECTION_SECONDS):
                return await self._introspect(token.access_token)
        except (errors.CrmError, TimeoutError) as error:
            _log.warning("crm.connecting_user_unknown", provider=Provider.HUBSPOT.value, reason=str(error))
            return Introspection()

    async def _introspect(self, access_token: str) -> Introspection:
        form = {"token": access_token, "token_type_hint": "access_token"}
        return self._decode(await self._post("/token/introspect", form), _INTROSPECTION, errors.GrantRejected)

    def _token_set(self, token: TokenResponse, refresh_token: str, scopes: frozenset[str]) -> TokenSet:
        return TokenSet(
            access_token=token.access_token,
            refresh_token=refresh_token,
            expires_at=self._clock.now() + timedelta(seconds=token.expires_in),
            scopes=scopes,
        )

    async def _post(self, path: str, form: Mapping[str, str]) -> http.HttpResponse:
        credentials = {"client_id": self._config.client_id, "client_secret": self._config.client_secret}
        body = urlencode({**form, **credentials}).encode()
        return await self._http_client.send("POST", self._oauth + path, oauth.FORM, body)

    def _decode(self, response: http.HttpResponse, decode: Callable[[bytes], T], gone: oauth.GoneError) -> T:
        if response.status not in oauth.SUCCESS:
            raise classify_refusal(response, gone, self._clock.now())
        return oauth.decode_response(response, decode, Provider.HUBSPOT)


def _account_and_scopes(token: TokenResponse, introspection: Introspection) -> tuple[str, frozenset[str]]:
    """Return account id and scopes: both are optional in a token response."""
    hub_id = introspection.hub_id if token.hub_id is None else token.hub_id
    scopes = introspection.scopes if token.scopes is None else token.scopes
    if hub_id is None or scopes is None:
        raise errors.CrmRejected(
            Provider.HUBSPOT, 200, "neither token nor introspection name account and scopes"
        )
    return str(hub_id), frozenset(scopes)
