"""OAuth v1, which the official client libraries speak: parameters may stand in the URL, and tokens in the path.

HubSpot ends it on 2027-02-16 (https://developers.hubspot.com/changelog/v1-oauth-api-deprecation).
"""

import datetime as dt
import re

from crm_sandbox.http.messages import Request, Response, json_response, parse_form
from crm_sandbox.hubspot.errors import OAuthRefusal, method_not_allowed, not_found, refusal
from crm_sandbox.hubspot.oauth.authorization_server import AuthorizationServer
from crm_sandbox.hubspot.oauth.endpoints import APP_ID, grant_tokens, token_owner
from crm_sandbox.oauth import FORM

PREFIX = "/oauth/v1/"
SUNSET = dt.datetime(2027, 2, 16, tzinfo=dt.UTC).timestamp()
_TOKEN_IN_PATH = re.compile(r"(/oauth/v1/(?:access|refresh)-tokens/)[^/]+")


def answer(server: AuthorizationServer, request: Request, now: float) -> Response:
    """Answer a request below `PREFIX` at a time in seconds since the epoch; 410 from the sunset on."""
    if now >= SUNSET:
        raise refusal(410, "GONE", "The v1 OAuth endpoints were sunset on 2027-02-16: use the dated ones.")
    match request.method, *request.path.removeprefix(PREFIX).strip("/").split("/"):
        case "POST", "token":
            return grant_tokens(server, _parameters(request))
        case "GET", ("access-tokens" | "refresh-tokens") as kind, token:
            return json_response(_described(server, kind, token))
        case "DELETE", "refresh-tokens" as kind, token:
            _described(server, kind, token)
            server.revoke(token)
            return Response(status=204)
        case method, "token":
            raise method_not_allowed(method)
        case method, "access-tokens" | "refresh-tokens", _:
            raise method_not_allowed(method)
    raise not_found()


def hide_token(path: str) -> str:
    """Replace the token in a path, for what is shown of a request."""
    return _TOKEN_IN_PATH.sub(r"\g<1>{token}", path)


def _parameters(request: Request) -> dict[str, str]:
    if request.body and request.media_type != FORM:
        raise OAuthRefusal("BAD_REQUEST", "invalid_request", f"the body must be {FORM}", status=415)
    form = parse_form(request.body.decode(errors="replace"))
    return {name: values[-1] for name, values in {**request.query, **form}.items()}


def _described(server: AuthorizationServer, kind: str, token: str) -> dict[str, object]:
    use = kind.removesuffix("-tokens")
    found = server.introspect(token)
    if found is None or found[0] != f"{use}_token":
        raise OAuthRefusal(
            f"BAD_{use.upper()}_TOKEN",
            "invalid_grant",
            f"{use} token is invalid, expired or revoked",
            status=404,
        )
    _, grant, seconds = found
    document = {"token": token, "token_type": use, **token_owner(grant)}
    if seconds is None:
        return document | {"client_id": server.app.client_id}
    return document | {"app_id": APP_ID, "expires_in": seconds, "is_private_distribution": False}
