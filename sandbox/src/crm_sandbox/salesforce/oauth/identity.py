"""The user who consented: the identity URL and userinfo."""

from crm_sandbox.http.requests import Request
from crm_sandbox.http.responses import JsonResponse, Response
from crm_sandbox.salesforce.errors import BadToken
from crm_sandbox.salesforce.oauth.authorization_server import Grant
from crm_sandbox.salesforce.oauth.hosts import base_url
from crm_sandbox.salesforce.org.admin_user import (
    ADMIN_USER_ID,
    FIRST_NAME,
    LAST_NAME,
    ORG_CREATED_AT,
    TIME_ZONE,
    USERNAME,
)
from crm_sandbox.salesforce.org.timestamps import format_csv_datetime, format_rest_datetime
from crm_sandbox.salesforce.state import SandboxState

_FULL_NAME = f"{FIRST_NAME} {LAST_NAME}"
_IDENTITY_SCOPES = frozenset({"id", "profile", "email", "full"})
"""`openid` alone opens userinfo, not the identity URL (Salesforce help, "OAuth Tokens and Scopes")."""
_USERINFO_SCOPES = _IDENTITY_SCOPES | {"openid", "api", "web"}
"""The sf CLI asks for `refresh_token api web` and cannot log in without userinfo."""


def userinfo(request: Request) -> Response:
    state: SandboxState = request.app.state.sandbox
    grant = _require_grant(state, request, _USERINFO_SCOPES)
    return JsonResponse(
        _describe_user(state, grant)
        | {
            "sub": grant.identity_url,
            "preferred_username": USERNAME,
            "name": _FULL_NAME,
            "given_name": FIRST_NAME,
            "family_name": LAST_NAME,
            "zoneinfo": TIME_ZONE,
            "updated_at": format_csv_datetime(ORG_CREATED_AT),
        }
    )


def identity(request: Request) -> Response:
    state: SandboxState = request.app.state.sandbox
    grant = _require_grant(state, request, _IDENTITY_SCOPES)
    if request.path_params != {"org_id": grant.org_id, "user_id": ADMIN_USER_ID}:
        raise BadToken("Bad_OAuth_Token")
    return JsonResponse(
        _describe_user(state, grant)
        | {
            "id": grant.identity_url,
            "asserted_user": True,
            "username": USERNAME,
            "display_name": _FULL_NAME,
            "first_name": FIRST_NAME,
            "last_name": LAST_NAME,
            "timezone": TIME_ZONE,
            "last_modified_date": format_rest_datetime(ORG_CREATED_AT),
        }
    )


def read_bearer_token(request: Request) -> str | None:
    """Return the token of the Authorization header; None without a bearer token."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _require_grant(state: SandboxState, request: Request, scopes: frozenset[str]) -> Grant:
    """Find the grant of the token in the Authorization header, or in `oauth_token`, which only these endpoints take."""
    token = request.query_params.get("oauth_token", read_bearer_token(request))
    if token is None:
        raise BadToken("Missing_OAuth_Token")
    session = state.oauth.find_session(token.strip())
    if session is None or not scopes & set(session.grant.scopes):
        raise BadToken("Bad_OAuth_Token")
    return session.grant


def _describe_user(state: SandboxState, grant: Grant) -> dict[str, object]:
    instance = base_url(grant.instance, grant.scheme)
    data = f"{instance}/services/data/v{{version}}/"
    return {
        "user_id": ADMIN_USER_ID,
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
