"""A plain page where connecting lands, and ways to sign in to it. For development only.

In production the product's own frontend is at `{frontend_url}/app`, and these routes do not exist.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from importlib.resources import files
from string import Template
from typing import Annotated, Any, TypeVar

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from litestar.response import Redirect
from litestar.types import ControllerRouterHandler

from astrelo.adapters.inbound.http import console, guards, problem_kinds, problems, security, session_tokens
from astrelo.adapters.inbound.http.config import HttpConfig
from astrelo.application import messages
from astrelo.domain.identifiers import Provider, UserId
from astrelo.domain.ports.system import Clock, Randomness

AnyResponse = TypeVar("AnyResponse", bound=Response[Any])

SESSION_LIFETIME = timedelta(hours=12)
LINK_LIFETIME = timedelta(hours=12)  # a demo may stay open for hours before its link is used

_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; form-action 'self'"
}
_OPEN: dict[str, Any] = {security.PUBLIC: True, guards.OPEN_QUERY: True}
_MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript"}
_ASSETS = ("page.css", "page.js", "elements.js", "landing.js", "live.js", "crm_card.js", "companies.js")


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
    async def page(self) -> Response[str]:
        """Return the page; the CRMs' names and all sentences are written into it, so that its scripts hold none."""
        labels = msgspec.json.encode({str(provider): provider.label for provider in Provider}).decode()
        sentences = msgspec.json.encode(page_sentences()).decode()
        page = Template(_text("index.html")).substitute(labels=escape(labels), sentences=escape(sentences))
        return _response(page, "text/html")

    @get([f"/{name}" for name in _ASSETS], opt=_OPEN)
    async def asset(self, request: security.Caller) -> Response[str]:
        name = request.url.path.rpartition("/")[2]
        return _response(_text(name), _MEDIA_TYPES[name[name.rindex(".") :]])

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


def page_sentences() -> dict[str, Any]:
    """Return the page's sentences by where it shows them, then by code; `{crm}` is left for the page to fill in."""
    failures = {code: message for code, message in messages.PROBLEMS.items() if code.startswith("oauth_")}
    return {
        "outcomes": {code: message.text for code, message in messages.PAGE_OUTCOMES.items()},
        "failures": {code: message.text for code, message in {**failures, **messages.PAGE_FAILURES}.items()},
        "runs": {str(status): (message.happened, message.means) for status, message in messages.RUNS.items()},
        "unlinked": {
            str(reason): (message.happened.removesuffix("."), f"{message.means} {message.to_do}")
            for reason, message in messages.UNLINKED.items()
        },
    }


def _text(name: str) -> str:
    return (files(console) / "page" / name).read_text(encoding="utf-8")


def _response(content: str, media_type: str) -> Response[str]:
    return Response(content, media_type=media_type, headers=_HEADERS)


def _sign_in(response: AnyResponse, user_id: UserId, config: HttpConfig, now: datetime) -> AnyResponse:
    token = session_tokens.issue_token(user_id, config.jwt_secret, SESSION_LIFETIME, now)
    response.set_cookie(security.session_cookie(token, SESSION_LIFETIME, config))
    return response
