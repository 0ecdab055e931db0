"""Who has consented: the identity URL and userinfo."""

from crm_sandbox.http.requests import Request
from crm_sandbox.http.responses import JsonResponse, Response
from crm_sandbox.salesforce.administrator import (
    ADMINISTRATOR,
    FIRST_NAME,
    LAST_NAME,
    MADE_AT,
    TIME_ZONE,
    USERNAME,
)
from crm_sandbox.salesforce.errors import BadToken
from crm_sandbox.salesforce.hosts import base_url
from crm_sandbox.salesforce.oauth import Grant
from crm_sandbox.salesforce.stamps import as_bulk, as_rest
from crm_sandbox.salesforce.state import SandboxState

_FULL_NAME = f"{FIRST_NAME} {LAST_NAME}"
_IDENTITY_SCOPES = frozenset({"id", "profile", "email", "full"})
"""`openid` alone opens userinfo, not the identity URL (Salesforce help, "OAuth Tokens and Scopes")."""
_USERINFO_SCOPES = _IDENTITY_SCOPES | {"openid", "api", "web"}
"""The sf CLI asks for `refresh_token api web` and cannot log in without userinfo."""


def userinfo(state: SandboxState, request: Request) -> Response:
    grant = _grant(state, request, _USERINFO_SCOPES)
    return JsonResponse(
        _user(state, grant)
        | {
            "sub": grant.identity_url,
            "preferred_username": USERNAME,
            "name": _FULL_NAME,
            "given_name": FIRST_NAME,
            "family_name": LAST_NAME,
            "zoneinfo": TIME_ZONE,
            "updated_at": as_bulk(MADE_AT),
        }
    )


def identity(state: SandboxState, request: Request, org_id: str, user_id: str) -> Response:
    grant = _grant(state, request, _IDENTITY_SCOPES)
    if (org_id, user_id) != (grant.org_id, ADMINISTRATOR):
        raise BadToken("Bad_OAuth_Token")
    return JsonResponse(
        _user(state, grant)
        | {
            "id": grant.identity_url,
            "asserted_user": True,
            "username": USERNAME,
            "display_name": _FULL_NAME,
            "first_name": FIRST_NAME,
            "last_name": LAST_NAME,
            "timezone": TIME_ZONE,
            "last_modified_date": as_rest(MADE_AT),
        }
    )


def _grant(state: SandboxState, request: Request, scopes: frozenset[str]) -> Grant:
    """Find the grant of the token in the header, or in the parameter `oauth_token`, which only these two take."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if (token := request.query_params.get("oauth_token")) is not None:
        scheme, value = "bearer", token
    if scheme.lower() != "bearer":
        raise BadToken("Missing_OAuth_Token")
    session = state.oauth.living(value.strip())
    if session is None or not scopes & set(session.grant.scopes):
        raise BadToken("Bad_OAuth_Token")
    return session.grant


def _user(state: SandboxState, grant: Grant) -> dict[str, object]:
    instance = base_url(grant.instance, grant.scheme)
    data = f"{instance}/services/data/v{{version}}/"
    return {
        "user_id": ADMINISTRATOR,
        "organization_id": grant.org_id,
        "nickname": "admin",
        "email": USERNAME,
        "email_verified": True,
        "urls": {
            "rest": data,
            "sobjects": f"{data}sobjects/",
            "query": f"{data}query/",
            "custom_domain": f"https://{state.orgs[grant.org_id].my_domain}.my.salesforce.com",
        },
        "active": True,
        "user_type": "STANDARD",
        "language": "en_US",
        "locale": "en_US",
        "utcOffset": -28_800_000,
        "is_salesforce_integration_user": False,
    }
