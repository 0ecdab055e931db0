"""Just enough HubSpot for syncs.

It announces a limit that nobody meets in HubSpot's own rate headers, which is how the adapter comes to run at full
speed.
"""

import re
from collections.abc import Mapping

import msgspec

from benchmarks.account import OBJECT_TYPES
from benchmarks.answering import NOT_FOUND, OK, Answers, response
from benchmarks.hubspot import portal
from benchmarks.hubspot.changes import ChangeSet

_HEADERS = (
    b"content-type: application/json;charset=utf-8\r\n"
    b"x-hubspot-ratelimit-max: 1000000\r\nx-hubspot-ratelimit-remaining: 999999\r\n"
    b"x-hubspot-ratelimit-interval-milliseconds: 10000\r\n"
)
_PARTLY = b"207 Multi-Status"
_AFTER = re.compile(rb"[?&]after=([^& ]*)")
_DATE = re.compile(rb"/(?:\d{4}-\d{2}|v\d)(?=/|$)")
"""The version in a path: any will do."""
_SEARCH = re.compile(rb"POST /crm/objects/(\w+)/search")


class _Input(msgspec.Struct):
    id: str


class _Batch(msgspec.Struct):
    inputs: list[_Input]


_decode_batch = msgspec.json.Decoder(_Batch).decode


class HubSpotAnswers(Answers):
    """All answers, by request line."""

    def __init__(self, records: int) -> None:
        self._records = records
        self._changes = ChangeSet()
        self._pages: dict[bytes, dict[bytes, bytes]] = {}
        self._fixed: dict[bytes, bytes] = {
            b"GET /crm/pipelines/deals": _answer(portal.pipelines()),
            b"GET /account-info/details": _answer(
                b'{"portalId":1,"portalName":"Benchmark","timeZone":"UTC"}'
            ),
            b"POST /oauth/token": _answer(
                b'{"access_token":"bench-access","refresh_token":"bench-refresh","expires_in":1800,"hub_id":1}'
            ),
        }
        for name in OBJECT_TYPES:
            pages = {after.encode(): _answer(body) for after, body in portal.pages(name, records)}
            self._pages[f"GET /crm/objects/{name}".encode()] = pages
            total = _answer(b'{"total":%d,"results":[]}' % records)
            self._fixed[f"POST /crm/objects/{name}/search".encode()] = total
        self._entries: dict[bytes, Mapping[str, bytes]] = {
            f"POST /crm/associations/{pair.from_type}/{pair.to_type}/batch/read".encode(): dict(
                portal.association_entries(pair, records)
            )
            for pair in portal.ASSOCIATIONS
        }
        self._owners = {archived: _answer(portal.owners(archived=archived)) for archived in (False, True)}

    def answer(self, method: bytes, target: bytes, body: bytes) -> bytes:
        path, _, query = target.partition(b"?")
        endpoint = method + b" " + _DATE.sub(b"", path, count=1)
        if (pages := self._pages.get(endpoint)) is not None:
            after = _AFTER.search(target)
            return pages.get(after[1] if after else b"", _UNKNOWN)
        if (entries := self._entries.get(endpoint)) is not None:
            return _associations(entries, body)
        if endpoint == b"GET /crm/owners":
            return self._owners[b"archived=true" in query]
        if (searched := _SEARCH.fullmatch(endpoint)) is not None:
            found = self._changes.find(searched[1].decode(), body)
            if found is not None:
                return _answer(found)
        return self._fixed.get(endpoint, _UNKNOWN)

    def change(self, every: int, now_ms: int) -> None:
        self._changes.make(self._records, every, now_ms)


def _answer(body: bytes, status: bytes = OK) -> bytes:
    return response(body, _HEADERS, status)


_UNKNOWN = _answer(b'{"status":"error","category":"OBJECT_NOT_FOUND","message":"not served here"}', NOT_FOUND)
_MISS = (
    '{"status":"error","category":"OBJECT_NOT_FOUND","subCategory":"crm.associations.NO_ASSOCIATIONS_FOUND",'
    '"message":"No company is associated with contact %s.","context":{"fromObjectId":["%s"]}}'
)


def _associations(entries: Mapping[str, bytes], body: bytes) -> bytes:
    found, missing = [], []
    for given in _decode_batch(body).inputs:
        entry = entries.get(given.id)
        if entry is None:
            missing.append(_MISS % (given.id, given.id))
        else:
            found.append(entry)
    errors = b',"numErrors":%d,"errors":[%s]' % (len(missing), ",".join(missing).encode()) if missing else b""
    document = b'{"status":"COMPLETE","results":[%s]%s}' % (b",".join(found), errors)
    return _answer(document, _PARTLY if missing else OK)
