"""Cancelling a read whose client has hung up, so that its query does not run on for nobody."""

import asyncio

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from astrelo.adapters.inbound.http import problems

WATCH_AFTER = 0.1
"""Seconds. Most requests are over by then, and cost no more than a timer."""

CLIENT_CLOSED_REQUEST = 499
"""As nginx logs it; nobody receives it."""


def cancel_on_disconnect(app: ASGIApp) -> ASGIApp:
    """Wrap routes that only read and send their response in one piece: they alone may stop anywhere.

    A stream of events or rows listens for the disconnect itself.
    """

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        request = asyncio.current_task()
        if scope["type"] != ScopeType.HTTP or scope["method"] != "GET" or request is None:
            await app(scope, receive, send)
            return
        watch = _Watch(request, scope, receive)

        async def respond(message: Message) -> None:
            watch.is_answered = True
            await send(message)

        timer = asyncio.get_running_loop().call_later(WATCH_AFTER, watch.begin)
        try:
            await app(scope, receive, respond)
        except asyncio.CancelledError:
            if not watch.hung_up:
                raise
            request.uncancel()
            await send({"type": "http.response.start", "status": CLIENT_CLOSED_REQUEST, "headers": []})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            timer.cancel()
            watch.end()

    return handle


class _Watch:
    """Waits for the client to disconnect, and cancels the request's task unless its response is on its way."""

    def __init__(self, request: asyncio.Task[object], scope: Scope, receive: Receive) -> None:
        self._request = request
        self._scope = scope
        self._receive = receive
        self._waiting: asyncio.Task[None] | None = None
        self.is_answered = False
        self.hung_up = False

    def begin(self) -> None:
        self._waiting = asyncio.get_running_loop().create_task(self._wait())

    async def _wait(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if not self.is_answered:
            self.hung_up = True
            self._scope[problems.HUNG_UP] = True  # type: ignore[literal-required]
            self._request.cancel()

    def end(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
