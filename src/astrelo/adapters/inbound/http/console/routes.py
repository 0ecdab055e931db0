"""The page at /app, and signing in to it by a link.

In production it is there when the console is on: read-only, for a support engineer whom the frontend's backend gives a
link. In development it acts as the user; development/routes.py adds further ways to sign in.
"""

from datetime import timedelta
from typing import Annotated, Any

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, Request, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from astrelo.adapters.inbound.http import guards, problem_kinds, problems, security
from astrelo.adapters.inbound.http.config import HttpConfig
from astrelo.adapters.inbound.http.console import browser_sessions, pages
from astrelo.adapters.inbound.http.responses import etags
from astrelo.application import messages
from astrelo.application.read import views
from astrelo.application.sign_in_links import SignInLinks
from astrelo.domain import errors
from astrelo.domain.identifiers import UserId
from astrelo.domain.ports.crm import CrmProviders
from astrelo.domain.ports.system import Clock

PAGE_PATH = "/app"
LINK_LIFETIME = timedelta(minutes=5)
MAX_TICKET_LENGTH = 200

_OPEN: dict[str, Any] = {security.PUBLIC: True, guards.OPEN_QUERY: True}


def link_path(secret: str) -> str:
    """Return the link's path. In a fragment, the ticket reaches no server, log or link scanner: the page sends it."""
    return f"{PAGE_PATH}#sign-in={secret}"


class ConsoleLink(msgspec.Struct, frozen=True, kw_only=True):
    """A link that signs one browser in to the console as the user, read-only, once."""

    url: Annotated[
        str,
        msgspec.Meta(
            description="Open it in the support engineer's browser. It is a credential: do not log or store it."
        ),
    ]
    expires_at: Annotated[views.UtcTime, msgspec.Meta(description="Until when it must have been opened.")]

    def __repr__(self) -> str:
        return f"ConsoleLink(expires_at={self.expires_at})"


class ConsoleLinks(Controller):
    path = "/api/console-links"
    tags = ("console",)

    @post(
        opt={security.BEARER_ONLY: True},
        security=[{"token": []}],
        responses=problems.describe(problem_kinds.NOT_FOUND),
        summary="Create a sign-in link for the console",
        status_code=201,
    )
    @inject
    async def create_console_link(
        self,
        links: FromDishka[SignInLinks],
        config: NamedDependency[HttpConfig],
        user_id: NamedDependency[UserId],
    ) -> ConsoleLink:
        """Return a link for a support engineer who is to look at the token's user, without being able to change anything.

        It works once, within five minutes; the browser stays signed in for an hour. For a backend alone: the session
        cookie does not count here. Where the console is off, the path does not exist.
        """
        if not config.console:
            raise problems.HttpError(problem_kinds.NOT_FOUND, messages.NO_SUCH_PATH)
        issued = await links.issue(user_id, LINK_LIFETIME)
        return ConsoleLink(url=f"{config.public_url}{link_path(issued.secret)}", expires_at=issued.expires_at)


class SignInByLink(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    ticket: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TICKET_LENGTH)]

    def __repr__(self) -> str:
        return "SignInByLink(ticket=…)"


class BrowserSession(msgspec.Struct, frozen=True, kw_only=True):
    """Who the page's requests count for."""

    user_id: UserId


class Page(Controller):
    path = PAGE_PATH
    include_in_schema = False

    @get(media_type="text/html", opt=_OPEN)
    @inject
    async def page(
        self,
        request: Request[Any, Any, Any],
        config: NamedDependency[HttpConfig],
        crms: FromDishka[CrmProviders],
    ) -> Response[str]:
        response = pages.document(crms, read_only=config.console)
        if config.console and security.console_cookie_name(config) not in request.cookies:
            response.set_cookie(browser_sessions.signed_out(config))
        return response

    @get([f"/{name}" for name in pages.ASSETS], opt=_OPEN, middleware=[etags.conditional])
    async def asset(self, request: security.Caller) -> Response[bytes]:
        return pages.asset(request.url.path.removeprefix(f"{self.path}/"))

    @post("/sign-in", opt={security.PUBLIC: True}, status_code=204)
    @inject
    async def sign_in_by_link(
        self,
        request: Request[Any, Any, Any],
        links: FromDishka[SignInLinks],
        config: NamedDependency[HttpConfig],
        clock: FromDishka[Clock],
        data: JSONBody[SignInByLink],
    ) -> Response[None]:
        """Sign the browser in; sign it out if the link is not good, so that it shows nobody else by mistake."""
        security.require_own_page(request, config)
        try:
            user_id = await links.redeem(data.ticket)
        except errors.SignInLinkInvalid as error:
            ended = browser_sessions.signed_out(config).to_header(header="")
            raise problems.HttpError(
                problem_kinds.SIGN_IN_LINK_INVALID,
                messages.what_happened(error),
                headers={"Set-Cookie": ended},
            ) from error
        return Response(None, cookies=[browser_sessions.signed_in(user_id, config, clock.now())])

    @get("/session")
    async def session(self, user_id: NamedDependency[UserId]) -> BrowserSession:
        """Return whose data the page shows, so that it can say so."""
        return BrowserSession(user_id=user_id)

    @delete("/session", opt={security.PUBLIC: True}, status_code=204)
    async def sign_out(self, config: NamedDependency[HttpConfig]) -> Response[None]:
        return Response(None, cookies=[browser_sessions.signed_out(config)])
