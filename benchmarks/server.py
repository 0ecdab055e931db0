"""Serves the made-up account over HTTP/1.1 at the least cost: answers are rendered before the first request.

Just enough HubSpot for a full sync. It announces a limit that nobody meets in HubSpot's own rate headers,
which is how the adapter comes to run at full speed.
"""

import argparse
import asyncio
import re
from collections.abc import Mapping
from typing import cast

import msgspec
import uvloop

from astrelo.bootstrap.processes import end_with_parent
from benchmarks import portal
from benchmarks.changes import Changes

_HEAD = (
    b"HTTP/1.1 %s\r\ncontent-type: application/json;charset=utf-8\r\n"
    b"x-hubspot-ratelimit-max: 1000000\r\nx-hubspot-ratelimit-remaining: 999999\r\n"
    b"x-hubspot-ratelimit-interval-milliseconds: 10000\r\n"
    b"content-length: %d\r\n\r\n"
)
_OK, _PARTLY, _NOT_FOUND = b"200 OK", b"207 Multi-Status", b"404 Not Found"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_AFTER = re.compile(rb"[?&]after=([^& ]*)")
_DATE = re.compile(rb"/(?:\d{4}-\d{2}|v\d)(?=/|$)")
"""The version in a path: any will do."""
_SEARCH = re.compile(rb"POST /crm/objects/(\w+)/search")


class _Input(msgspec.Struct):
    id: str


class _Batch(msgspec.Struct):
    inputs: list[_Input]


class _Change(msgspec.Struct):
    every: int
    now_ms: int


_decode_change = msgspec.json.Decoder(_Change).decode
_decode_batch = msgspec.json.Decoder(_Batch).decode


class Account:
    """All answers, by request line."""

    def __init__(self, records: int) -> None:
        self._records = records
        self._changes = Changes()
        self._requests = 0
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
        for name in ("companies", "contacts", "deals"):
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
        if path.startswith(b"/benchmark/"):
            return self._directed(path, body)
        self._requests += 1
        endpoint = method + b" " + _DATE.sub(b"", path, count=1)
        if (pages := self._pages.get(endpoint)) is not None:
            after = _AFTER.search(target)
            return pages.get(after[1] if after else b"", _UNKNOWN)
        if (entries := self._entries.get(endpoint)) is not None:
            return _associations(entries, body)
        if endpoint == b"GET /crm/owners":
            return self._owners[b"archived=true" in query]
        if (told := _SEARCH.fullmatch(endpoint)) is not None:
            found = self._changes.found(told[1].decode(), body)
            if found is not None:
                return _answer(found)
        return self._fixed.get(endpoint, _UNKNOWN)

    def _directed(self, path: bytes, body: bytes) -> bytes:
        """Do what the benchmark asks of us ourselves; not counted."""
        if path == b"/benchmark/change":
            told = _decode_change(body)
            self._changes.make(self._records, told.every, told.now_ms)
        return _answer(b"%d" % self._requests)


class Connection(asyncio.Protocol):
    def __init__(self, account: Account) -> None:
        self._account = account
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own class stands in for it

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(self._received, 0, end)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._received) < whole:
                return
            method, target, _ = self._received[: self._received.index(b"\r\n")].split(b" ", 2)
            body, self._received = self._received[end + 4 : whole], self._received[whole:]
            self._transport.write(self._account.answer(method, target, body))


def _answer(body: bytes, status: bytes = _OK) -> bytes:
    return _HEAD % (status, len(body)) + body


_UNKNOWN = _answer(
    b'{"status":"error","category":"OBJECT_NOT_FOUND","message":"not served here"}', _NOT_FOUND
)
_MISS = (
    '{"status":"error","category":"OBJECT_NOT_FOUND","subCategory":"crm.associations.NO_ASSOCIATIONS_FOUND",'
    '"message":"No company is associated with contact %s.","context":{"fromObjectId":["%s"]}}'
)


def _associations(entries: Mapping[str, bytes], body: bytes) -> bytes:
    found, missing = [], []
    for told in _decode_batch(body).inputs:
        entry = entries.get(told.id)
        if entry is None:
            missing.append(_MISS % (told.id, told.id))
        else:
            found.append(entry)
    errors = b',"numErrors":%d,"errors":[%s]' % (len(missing), ",".join(missing).encode()) if missing else b""
    document = b'{"status":"COMPLETE","results":[%s]%s}' % (b",".join(found), errors)
    return _answer(document, _PARTLY if missing else _OK)


async def _serve(records: int) -> None:
    account = Account(records)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(account), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main() -> None:
    """Serve until killed; the first line on stdout is the port."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.server")
    parser.add_argument("--records", type=int, required=True)
    end_with_parent()
    uvloop.run(_serve(parser.parse_args().records))


if __name__ == "__main__":
    main()
