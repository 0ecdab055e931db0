"""A HubSpot that answers whatever a test wants, nonsense above all."""

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import httpx

from astrelo.adapters.outbound.hubspot.provider import HubSpotProvider, build_hubspot
from astrelo.domain.connection import CrmAccount
from astrelo.domain.identifiers import CrmAccountId, ObjectType
from astrelo.domain.records import RecordPage
from astrelo.domain.sync import Window
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.crm_session import LastingSession
from tests.support.fakes.randomness import FakeRandomness
from tests.support.hubspot.sandbox import CONFIG, reference

Query = Mapping[str, Any]
Responder = Callable[[Query], object]
"""Makes an answer out of a request's query or body: what is to become JSON, bytes, or a whole response."""

OBJECTS = "/crm/objects/2026-09"
ENOUGH = 300  # requests: a stream that makes more will not end
PRIMARY = [
    {"category": "HUBSPOT_DEFINED", "typeId": 1},
    {"category": "HUBSPOT_DEFINED", "typeId": 5},
]
_BY_PLACE = ("search", "associations", "owners", "pipelines", "oauth")


class TooManyRequests(Exception):
    pass


class BrokenHubSpot:
    """Answers `answers` by object type or by a word of the path, and nothing at all elsewhere."""

    def __init__(self, **answers: Responder) -> None:
        self._answers = answers
        self.requests = 0
        self.clock = FakeClock()
        transport = httpx.MockTransport(self._answer)
        self.provider: HubSpotProvider = build_hubspot(
            CONFIG, reference(), self.clock, FakeRandomness(), reads=transport, oauth=transport
        )
        self.session = LastingSession(CrmAccount(account_id=CrmAccountId("101"), name="Acme"))

    async def pages(self, object_type: ObjectType, window: Window | None = None) -> list[RecordPage]:
        return [page async for page in self.provider.read(self.session, object_type, window=window)]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        if self.requests > ENOUGH:
            raise TooManyRequests
        body = self._answers.get(_place(request.url.path), _nothing)(_asked(request))
        if isinstance(body, httpx.Response):
            return body
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return httpx.Response(200, stream=httpx.ByteStream(content))


def _place(path: str) -> str:
    return next(
        (word for word in _BY_PLACE if f"/{word}" in path), path.removeprefix(f"{OBJECTS}/").partition("/")[0]
    )


def _nothing(asked: Query) -> object:
    return {"results": [], "total": 0}


def _asked(request: httpx.Request) -> Query:
    query = dict(parse_qsl(request.url.query.decode()))
    return query | json.loads(request.content) if request.content.startswith(b"{") else query


def error_response(status: int, body: object, **headers: str) -> Responder:
    """Make an answer that refuses; `_` in a header's name stands for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda asked: httpx.Response(
        status, headers=named, stream=httpx.ByteStream(json.dumps(body).encode())
    )


def hubspot_object(record_id: object, **properties: object) -> dict[str, object]:
    return {"id": record_id, "properties": properties, "updatedAt": "2026-11-23T09:00:00.000Z"}


def page(*results: object, after: str | None = None) -> dict[str, object]:
    return {"results": results, "total": len(results)} | (
        {"paging": {"next": {"after": after}}} if after else {}
    )


def associations_to(*ids: object) -> Responder:
    """Make the associations of a record whose id is 1, each of them its primary one."""
    to = [{"toObjectId": one, "associationTypes": PRIMARY} for one in ids]
    return lambda asked: {"results": [{"from": {"id": "1"}, "to": to}]}
