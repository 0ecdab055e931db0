"""OAuth v1, which the official client libraries speak: parameters may stand in the URL, and tokens in the path.

HubSpot ends it on 2027-02-16 (https://developers.hubspot.com/changelog/v1-oauth-api-deprecation).
"""

import datetime as dt
import re

from starlette.datastructures import QueryParams
from starlette.routing import Router
from starlette.types import Receive, Scope, Send

from crm_sandbox.http.requests import Request
from crm_sandbox.http.responses import JsonResponse, Response
from crm_sandbox.http.routing import HandlerRoute
from crm_sandbox.hubspot.errors import OAuthRefusal, not_found, refusal
from crm_sandbox.hubspot.oauth.authorization_server import AuthorizationServer
from crm_sandbox.hubspot.oauth.endpoints import APP_ID, grant_tokens, token_owner
from crm_sandbox.oauth import FORM

SUNSET = dt.datetime(2027, 2, 16, tzinfo=dt.UTC).timestamp()
_TOKEN_IN_PATH = re.compile(r"(/oauth/v1/(?:access|refresh)-tokens/)[^/]+")


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve the endpoints below `/oauth/v1`; 410 from the sunset on."""
    if scope["app"].state.sandbox.clock.now() >= SUNSET:
        raise refusal(410, "GONE", "The v1 OAuth endpoints were sunset on 2027-02-16: use the dated ones.")
    await _ROUTER(scope, receive, send)


def hide_token(path: str) -> str:
    """Replace the token in a path, for what is shown of a request."""
    return _TOKEN_IN_PATH.sub(r"\g<1>{token}", path)


def _issue(request: Request) -> Response:
    return grant_tokens(_get_server(request), _read_parameters(request))


def _show_access_token(request: Request) -> Response:
    return JsonResponse(_describe(request, "access"))


def _show_refresh_token(request: Request) -> Response:
    return JsonResponse(_describe(request, "refresh"))


def _revoke(request: Request) -> Response:
    _describe(request, "refresh")
    _get_server(request).revoke(request.path_params["token"])
    return Response(status_code=204)


def _get_server(request: Request) -> AuthorizationServer:
    server: AuthorizationServer = request.app.state.sandbox.oauth
    return server


def _read_parameters(request: Request) -> dict[str, str]:
    if request.content and request.media_type != FORM:
        raise OAuthRefusal("BAD_REQUEST", "invalid_request", f"the body must be {FORM}", status=415)
    return {**request.query_params, **QueryParams(request.content.decode(errors="replace"))}


def _describe(request: Request, use: str) -> dict[str, object]:
    server, token = _get_server(request), request.path_params["token"]
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


async def _not_found(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise not_found()


_ROUTER = Router(
    [
        HandlerRoute("/token/", _issue, "POST"),
        HandlerRoute("/access-tokens/{token}/", _show_access_token, "GET"),
        HandlerRoute("/refresh-tokens/{token}/", _show_refresh_token, "GET"),
        HandlerRoute("/refresh-tokens/{token}/", _revoke, "DELETE"),
    ],
    redirect_slashes=False,
    default=_not_found,
)
