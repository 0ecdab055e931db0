"""The OAuth endpoints over HTTP: authorize and consent, token, introspect, revoke."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from crm_sandbox.http.pages import ConsentRequest, consent_page, refusal_page
from crm_sandbox.http.requests import Request
from crm_sandbox.http.responses import HTMLResponse, JsonResponse, Response, redirect
from crm_sandbox.hubspot.account.account import Account
from crm_sandbox.hubspot.errors import OAuthRefusal
from crm_sandbox.hubspot.oauth.authorization_server import SANDBOX_USER_ID, App, AuthorizationServer, Grant
from crm_sandbox.hubspot.oauth.bearer import authenticate
from crm_sandbox.not_simulated import NotSimulated
from crm_sandbox.oauth import CHALLENGE, InvalidForm, UntrustedRequest, read_form

APP_ID = 1000001


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRequest:
    redirect_uri: str
    scopes: tuple[str, ...]
    state: str | None
    challenge: str | None

    def respond(self, **parameters: str) -> Response:
        if self.state is not None:
            parameters["state"] = self.state
        joint = "&" if "?" in self.redirect_uri else "?"
        return redirect(f"{self.redirect_uri}{joint}{urlencode(parameters)}")


def authorize(request: Request) -> Response:
    """GET shows the consent page; POST of the same URL with `decision` redirects back."""
    server = _get_server(request)
    try:
        asked = _read_authorization(server.app, request)
        accounts = _find_accounts(request)
        if request.method == "GET":
            return HTMLResponse(consent_page(request.target, _build_consent_request(accounts, asked)))
        return _decide(server, asked, accounts, QueryParams(request.content.decode(errors="replace")))
    except UntrustedRequest as reason:
        return HTMLResponse(refusal_page(str(reason)), 400)


def _decide(
    server: AuthorizationServer,
    asked: AuthorizationRequest,
    accounts: Sequence[Account],
    form: Mapping[str, str],
) -> Response:
    decision = form.get("decision")
    if decision == "deny":
        return asked.respond(error="access_denied", error_description="The user denied access to the app.")
    if decision != "allow":
        raise UntrustedRequest("The consent form was sent without a decision: allow or deny.")
    chosen = form.get("portal_id", str(accounts[0].portal_id))
    if chosen not in {str(account.portal_id) for account in accounts}:
        raise UntrustedRequest(f"There is no account {chosen} here.")
    return asked.respond(
        code=server.issue_code(int(chosen), asked.redirect_uri, asked.scopes, asked.challenge)
    )


def _build_consent_request(accounts: Sequence[Account], asked: AuthorizationRequest) -> ConsentRequest:
    choices = [(str(account.portal_id), account.name) for account in accounts]
    return ConsentRequest(field="portal_id", accounts=choices, scopes=asked.scopes)


def _find_accounts(request: Request) -> Sequence[Account]:
    accounts: Mapping[int, Account] = request.app.state.sandbox.accounts
    portal_id = request.path_params.get("portal_id")
    if portal_id is None:
        return list(accounts.values())
    account = accounts.get(int(portal_id)) if portal_id.isdecimal() else None
    if account is None:
        raise UntrustedRequest(f"There is no account {portal_id} here.")
    return [account]


def _read_authorization(app: App, request: Request) -> AuthorizationRequest:
    if request.query_params.get("client_id") != app.client_id:
        raise UntrustedRequest("The client_id is missing or unknown.")
    redirect_uri = request.query_params.get("redirect_uri") or ""
    if not app.allows_redirect(redirect_uri):
        raise UntrustedRequest("The redirect_uri is missing or does not match a registered one.")
    if (request.query_params.get("response_type") or "code") != "code":
        raise UntrustedRequest("The response_type must be code.")
    return AuthorizationRequest(
        redirect_uri=redirect_uri,
        scopes=_read_scopes(app, request),
        state=request.query_params.get("state"),
        challenge=_read_challenge(request),
    )


def _read_scopes(app: App, request: Request) -> tuple[str, ...]:
    """Every required scope must be asked for; an optional one we do not know is dropped silently."""
    asked = dict.fromkeys((request.query_params.get("scope") or "").split())
    if missing := [scope for scope in app.required_scopes if scope not in asked]:
        raise UntrustedRequest(f"The scopes do not match the app's: {', '.join(missing)} must be asked for.")
    known = {*app.required_scopes, *app.optional_scopes}
    if unknown := [scope for scope in asked if scope not in known]:
        raise UntrustedRequest(f"The scopes do not match the app's: {', '.join(unknown)} is not among them.")
    optional = (request.query_params.get("optional_scope") or "").split()
    return tuple(dict.fromkeys([*asked, *(scope for scope in optional if scope in known)]))


def _read_challenge(request: Request) -> str | None:
    challenge = request.query_params.get("code_challenge")
    if challenge is None:
        return None
    if request.query_params.get("code_challenge_method") != "S256":
        raise UntrustedRequest("The code_challenge_method must be S256.")
    if not CHALLENGE.fullmatch(challenge):
        raise UntrustedRequest("The code_challenge must be 43 base64url characters.")
    return challenge


def token(request: Request) -> Response:
    return grant_tokens(_get_server(request), _read_form(request))


def grant_tokens(server: AuthorizationServer, form: Mapping[str, str]) -> Response:
    """Answer a token request of these parameters, wherever they stood."""
    _authenticate(server, form)
    match form.get("grant_type"):
        case "authorization_code":
            answer = server.exchange(form.get("code"), form.get("redirect_uri"), form.get("code_verifier"))
        case "refresh_token":
            answer = server.refresh(form.get("refresh_token"))
        case "client_credentials":
            raise NotSimulated("the grant type client_credentials")
        case other:
            raise OAuthRefusal(
                "BAD_GRANT_TYPE", "unsupported_grant_type", f"missing or unknown grant type: {other}"
            )
    return JsonResponse(answer)


def introspect(request: Request) -> Response:
    server, form = _get_server(request), _read_form(request)
    _authenticate(server, form)
    value = form.get("token", "")
    found = server.introspect(value)
    if found is None:
        return JsonResponse({"active": False})
    use, grant, seconds = found
    document: dict[str, object] = {
        "active": True,
        "token": value,
        "token_type": "Bearer",
        "token_use": use,
        "client_id": server.app.client_id,
        "app_id": APP_ID,
        **token_owner(grant),
    }
    if seconds is not None:
        document |= {"expires_in": seconds, "is_private_distribution": False}
    return JsonResponse(document)


def token_owner(grant: Grant) -> dict[str, object]:
    """Describe whose a token is and what it opens."""
    return {
        "hub_id": grant.portal_id,
        "hub_domain": "sandbox.example.com",
        "user_id": SANDBOX_USER_ID,
        "user": "admin@sandbox.example.com",
        "scopes": list(grant.scopes),
    }


def revoke(request: Request) -> Response:
    server, form = _get_server(request), _read_form(request)
    _authenticate(server, form)
    server.revoke(form.get("token", ""))
    return JsonResponse({})


def uninstall(request: Request) -> Response:
    _get_server(request).uninstall(authenticate(request).grant.portal_id)
    return Response(status_code=204)


def _get_server(request: Request) -> AuthorizationServer:
    server: AuthorizationServer = request.app.state.sandbox.oauth
    return server


def _read_form(request: Request) -> dict[str, str]:
    try:
        return read_form(request)
    except InvalidForm as error:
        raise OAuthRefusal("BAD_REQUEST", "invalid_request", str(error), status=error.status) from error


def _authenticate(server: AuthorizationServer, form: Mapping[str, str]) -> None:
    if "client_assertion" in form:
        raise NotSimulated("client_assertion, a client that authenticates without a secret")
    server.app.authenticate(form.get("client_id"), form.get("client_secret"))
