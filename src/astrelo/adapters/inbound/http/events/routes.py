"""Server-sent events (HTML Living Standard §9.2): what changes of a user, as it changes."""

from collections.abc import AsyncGenerator
from typing import Annotated

from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import HeaderParameter
from litestar.response import ServerSentEvent, ServerSentEventMessage

from astrelo.adapters.inbound.http import middleware, problem_kinds, problems, security, session_tokens
from astrelo.application.read.event_streams import EventStream, EventStreams
from astrelo.domain.identifiers import UserId
from astrelo.domain.ports.system import Clock

MEDIA_TYPE = "text/event-stream"
RETRY_MILLISECONDS = 2_000
"""How long a client waits before it connects again."""

_HEADERS = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}
"""For proxies: neither keep the stream, nor compress it, nor collect it before they pass it on."""

LastEventId = Annotated[
    str | None,
    HeaderParameter(
        name="Last-Event-ID",
        description="The id of the last event that you have, which browsers send when they connect again. "
        "Any other text is answered with the whole present state.",
    ),
]


class Events(Controller):
    path = "/api/events"
    tags = ("events",)

    @get(
        responses=problems.describe(problem_kinds.TOO_MANY_STREAMS, problem_kinds.STREAMS_EXHAUSTED)
        | {
            200: ResponseSpec(
                data_container=str,
                media_type=MEDIA_TYPE,
                generate_examples=False,
                description="Events without an end: `connection.changed`, `run.progress`, `run.ended`, `changes.available`.",
            )
        },
        summary="Follow syncs and connections live",
        operation_id="streamEvents",
        media_type=MEDIA_TYPE,
    )
    @inject
    async def stream_events(
        self,
        request: security.Caller,
        streams: FromDishka[EventStreams],
        clock: FromDishka[Clock],
        user_id: NamedDependency[UserId],
        *,
        last_event_id: LastEventId = None,
    ) -> ServerSentEvent:
        """Begin with the present state, or with what may have changed since `Last-Event-ID`; go on with what changes.

        `connection.changed` has the connection, `run.progress` (at most twice a second) and `run.ended` have the run as
        the API shows them elsewhere, `changes.available` says that `/api/changes` has something new. Of several changes
        in quick succession only the last state is sent. The stream ends when the token expires.
        """
        if request.scope.get(middleware.IS_HEAD):
            return ServerSentEvent([], headers=_HEADERS)
        seconds = session_tokens.expiry_of_token(request.auth) - clock.now().timestamp()
        stream = await streams.open(user_id, last_event_id)

        async def messages() -> AsyncGenerator[ServerSentEventMessage]:
            try:
                async for message in write(stream, clock, streams.heartbeat, seconds):
                    yield message
            finally:
                streams.close(user_id, stream)

        return ServerSentEvent(messages(), headers=_HEADERS)


async def write(
    stream: EventStream, clock: Clock, heartbeat: float, seconds: float
) -> AsyncGenerator[ServerSentEventMessage]:
    """Write a stream's events until it ends or the time is over, and a comment whenever there are none."""
    yield ServerSentEventMessage(data=None, retry=RETRY_MILLISECONDS)
    ends_at = clock.monotonic() + seconds
    while not stream.is_ended and (left := ends_at - clock.monotonic()) > 0:
        events = await stream.wait(min(heartbeat, left))
        for event in events:
            yield ServerSentEventMessage(event.data, event=event.type, id=event.id)
        if not events and not stream.is_ended:
            yield ServerSentEventMessage(data=None, comment="heartbeat")
