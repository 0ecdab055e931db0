"""Salesforce's OAuth endpoints, answering as a test lays it ready, and the adapter over them."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

import httpx

from astrelo.adapters.outbound.crm.http import HttpClient
from astrelo.adapters.outbound.salesforce.config import SalesforceConfig
from astrelo.adapters.outbound.salesforce.oauth.client import SalesforceOAuth
from astrelo.domain.connection import Grant, TokenSet
from astrelo.domain.identifiers import Provider
from tests.support.crm.responses import Responder, json_response, response
from tests.support.fakes.clock import START, FakeClock

CONFIG = SalesforceConfig(
    client_id="3MVG9-client",
    client_secret="a-very-secret-client-secret",
    redirect_uri="https://astrelo.test/api/integrations/salesforce/callback",
)
ORG = "00D000000000001AAA"
LOGIN = "https://login.salesforce.com"
INSTANCE = "https://acme.my.salesforce.com"
TOKEN_BODY: Mapping[str, object] = {
    "access_token": "00D000000000001!AQ-access",
    "refresh_token": "5Aep861-refresh-2",
    "signature": "c2lnbmVk",
    "scope": "refresh_token api openid",
    "instance_url": INSTANCE,
    "id": f"{LOGIN}/id/{ORG}/005000000000001AAA",
    "token_type": "Bearer",
    "issued_at": "1795514400000",
}
END = int(START.timestamp()) + 7_200
INTROSPECTION = json_response(200, {"active": True, "exp": END, "scope": "api openid refresh_token"})
USER = json_response(200, {"organization_id": ORG, "user_id": "005000000000001AAA"})
ORGANIZATION = json_response(200, {"records": [{"Name": "Acme \ud83d", "TimeZoneSidKey": "Europe/Berlin"}]})
CURRENCY = json_response(200, {"records": [{"IsoCode": "EUR"}]})
NO_CURRENCY = json_response(
    400, [{"errorCode": "INVALID_TYPE", "message": "sObject type 'CurrencyType' is not supported."}]
)
TOKENS = TokenSet(
    access_token="00D000000000001!AQ-old",
    refresh_token="5Aep861-refresh",
    expires_at=None,
    scopes=frozenset({"api", "refresh_token", "openid"}),
    api_url="https://old.my.salesforce.com",
    issuer_url="https://acme.my.salesforce.com",
)
SECRETS = ("5Aep861", "!AQ", "secret-client", "the-code", "the-verifier")


class Salesforce:
    """Answers by path, whichever host is asked, and remembers what it was asked."""

    def __init__(self, token: Responder | None = None, **answers: Responder) -> None:
        self.requests: list[httpx.Request] = []
        self._answers = {
            "token": token or json_response(200, TOKEN_BODY),
            "introspect": INTROSPECTION,
            "userinfo": USER,
            "organization": ORGANIZATION,
            "currency": CURRENCY,
            "revoke": response(200),
        } | answers

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        name = request.url.path.rpartition("/")[2]
        if name == "query":
            name = "currency" if "CurrencyType" in request.url.params["q"] else "organization"
        return await self._answers[name]()

    def requested_urls(self) -> list[str]:
        return [str(request.url.copy_with(query=None)) for request in self.requests]


def over(server: Salesforce, config: SalesforceConfig = CONFIG) -> SalesforceOAuth:
    return SalesforceOAuth(config, HttpClient(httpx.MockTransport(server), Provider.SALESFORCE), FakeClock())


def body(**changes: object) -> Responder:
    """A token response with some fields replaced, or left out by None."""
    return json_response(
        200, {name: value for name, value in {**TOKEN_BODY, **changes}.items() if value is not None}
    )


def refusal(error: str, description: str = "", status: int = 400) -> Responder:
    return json_response(status, {"error": error, "error_description": description})


async def exchange_code(server: Salesforce, login_host: str | None = None) -> Grant:
    return await over(server).exchange("the-code", "the-verifier", login_host)


def form_of(request: httpx.Request) -> dict[str, str]:
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert request.url.query == b""
    return dict(parse_qsl(request.content.decode()))


def shows_no_secret(error: Exception) -> bool:
    return not any(secret in repr(error) + str(error) for secret in SECRETS)
