"""uvicorn's HTTP/1.1 protocol with deadlines and caps for every step of a request.

uvicorn itself has a timeout for idle connections alone: a client that sends half of its header fields, or announces a
body and sends none, keeps its socket for ever.
"""

import asyncio
import math
from typing import cast

import structlog
from uvicorn import Config
from uvicorn._types import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from astrelo.adapters.inbound.http.server import limits, refusals
from astrelo.adapters.inbound.http.server.addresses import TrustedProxies, limited_as
from astrelo.adapters.inbound.http.server.connections import Connection, ConnectionTable

log = structlog.get_logger()


class LimitedHttpProtocol(HttpToolsProtocol, Connection):
    """A connection whose client has to keep time.

    `deadline` always belongs to the request that is served now, or else to the one that is being read; the table looks
    at it every so often, so no request costs a timer. A connection with several requests under way (pipelining) is
    paused by uvicorn until they are answered in turn.
    """

    def __init__(
        self,
        config: Config,
        state: ServerState,
        app_state: dict[str, object],
        table: ConnectionTable,
        proxies: TrustedProxies,
    ) -> None:
        super().__init__(config, state, app_state)
        self.deadline = self.write_deadline = math.inf
        self._table = table
        self._proxies = proxies
        self._behind_proxy = False
        self._refused = False
        self._reading_headers = False
        self._header_size = 0
        self._begun = 0
        """Requests that began in the data at hand."""
        self._body_size = 0
        self._framing_size = 0
        """Bytes of a chunked body that are none of its content: sizes and extensions of chunks, trailer fields."""
        self._served: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        address = self.client[0] if self.client else ""
        self._behind_proxy = self._proxies.trusts(address)
        self.deadline = self.loop.time() + self._table.limits.header_timeout
        if not self._table.admit(self, None if self._behind_proxy else limited_as(address)):
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._table.release(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused or self.transport.is_closing():
            return
        was_idle, was_in_body, body_before = self._is_idle, not self._reading_headers, self._body_size
        if was_idle and self._served is not None:
            # a further request; the first one's time began with the connection
            self.deadline = self.loop.time() + self._table.limits.header_timeout
        self._begun = 0
        super().data_received(data)
        # Where a request ends within the data, the next one's first part is not told from it; it is at most one read.
        if self._reading_headers and (self._begun == 0 or (self._begun == 1 and was_idle)):
            self._header_size += len(data)
        elif was_in_body and not was_idle and self._begun == 0:
            self._framing_size += len(data) - (self._body_size - body_before)
        if (
            self._header_size > limits.MAX_HEADER_SIZE
            or self._framing_size > limits.MAX_HEADER_SIZE + limits.MAX_FRAMING_RATIO * self._body_size
        ):
            self._refuse(refusals.HEADERS_TOO_LARGE)

    @property
    def _is_idle(self) -> bool:
        return not self._reading_headers and (
            self._served is None or (self._served.response_complete and not self._served.more_body)
        )

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._begun += 1
        self._reading_headers = True
        self._header_size = self._body_size = self._framing_size = 0
        if len(self.pipeline) >= limits.MAX_PIPELINED_REQUESTS:
            self.abort()

    def on_headers_complete(self) -> None:
        self._reading_headers = False
        # four bytes of a field are its colon, space and line end
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > limits.MAX_HEADER_SIZE:
            self._refuse(refusals.HEADERS_TOO_LARGE)
        if self._refused or self.transport.is_closing():
            return
        if self._behind_proxy and self.client is not None:
            self.scope["client"] = (self._proxies.client_of(self.client[0], self.headers), 0)
        super().on_headers_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._served = cycle
        self._restart_clock(cycle)
        client = cycle.scope["client"]
        if not self._behind_proxy or client is None:
            super()._start_asgi_task(cycle, app)
            return
        address = limited_as(client[0])
        if not self._table.begin_request(address):
            super()._start_asgi_task(cycle, cast("ASGI3Application", refusals.TOO_MANY_REQUESTS))
            return

        async def counted(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
            try:
                await app(scope, receive, send)
            finally:
                self._table.end_request(address)

        super()._start_asgi_task(cycle, counted)

    def _restart_clock(self, cycle: RequestResponseCycle) -> None:
        if cycle.more_body:
            self.deadline = self.loop.time() + self._table.limits.body_timeout
        else:
            self._table.keep(self)
            self.deadline = self.loop.time() + limits.RESPONSE_TIMEOUT

    def on_body(self, body: bytes) -> None:
        self._body_size += len(body)
        if not self._refused and not self.transport.is_closing():
            super().on_body(body)

    def on_message_complete(self) -> None:
        if self._refused or self.transport.is_closing():
            return
        super().on_message_complete()
        if self.cycle is self._served:
            # uvicorn forgets about the rest of a body whose request was answered before
            self.cycle.more_body = False
            if self.cycle.response_complete:
                self._wait_for_request()
            else:
                self._restart_clock(self.cycle)

    def on_response_complete(self) -> None:
        follows = bool(self.pipeline)
        super().on_response_complete()
        if self.transport.is_closing():
            self.deadline = self.loop.time() + limits.WRITE_TIMEOUT
        elif not follows:
            if self.cycle.more_body:
                self.deadline = self.loop.time() + limits.LINGER_TIMEOUT
            else:
                self._wait_for_request()

    def _wait_for_request(self) -> None:
        self._table.wait_for_request(self)
        # Of the next request a part may be here already.
        wait = self._table.limits.header_timeout if self._reading_headers else limits.KEEP_ALIVE_TIMEOUT
        self.deadline = self.loop.time() + wait

    def pause_writing(self) -> None:
        super().pause_writing()
        self.write_deadline = self.loop.time() + limits.WRITE_TIMEOUT

    def resume_writing(self) -> None:
        super().resume_writing()
        self.write_deadline = math.inf

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's sentence for its own response
        self._refuse(refusals.MALFORMED_REQUEST)

    def time_out(self, now: float) -> None:
        served = self._served
        if self._refused or self.transport.is_closing() or self.write_deadline <= now:
            self.abort()
        elif served is not None and not served.response_complete:
            if served.response_started:
                self.deadline = now + limits.RESPONSE_TIMEOUT
            elif served.more_body:
                self._refuse(refusals.REQUEST_TIMEOUT)
            else:
                log.warning("http.response_too_late", path=served.scope.get("path_template"))
                self.abort()
        elif self._reading_headers:
            self._refuse(refusals.REQUEST_TIMEOUT)
        else:
            self.abort()

    def _refuse(self, refusal: refusals.Refusal) -> None:
        """Answer what cannot be served, and read on for a moment, unheeded."""
        if self._refused or self.transport.is_closing():
            return
        self._refused = True
        served = self._served
        if served is not None and not served.response_complete:
            served.disconnected = True
            served.message_event.set()
            if served.response_started:
                self.abort()
                return
        self._unset_keepalive_if_required()
        self.flow.resume_reading()
        self.deadline = self.loop.time() + limits.LINGER_TIMEOUT
        self.transport.write(refusal.raw())
        self.transport.write_eof()

    def abort(self) -> None:
        self.transport.abort()
