"""The access token of a request to the CRM."""

from crm_sandbox.http.requests import Request
from crm_sandbox.hubspot.oauth.authorization_server import AccessToken, AuthorizationServer


def authenticate(request: Request) -> AccessToken:
    """Return the living token of the Authorization header; 401 in HubSpot's two ways otherwise."""
    server: AuthorizationServer = request.app.state.sandbox.oauth
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    return server.authenticate(value.strip() if scheme.lower() == "bearer" else None)
