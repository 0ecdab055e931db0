"""The change feed, and exports of everything that is there."""

import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Annotated, Any

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, Request, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import QueryParameter
from litestar.response import Stream

from astrelo.adapters.inbound.http import middleware, problem_kinds, problems
from astrelo.adapters.inbound.http.feed import cursors
from astrelo.adapters.inbound.http.records import parameters
from astrelo.adapters.inbound.http.responses import compression
from astrelo.application import messages
from astrelo.application.read import feed
from astrelo.domain import errors
from astrelo.domain.identifiers import UserId

NDJSON = "application/x-ndjson"
DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
MAX_CURSOR = 300

_encoder = msgspec.json.Encoder()
_GZIP_WINDOW = 31
_FAST = 1

Types = Annotated[
    str | None,
    QueryParameter(
        min_length=1,
        max_length=100,
        description="Only changes of these record types, with commas between them: companies, contacts, deals, owners.",
    ),
]
After = Annotated[
    str | None,
    QueryParameter(
        min_length=1,
        max_length=MAX_CURSOR,
        description="`next_cursor` of the answer before, or of an export. Leave it out to begin with everything.",
    ),
]


class ChangesPage(msgspec.Struct, frozen=True, kw_only=True):
    """What changed. Keep `next_cursor` together with what was done about `data`; it is there on the last page too."""

    data: Annotated[
        list[feed.AnyChange],
        msgspec.Meta(
            description="The changes, in the order in which they were stored; `type` tells them apart."
        ),
    ]
    next_cursor: Annotated[
        str, msgspec.Meta(description="Send it as `after` for what follows, now or later; never null.")
    ]
    has_more: Annotated[bool, msgspec.Meta(description="Whether more follows already.")]


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """The last line of an export: where the change feed goes on."""

    next_cursor: str


class Changes(Controller):
    path = "/api/changes"
    tags = ("changes",)

    @get(
        responses=problems.describe(problem_kinds.CURSOR_EXPIRED, problem_kinds.INVALID_CURSOR),
        summary="Follow every change",
        operation_id="listChanges",
    )
    @inject
    async def list_changes(
        self,
        changes: FromDishka[feed.ChangeFeed],
        user_id: NamedDependency[UserId],
        metrics: NamedDependency[middleware.Metrics],
        *,
        after: After = None,
        types: Types = None,
        limit: Annotated[
            int, QueryParameter(ge=1, le=MAX_LIMIT, description="How many changes an answer has at most.")
        ] = DEFAULT_LIMIT,
    ) -> ChangesPage:
        """Begin with everything that is there, and go on with what changes, in the order in which it was stored.

        Ask again with `next_cursor`: at once while `has_more` is true, later when it is false. Each change comes
        at least once, with the record's latest state, and again only after another change. A record that is gone
        comes as `deleted`.
        """
        record_types = _parse_types(types)
        if after is None:
            cursor = await changes.begin(user_id, record_types)
        else:
            cursor = cursors.decode(after, user_id)
        page = await changes.read(user_id, cursor, record_types, limit)
        if page.lag is not None:
            metrics.observe_feed_lag(page.lag)
        return ChangesPage(
            data=list(page.changes), next_cursor=cursors.encode(page.cursor, user_id), has_more=page.has_more
        )


class Exports(Controller):
    path = "/api/export"
    tags = ("changes",)

    @get(
        "/{record_type:str}",
        responses=problems.describe(problem_kinds.NOT_FOUND)
        | {
            200: ResponseSpec(
                data_container=str,
                media_type=NDJSON,
                generate_examples=False,
                description="A record a line, and at the end a line with `next_cursor`, where the change feed goes on.",
            )
        },
        summary="Export all records of a type",
        operation_id="exportRecords",
        media_type=NDJSON,
    )
    @inject
    async def export_records(
        self,
        request: Request[Any, Any, Any],
        changes: FromDishka[feed.ChangeFeed],
        user_id: NamedDependency[UserId],
        record_type: parameters.RecordTypePath,
    ) -> Stream:
        """Stream them as they are at one moment, archived ones too, as lines of JSON (NDJSON).

        An export that lacks the last line was cut off.
        """
        pieces = changes.export(user_id, record_type)
        # What refuses it does so now, while there can be a response that says so.
        lines = _lines(await anext(pieces), pieces, user_id)
        if not compression.accepts_gzip(request.headers.get("accept-encoding", "")):
            return Stream(lines, media_type=NDJSON)
        return Stream(
            _compress(lines),
            media_type=NDJSON,
            headers={"Content-Encoding": "gzip", "Vary": "Accept-Encoding"},
        )


def _parse_types(types: str | None) -> Sequence[feed.RecordType]:
    if types is None:
        return list(feed.RecordType)
    try:
        named = {feed.RecordType(name.strip()) for name in types.split(",")}
    except ValueError:
        raise errors.InvalidInput("types", messages.NO_RECORD_TYPE) from None
    return [record_type for record_type in feed.RecordType if record_type in named]


_Piece = Sequence[feed.AnyView] | feed.FeedCursor


async def _lines(first: _Piece, others: AsyncGenerator[_Piece], user_id: UserId) -> AsyncIterator[bytes]:
    async with aclosing(others):
        yield _encode(first, user_id)
        async for piece in others:
            yield _encode(piece, user_id)


def _encode(piece: _Piece, user_id: UserId) -> bytes:
    if isinstance(piece, feed.FeedCursor):
        return msgspec.json.encode(Exported(next_cursor=cursors.encode(piece, user_id))) + b"\n"
    return _encoder.encode_lines(piece)


async def _compress(lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    gzip = zlib.compressobj(_FAST, zlib.DEFLATED, _GZIP_WINDOW)
    async for piece in lines:
        if packed := gzip.compress(piece):
            yield packed
    yield gzip.flush()
