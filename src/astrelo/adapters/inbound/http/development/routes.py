"""The page at /app with further ways to sign in to it, as the user and not read-only. For development only."""

from datetime import timedelta
from typing import Annotated, Any

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from litestar.response import Redirect
from litestar.types import ControllerRouterHandler

from astrelo.adapters.inbound.http import guards, problem_kinds, problems, security, session_tokens
from astrelo.adapters.inbound.http.config import HttpConfig
from astrelo.adapters.inbound.http.console import browser_sessions, routes
from astrelo.application import messages
from astrelo.application.sign_in_links import SignInLinks
from astrelo.domain.identifiers import UserId
from astrelo.domain.ports.system import Clock

LINK_LIFETIME = timedelta(hours=12)  # a demo may stay open for hours before its link is used


class SignIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    token: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]

    def __repr__(self) -> str:
        return "SignIn(token=…)"


class LoginLink(msgspec.Struct, frozen=True, kw_only=True):
    """A path on this server that signs one browser in, once, within twelve hours."""

    path: str


@get("/", include_in_schema=False, opt={security.PUBLIC: True, guards.OPEN_QUERY: True}, status_code=302)
async def redirect_to_page() -> Redirect:
    """Redirect from the bare address to the page."""
    return Redirect(routes.PAGE_PATH, status_code=302)


class DevelopmentPage(routes.Page):
    @post("/session", opt={security.PUBLIC: True}, status_code=204)
    @inject
    async def sign_in(
        self,
        request: Request[Any, Any, Any],
        config: NamedDependency[HttpConfig],
        clock: FromDishka[Clock],
        data: JSONBody[SignIn],
    ) -> Response[None]:
        security.require_own_page(request, config)
        user_id = session_tokens.user_of_token(data.token, config.jwt_secret)
        if user_id is None:
            raise problems.HttpError(problem_kinds.UNAUTHORIZED, messages.SIGN_IN_INVALID)
        return Response(None, cookies=[browser_sessions.signed_in(user_id, config, clock.now())])

    @post("/login-links", status_code=201)
    @inject
    async def make_link(self, links: FromDishka[SignInLinks], user_id: NamedDependency[UserId]) -> LoginLink:
        issued = await links.issue(user_id, LINK_LIFETIME)
        return LoginLink(path=routes.link_path(issued.secret))


DEVELOPMENT_ROUTES: tuple[ControllerRouterHandler, ...] = (DevelopmentPage, redirect_to_page)
