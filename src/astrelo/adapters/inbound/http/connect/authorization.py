"""Connecting a CRM: out to its consent page, and back.

Each flow has a cookie of its own that binds it to the browser which began it, so that two tabs do not
disturb each other. A browser always lands on a page of the frontend, also after a failure.
"""

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlencode

import structlog
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, Response, get, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import QueryParameter
from litestar.response import Redirect
from msgspec import Meta, Struct

from astrelo.adapters.inbound.http import guards, problem_kinds, problems, security
from astrelo.adapters.inbound.http.config import HttpConfig
from astrelo.adapters.inbound.http.records import parameters
from astrelo.application.connect import start_authorization
from astrelo.application.connect.connect_crm import ConnectCrm
from astrelo.domain import errors
from astrelo.domain.connection import STATE_LIFETIME
from astrelo.domain.identifiers import Provider, UserId

COOKIE_PREFIX = "astrelo_oauth_"
FOLLOWED = {
    200: ResponseSpec(
        data_container=None, description="The page behind it, to clients that follow redirects."
    )
}

log = structlog.get_logger()

Force = Annotated[bool, QueryParameter(description="Ask the CRM again even if the connection works.")]
Replace = Annotated[
    bool,
    QueryParameter(description="Accept another account of the CRM. Deletes everything of the present one."),
]
ReturnPath = Annotated[
    str, QueryParameter(max_length=200, description="The frontend's page to land on: /app or below it.")
]
LoginHost = Annotated[
    str | None,
    QueryParameter(
        max_length=2_000,
        description="Where the user signs in at a CRM that has several such places, such as the user's own "
        "host there, or the address of any page at it. Left out, it is the CRM's general one.",
    ),
]
Code = Annotated[str | None, QueryParameter(description="The CRM's authorization code.")]
Denial = Annotated[str | None, QueryParameter(description="The CRM's own word for why there is no code.")]
State = Annotated[
    str | None,
    QueryParameter(
        name="state", description="Ours, as it was sent to the CRM."
    ),  # `state` itself is reserved
]


class Authorization(Struct, frozen=True, kw_only=True):
    """Where to send the browser, unless the CRM is connected already."""

    authorize_url: Annotated[
        str | None, Meta(description="Send the browser there; null when the CRM is connected already.")
    ]
    already_connected: Annotated[bool, Meta(description="Whether nothing is to be done.")]


class AuthorizationRoutes(Controller):
    path = "/api/integrations/{provider:str}"
    tags = ("connect",)

    @get(
        "/authorize",
        responses=FOLLOWED,
        opt={security.CHANGES_STATE: True},
        status_code=302,
        summary="Connect a CRM, as a link for a browser",
    )
    @inject
    async def redirect_to_authorization(
        self,
        request: security.Caller,
        start: FromDishka[start_authorization.StartAuthorization],
        config: NamedDependency[HttpConfig],
        user_id: NamedDependency[UserId],
        provider: parameters.ProviderPath,
        *,
        force: Force = False,
        return_path: ReturnPath = start_authorization.RETURN_PATH,
        login_host: LoginHost = None,
    ) -> Redirect:
        """Redirect to the CRM's consent page; back to the frontend if the CRM is connected, or cannot be now.

        Link to it from the frontend: a browser that comes from another site is sent to the frontend, as with an invalid state.
        """
        if security.is_cross_site_navigation(request, config):
            # Login CSRF: an attacker who has signed the browser in to a CRM account of their own, where our
            # app needs no further consent, could connect that account to the user's by a link.
            detail = "Another site led the browser to the start of this sign-in; start again on our own page."
            error = errors.AuthorizationFailed(errors.AuthorizationFailure.STATE_INVALID, detail)
            return _redirect_with_failure(config, provider, error)
        try:
            started = await start(
                user_id, provider, force=force, return_path=return_path, login_host=login_host
            )
        except errors.InvalidInput:
            raise
        except Exception as unforeseen:  # noqa: BLE001 - a browser must not be left with an error's JSON
            return _redirect_with_failure(config, provider, unforeseen)
        if isinstance(started, start_authorization.AlreadyConnected):
            return _redirect_to_frontend(config, return_path, {f"{provider}_already_connected": "true"})
        return Redirect(started.authorize_url, status_code=302, cookies=[_flow_cookie(started, config)])

    @post(
        "/authorize",
        responses=problems.describe(
            problem_kinds.PROVIDER_NOT_CONFIGURED,
            problem_kinds.CRM_UNAVAILABLE,
            problem_kinds.CRM_RATE_LIMITED,
            problem_kinds.CRM_MISCONFIGURED,
            problem_kinds.CRM_REJECTED,
        ),
        status_code=200,
        summary="Connect a CRM, for a page that holds a token",
    )
    @inject
    async def create_authorization(
        self,
        start: FromDishka[start_authorization.StartAuthorization],
        config: NamedDependency[HttpConfig],
        user_id: NamedDependency[UserId],
        provider: parameters.ProviderPath,
        *,
        force: Force = False,
        replace: Replace = False,
        return_path: ReturnPath = start_authorization.RETURN_PATH,
        login_host: LoginHost = None,
    ) -> Response[Authorization]:
        """Return where to send the browser, and set the cookie that the callback needs."""
        started = await start(
            user_id,
            provider,
            force=force,
            replace=replace,
            return_path=return_path,
            login_host=login_host,
        )
        if isinstance(started, start_authorization.AlreadyConnected):
            return Response(Authorization(authorize_url=None, already_connected=True))
        authorization = Authorization(authorize_url=started.authorize_url, already_connected=False)
        return Response(authorization, cookies=[_flow_cookie(started, config)])

    @get(
        "/callback",
        responses=FOLLOWED,
        status_code=302,
        opt={security.PUBLIC: True, guards.OPEN_QUERY: True},
        security=[{}],
        summary="Where the CRM redirects the browser back to",
    )
    @inject
    async def complete_authorization(
        self,
        request: security.Caller,
        connect: FromDishka[ConnectCrm],
        config: NamedDependency[HttpConfig],
        provider: parameters.ProviderPath,
        *,
        oauth_state: State = None,
        code: Code = None,
        error: Denial = None,
    ) -> Redirect:
        """Redirect the browser to the frontend, always, with the outcome in the query."""
        cookie = _cookie_name(start_authorization.flow_id(oauth_state or ""), config)
        try:
            connected = await connect(
                provider,
                state=oauth_state,
                browser_token=request.cookies.get(cookie),
                code=code,
                error=error,
                session_user=request.user,
            )
            response = _redirect_to_frontend(config, connected.return_path, {f"{provider}_connected": "true"})
        except Exception as problem:  # noqa: BLE001 - the same
            response = _redirect_with_failure(config, provider, problem)
        response.set_cookie(_cookie(cookie, "", 0, config))
        return response


def _redirect_with_failure(config: HttpConfig, provider: Provider, error: Exception) -> Redirect:
    """Redirect with the frontend's code for an error; log faults of ours, and what is unforeseen, as errors."""
    if not isinstance(error, errors.AstreloError) or problem_kinds.kind_of(error).ours:
        log.error("authorization.broke", exc_info=error)
    else:
        log.info("authorization.failed", reason=str(error))
    match error:
        case errors.AuthorizationFailed():
            code = error.failure
        case errors.ProviderNotConfigured():
            code = errors.AuthorizationFailure.NOT_CONFIGURED
        case _:
            code = errors.AuthorizationFailure.FAILED
    return _redirect_to_frontend(
        config, start_authorization.RETURN_PATH, {"error": code, "provider": provider}
    )


def _redirect_to_frontend(config: HttpConfig, return_path: str, query: Mapping[str, str]) -> Redirect:
    return Redirect(f"{config.frontend_url}{return_path}?{urlencode(query)}", status_code=302)


def _flow_cookie(started: start_authorization.AuthorizationStarted, config: HttpConfig) -> Cookie:
    seconds = int(STATE_LIFETIME.total_seconds())
    return _cookie(_cookie_name(started.flow, config), started.browser_token, seconds, config)


def _cookie_name(flow: str, config: HttpConfig) -> str:
    """Keep another host under the same registrable domain from setting the cookie of a flow that it began.

    Browsers take a name with this prefix only from the host itself, secure and for the whole of it (RFC
    6265bis §4.1.3.2).
    """
    return f"{'__Host-' if config.secure_cookies else ''}{COOKIE_PREFIX}{flow}"


def _cookie(name: str, value: str, seconds: int, config: HttpConfig) -> Cookie:
    return Cookie(
        key=name,
        value=value,
        path="/",
        max_age=seconds,
        httponly=True,
        secure=config.secure_cookies,
        samesite="lax",
    )
