"""The OAuth endpoints over HTTP: authorize and consent, token, introspect, revoke."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlencode

from starlette.datastructures import QueryParams

from crm_sandbox.http.pages import ConsentRequest, consent_page, refusal_page
from crm_sandbox.http.requests import Request
from crm_sandbox.http.responses import HTMLResponse, JsonResponse, Response, redirect
from crm_sandbox.not_simulated import NotSimulated
from crm_sandbox.oauth import CHALLENGE, InvalidForm, UntrustedRequest, read_form
from crm_sandbox.salesforce.errors import OAuthError
from crm_sandbox.salesforce.oauth.authorization_server import App
from crm_sandbox.salesforce.oauth.hosts import LOGIN_HOSTS, can_log_in, get_host, is_salesforce_host
from crm_sandbox.salesforce.org.admin_user import USERNAME
from crm_sandbox.salesforce.org.org import Org
from crm_sandbox.salesforce.state import SandboxState
from crm_sandbox.salesforce.unsimulated import GRANT_TYPES, RESPONSE_TYPES

NOT_INSTALLED = "OAUTH_EC_APP_NOT_FOUND: External client app is not installed in this org. Ask an administrator to install it."
MIN_VERIFIER_LENGTH = 43
"""There is no maximum: Salesforce accepts more than the 128 characters of RFC 7636, and jsforce sends 171."""


class AuthorizationError(Exception):
    """An error that the client gets by redirect."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.description = description


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRequest:
    redirect_uri: str
    state: str | None
    scopes: tuple[str, ...] = ()
    challenge: str = ""

    def redirect_back(self, **parameters: str) -> Response:
        if self.state is not None:
            parameters["state"] = self.state
        separator = "&" if "?" in self.redirect_uri else "?"
        return redirect(f"{self.redirect_uri}{separator}{urlencode(parameters)}")


def authorize(request: Request) -> Response:
    """GET shows the consent page; POST of the same URL with `decision` redirects back."""
    state: SandboxState = request.app.state.sandbox
    try:
        trusted = _read_trusted_request(state.oauth.app, request)
        try:
            authorization = _read_authorization_request(state.oauth.app, trusted, request)
        except AuthorizationError as error:
            return trusted.redirect_back(error=error.error, error_description=error.description)
        offered = _list_orgs(state, get_host(request))
        if request.method == "GET":
            choices = [(org.org_id, org.name) for org in offered]
            consent = ConsentRequest(field="org_id", accounts=choices, scopes=authorization.scopes)
            return HTMLResponse(consent_page(request.target, consent))
        return _decide(state, authorization, offered, request)
    except UntrustedRequest as reason:
        return HTMLResponse(refusal_page(str(reason)), 400)


def _decide(
    state: SandboxState, authorization: AuthorizationRequest, offered: Sequence[Org], request: Request
) -> Response:
    form = QueryParams(request.content.decode(errors="replace"))
    decision = form.get("decision")
    if decision == "deny":
        return authorization.redirect_back(
            error="access_denied", error_description="end-user denied authorization"
        )
    if decision != "allow":
        raise UntrustedRequest("The consent form was sent without a decision: allow or deny.")
    if not state.flags.app_installed:
        raise UntrustedRequest(NOT_INSTALLED)
    chosen = form.get("org_id", offered[0].org_id)
    if chosen not in {org.org_id for org in offered}:
        raise UntrustedRequest(f"There is no org {chosen} here.")
    code = state.oauth.issue_code(
        chosen, authorization.redirect_uri, authorization.scopes, authorization.challenge, get_host(request)
    )
    return authorization.redirect_back(code=code)


def _list_orgs(state: SandboxState, host: str) -> Sequence[Org]:
    """List the orgs whose users can log in at a host."""
    my_domain_only = state.flags.my_domain_only
    found = [org for org in state.orgs.values() if can_log_in(org, host, my_domain_only=my_domain_only)]
    if not found and host in LOGIN_HOSTS:
        raise UntrustedRequest("Your org forbids logins at this host. Use the org's My Domain.")
    if not found:
        raise UntrustedRequest(f"There is no My Domain {host}.")
    return found


def _read_trusted_request(app: App, request: Request) -> AuthorizationRequest:
    if request.query_params.get("client_id") != app.client_id:
        raise UntrustedRequest("invalid_client_id: client identifier invalid")
    redirect_uri = request.query_params.get("redirect_uri") or ""
    if not redirect_uri:
        raise UntrustedRequest("redirect_uri_missing: missing redirect_uri parameter")
    if not app.allows_redirect(redirect_uri):
        raise UntrustedRequest("redirect_uri_mismatch: redirect_uri must match configuration")
    return AuthorizationRequest(redirect_uri=redirect_uri, state=request.query_params.get("state"))


def _read_authorization_request(
    app: App, trusted: AuthorizationRequest, request: Request
) -> AuthorizationRequest:
    response_type = request.query_params.get("response_type")
    if response_type in RESPONSE_TYPES:
        raise NotSimulated(f"response_type={response_type}")
    if response_type != "code":
        raise AuthorizationError("unsupported_response_type", "response type not supported")
    return AuthorizationRequest(
        redirect_uri=trusted.redirect_uri,
        state=trusted.state,
        scopes=_read_scopes(app, request),
        challenge=_read_challenge(request),
    )


def _read_scopes(app: App, request: Request) -> tuple[str, ...]:
    scopes = tuple(dict.fromkeys((request.query_params.get("scope") or "").split())) or app.scopes
    known = {*app.scopes, *(("offline_access",) if "refresh_token" in app.scopes else ())}
    if unknown := [scope for scope in scopes if scope not in known]:
        raise AuthorizationError("invalid_scope", f"the requested scope is not allowed: {' '.join(unknown)}")
    return scopes


def _read_challenge(request: Request) -> str:
    """Read the PKCE challenge. The method is optional; S256 is the only one."""
    challenge = request.query_params.get("code_challenge")
    if challenge is None:
        raise AuthorizationError("invalid_request", "missing required code challenge")
    method = request.query_params.get("code_challenge_method") or "S256"
    if method != "S256" or not CHALLENGE.fullmatch(challenge):
        raise AuthorizationError("invalid_request", "invalid code challenge")
    return challenge


def token(request: Request) -> Response:
    state: SandboxState = request.app.state.sandbox
    form, host = _read_form(request), get_host(request)
    _require_known_host(state, host)
    grant_type = form.get("grant_type")
    if "response_type" in form:
        grant_type = "device"
    if grant_type in GRANT_TYPES:
        raise NotSimulated(GRANT_TYPES[grant_type])
    if grant_type not in {"authorization_code", "refresh_token"}:
        raise OAuthError("unsupported_grant_type", "grant type not supported")
    state.oauth.app.authenticate(*_read_credentials(form, request))
    if grant_type == "refresh_token":
        return JsonResponse(state.oauth.refresh(_require(form, "refresh_token"), host))
    if not form.get("redirect_uri"):
        raise OAuthError("redirect_uri_missing", "missing redirect_uri parameter")
    verifier = form.get("code_verifier") or None
    if verifier is not None and len(verifier) < MIN_VERIFIER_LENGTH:
        raise OAuthError("invalid_request", "invalid code verifier")
    code = _require(form, "code")
    return JsonResponse(state.oauth.exchange_code(code, form["redirect_uri"], verifier, host))


def introspect(request: Request) -> Response:
    state: SandboxState = request.app.state.sandbox
    form = _read_form(request)
    state.oauth.app.authenticate(*_read_credentials(form, request))
    value = _require(form, "token")
    session, grant = state.oauth.find_session(value), state.oauth.find_grant(value)
    document: dict[str, object] = {"active": True, "client_id": state.oauth.app.client_id}
    if session is not None:
        issued = int(session.issued_at)
        document |= {
            "token_type": "access_token",
            "exp": int(session.expires_at),
            "iat": issued,
            "nbf": issued,
        }
        grant = session.grant
    elif grant is not None:
        document |= {"token_type": "refresh_token"}
    if grant is None:
        return JsonResponse({"active": False})
    details = {
        "scope": " ".join(grant.scopes),
        "sub": grant.identity_url,
        "username": USERNAME,
    }
    return JsonResponse(document | details)


def revoke(request: Request) -> Response:
    """Revoke a token; as at Salesforce, without the client's credentials."""
    state: SandboxState = request.app.state.sandbox
    state.oauth.revoke(_require(_read_form(request), "token"))
    return Response()


def _read_form(request: Request) -> dict[str, str]:
    try:
        return read_form(request)
    except InvalidForm as error:
        raise OAuthError("invalid_request", str(error), status=error.status) from error


def _require(form: dict[str, str], name: str) -> str:
    if not form.get(name):
        raise OAuthError("invalid_request", f"missing required parameter: {name}")
    return form[name]


def _read_credentials(form: dict[str, str], request: Request) -> tuple[str | None, str | None]:
    """Return client id and secret from the form or from a Basic header."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return form.get("client_id"), form.get("client_secret")
    try:
        client_id, _, client_secret = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise OAuthError("invalid_client", "invalid client credentials") from error
    return unquote(client_id), unquote(client_secret)


def _require_known_host(state: SandboxState, host: str) -> None:
    """Raise OAuthError for a My Domain that no org has."""
    if is_salesforce_host(host) and not any(
        can_log_in(org, host, my_domain_only=False) for org in state.orgs.values()
    ):
        raise OAuthError("invalid_request", f"there is no My Domain {host}", status=404)
