"""HubSpot's OAuth: the authorize URL, and the dated token endpoints with everything in the body.

Every call here is made once. A refresh whose answer was lost may have been acted on, and a code or a
single-use refresh token that is sent twice can cost the customer the whole grant.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TypeVar
from urllib.parse import quote, urlencode

import msgspec
import structlog

from astrelo.adapters.outbound.crm.decoding import UNREADABLE, TolerantDecoder
from astrelo.adapters.outbound.crm.http import HttpClient, Reply
from astrelo.adapters.outbound.crm.oauth import (
    FORM,
    MAX_ACCOUNT_NAME_LENGTH,
    MAX_DOMAIN_LENGTH,
    MAX_USER_NAME_LENGTH,
    SUCCESS,
    GoneError,
    decode_reply,
    error_word,
    revocable,
    tell_issued,
    transient,
    with_timeout,
)
from astrelo.adapters.outbound.hubspot.api.wire import (
    AccountDetails,
    Introspection,
    OAuthErrorBody,
    TokenResponse,
)
from astrelo.adapters.outbound.hubspot.config import HUBSPOT_API_DATE, REQUIRED_SCOPES, HubSpotConfig
from astrelo.domain.connection import AuthorizationRequest, CrmAccount, Grant, TokenSet
from astrelo.domain.errors import (
    CrmError,
    CrmMisconfigured,
    CrmRejected,
    GrantRejected,
    InvalidInput,
    ReauthorizationRequired,
)
from astrelo.domain.identifiers import CrmAccountId, Provider
from astrelo.domain.normalization import currency, text, truncate_text
from astrelo.domain.ports.crm import TokensIssued
from astrelo.domain.ports.system import Clock

T = TypeVar("T")
_log = structlog.get_logger(__name__)

INTROSPECTION_SECONDS = 3.0
"""How long we wait to hear who connected. Not to know it costs a name on a page."""

_TOKENS = msgspec.json.Decoder(TokenResponse).decode
_INTROSPECTION = msgspec.json.Decoder(Introspection).decode
_DETAILS = TolerantDecoder(
    AccountDetails, Provider.HUBSPOT
)  # mends the account's name; a token that was mended would be another one
_GRANT_GONE = frozenset(
    {"BAD_REFRESH_TOKEN", "BAD_AUTH_CODE", "EXPIRED_AUTH_CODE", "BAD_CODE_VERIFIER", "BAD_HUB"}
)
_OURS_TO_MEND = frozenset(
    {
        "BAD_CLIENT_ID",
        "BAD_CLIENT_SECRET",
        "BAD_REDIRECT_URI",
        "MISMATCH_REDIRECT_URI_AUTH_CODE",
        "BAD_SCOPES",
    }
)
_GRANT_GONE_ERRORS = frozenset({"invalid_grant", "access_denied"})
_OURS_TO_MEND_ERRORS = frozenset({"invalid_client", "unauthorized_client", "invalid_scope"})


class HubSpotOAuth:
    def __init__(self, config: HubSpotConfig, http_client: HttpClient, clock: Clock) -> None:
        self._config = config
        self._http_client = http_client
        self._clock = clock
        self._oauth = f"{config.api_base}/oauth/{HUBSPOT_API_DATE}"
        self._details = f"{config.api_base}/account-info/{HUBSPOT_API_DATE}/details"

    def authorization_url(self, request: AuthorizationRequest) -> str:
        if request.login_host is not None:
            raise InvalidInput("login_host", "HubSpot has one place to sign in; leave it out")
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
        async with with_timeout(Provider.HUBSPOT):
            reply = await self._post("/token", form)
            tell_issued(reply, issued)
            response = self._decoded(reply, _TOKENS, GrantRejected)
            if response.refresh_token is None:
                raise CrmRejected(Provider.HUBSPOT, 200, "a token response without a refresh token")
            told = await self._identity(response)
            account_id, scopes = _required_identity(response, told)
            details = await self._account(response.access_token)
        if str(details.portal_id) != account_id:
            raise CrmRejected(
                Provider.HUBSPOT, 200, f"the token is for account {account_id}, its details are another's"
            )
        tokens = self._token_set(response, response.refresh_token, scopes)
        connected_by = truncate_text(told.user, MAX_USER_NAME_LENGTH)
        return Grant(tokens=tokens, account=_account(details, told.hub_domain), connected_by=connected_by)

    async def refresh(self, tokens: TokenSet) -> TokenSet:
        form = {"grant_type": "refresh_token", "refresh_token": tokens.refresh_token}
        async with with_timeout(Provider.HUBSPOT):
            reply = await self._post("/token", form)
        response = self._decoded(reply, _TOKENS, ReauthorizationRequired)
        scopes = tokens.scopes if response.scopes is None else frozenset(response.scopes)
        return self._token_set(response, response.refresh_token or tokens.refresh_token, scopes)

    async def revoke(self, tokens: TokenSet) -> None:
        token_type = "refresh_token" if tokens.refresh_token else "access_token"
        form = {"token": revocable(tokens), "token_type_hint": token_type}
        async with with_timeout(Provider.HUBSPOT):
            reply = await self._post("/token/revoke", form)
        if reply.status not in SUCCESS:
            refusal = self._refusal(reply, ReauthorizationRequired)
            if not isinstance(refusal, ReauthorizationRequired):
                raise refusal

    async def _identity(self, response: TokenResponse) -> Introspection:
        """Ask whose token it is: nothing else tells who connected.

        Where the token response tells the account and the scopes itself, it is no matter if this fails.
        """
        if response.hub_id is None or response.scopes is None:
            return await self._introspected(response.access_token)
        try:
            async with asyncio.timeout(INTROSPECTION_SECONDS):
                return await self._introspected(response.access_token)
        except (CrmError, TimeoutError) as error:
            _log.warning("crm.connecting_user_unknown", provider=Provider.HUBSPOT.value, reason=str(error))
            return Introspection()

    async def _introspected(self, access_token: str) -> Introspection:
        form = {"token": access_token, "token_type_hint": "access_token"}
        return self._decoded(await self._post("/token/introspect", form), _INTROSPECTION, GrantRejected)

    async def _account(self, access_token: str) -> AccountDetails:
        headers = {"Authorization": f"Bearer {access_token}", "Accept": "application/json"}
        return self._decoded(
            await self._http_client.send("GET", self._details, headers), _DETAILS, GrantRejected
        )

    def _token_set(self, response: TokenResponse, refresh_token: str, scopes: frozenset[str]) -> TokenSet:
        return TokenSet(
            access_token=response.access_token,
            refresh_token=refresh_token,
            expires_at=self._clock.now() + timedelta(seconds=response.expires_in),
            scopes=scopes,
        )

    async def _post(self, path: str, form: Mapping[str, str]) -> Reply:
        credentials = {"client_id": self._config.client_id, "client_secret": self._config.client_secret}
        body = urlencode({**form, **credentials}).encode()
        return await self._http_client.send("POST", self._oauth + path, FORM, body)

    def _decoded(self, reply: Reply, decode: Callable[[bytes], T], gone: GoneError) -> T:
        if reply.status not in SUCCESS:
            raise self._refusal(reply, gone)
        return decode_reply(reply, decode, Provider.HUBSPOT)

    def _refusal(self, reply: Reply, gone: GoneError) -> CrmError:
        """Classify by HubSpot's `status`, then by OAuth's `error`, then by the HTTP status."""
        body = _error_body(reply)
        reason = error_word(body.status) or error_word(body.error) or f"HTTP {reply.status}"
        if passing := transient(reply, self._clock.now(), Provider.HUBSPOT):
            return passing
        if body.status in _OURS_TO_MEND:
            return CrmMisconfigured(Provider.HUBSPOT, reason)
        if body.status in _GRANT_GONE:
            return gone(Provider.HUBSPOT, reason)
        if body.error in _OURS_TO_MEND_ERRORS:
            return CrmMisconfigured(Provider.HUBSPOT, reason)
        if body.error in _GRANT_GONE_ERRORS:
            return gone(Provider.HUBSPOT, reason)
        return CrmRejected(Provider.HUBSPOT, reply.status, f"the OAuth endpoint answered {reason}")


def _error_body(reply: Reply) -> OAuthErrorBody:
    try:
        return msgspec.json.decode(reply.body, type=OAuthErrorBody)
    except UNREADABLE:
        return OAuthErrorBody()


def _required_identity(response: TokenResponse, told: Introspection) -> tuple[str, frozenset[str]]:
    """Return account id and scopes: both are optional in a token response."""
    hub_id = told.hub_id if response.hub_id is None else response.hub_id
    scopes = told.scopes if response.scopes is None else response.scopes
    if hub_id is None or scopes is None:
        raise CrmRejected(Provider.HUBSPOT, 200, "neither token nor introspection tell account and scopes")
    return str(hub_id), frozenset(scopes)


def _account(details: AccountDetails, domain: str | None) -> CrmAccount:
    return CrmAccount(
        account_id=CrmAccountId(str(details.portal_id)),
        name=truncate_text(details.portal_name, MAX_ACCOUNT_NAME_LENGTH)
        or f"HubSpot account {details.portal_id}",
        currency=currency(details.company_currency),
        time_zone=text(details.time_zone),
        domain=truncate_text(domain, MAX_DOMAIN_LENGTH),
    )
