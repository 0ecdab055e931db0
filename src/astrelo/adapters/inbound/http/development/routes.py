"""The page where connecting lands, and ways to sign in to it. For development only.

In production the product's own frontend is at `{frontend_url}/app`, and these routes do not exist.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, TypeVar

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from litestar.response import Redirect
from litestar.types import ControllerRouterHandler

from astrelo.adapters.inbound.http import guards, problem_kinds, problems, security, session_tokens
from astrelo.adapters.inbound.http.config import HttpConfig
from astrelo.adapters.inbound.http.console import pages
from astrelo.adapters.inbound.http.responses import etags
from astrelo.application import messages
from astrelo.domain.identifiers import UserId
from astrelo.domain.ports.crm import CrmProviders
from astrelo.domain.ports.system import Clock, Randomness

AnyResponse = TypeVar("AnyResponse", bound=Response[Any])

SESSION_LIFETIME = timedelta(hours=12)
LINK_LIFETIME = timedelta(hours=12)  # a demo may stay open for hours before its link is used

_OPEN: dict[str, Any] = {security.PUBLIC: True, guards.OPEN_QUERY: True}


class SignIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    token: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]

    def __repr__(self) -> str:
        return "SignIn(token=…)"


class LoginLink(msgspec.Struct, frozen=True, kw_only=True):
    """A path on this server that signs one browser in, once, within twelve hours."""

    path: str


@dataclass(frozen=True, slots=True)
class _Ticket:
    user_id: UserId
    expires_at: datetime


class LoginLinks:
    """Unused login links, in this process's memory: a restart forgets them."""

    def __init__(self) -> None:
        self._waiting: dict[str, _Ticket] = {}

    def issue(self, user_id: UserId, ticket: str, now: datetime) -> None:
        self._waiting = {key: kept for key, kept in self._waiting.items() if kept.expires_at > now}
        self._waiting[ticket] = _Ticket(user_id, now + LINK_LIFETIME)

    def redeem(self, ticket: str, now: datetime) -> UserId | None:
        found = self._waiting.pop(ticket, None)
        return found.user_id if found is not None and found.expires_at > now else None


@get("/", include_in_schema=False, opt=_OPEN, status_code=302)
async def redirect_to_page() -> Redirect:
    """Redirect from the bare address to the page."""
    return Redirect(DevelopmentPage.path, status_code=302)


class DevelopmentPage(Controller):
    path = "/app"
    include_in_schema = False

    @get(media_type="text/html", opt=_OPEN)
    @inject
    async def page(self, crms: FromDishka[CrmProviders]) -> Response[str]:
        return pages.document(crms, read_only=False)

    @get([f"/{name}" for name in pages.ASSETS], opt=_OPEN, middleware=[etags.conditional])
    async def asset(self, request: security.Caller) -> Response[bytes]:
        return pages.asset(request.url.path.removeprefix(f"{self.path}/"))

    @post("/session", opt={security.PUBLIC: True}, status_code=204)
    @inject
    async def sign_in(
        self, config: NamedDependency[HttpConfig], clock: FromDishka[Clock], data: JSONBody[SignIn]
    ) -> Response[None]:
        user_id = session_tokens.user_of_token(data.token, config.jwt_secret)
        if user_id is None:
            raise problems.HttpError(problem_kinds.UNAUTHORIZED, messages.SIGN_IN_INVALID)
        return _sign_in(Response(None), user_id, config, clock.now())

    @delete("/session", opt={security.PUBLIC: True}, status_code=204)
    async def sign_out(self) -> Response[None]:
        response: Response[None] = Response(None)
        response.delete_cookie(security.SESSION_COOKIE, path="/")
        return response

    @post("/login-links", status_code=201)
    @inject
    async def make_link(
        self,
        links: NamedDependency[LoginLinks],
        clock: FromDishka[Clock],
        randomness: FromDishka[Randomness],
        user_id: NamedDependency[UserId],
    ) -> LoginLink:
        ticket = randomness.token()
        links.issue(user_id, ticket, clock.now())
        return LoginLink(path=f"{self.path}/login/{ticket}")

    @get("/login/{ticket:str}", opt={security.PUBLIC: True}, status_code=302)
    @inject
    async def use_link(
        self,
        links: NamedDependency[LoginLinks],
        config: NamedDependency[HttpConfig],
        clock: FromDishka[Clock],
        ticket: FromPath[str],
    ) -> Redirect:
        user_id = links.redeem(ticket, clock.now())
        if user_id is None:
            return Redirect(f"{self.path}?error=sign_in_link_used", status_code=302)
        return _sign_in(Redirect(self.path, status_code=302), user_id, config, clock.now())


DEVELOPMENT_ROUTES: tuple[ControllerRouterHandler, ...] = (DevelopmentPage, redirect_to_page)


def _sign_in(response: AnyResponse, user_id: UserId, config: HttpConfig, now: datetime) -> AnyResponse:
    token = session_tokens.issue_token(user_id, config.jwt_secret, SESSION_LIFETIME, now)
    response.set_cookie(security.session_cookie(token, SESSION_LIFETIME, config))
    return response
