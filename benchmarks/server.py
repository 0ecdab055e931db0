"""Serves the made-up account over HTTP/1.1 at the least cost, as the CRM that is asked for would send it."""

import argparse
import asyncio
import re
from typing import cast

import msgspec
import uvloop

from astrelo.bootstrap.development.processes import end_with_parent
from astrelo.domain.identifiers import Provider
from benchmarks.answering import Answers, response
from benchmarks.crms import CRMS

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_OURS = b"/benchmark/"
"""Where the benchmark itself asks for something; that is not counted as a request."""


class _Change(msgspec.Struct):
    every: int
    now_ms: int


_decode_change = msgspec.json.Decoder(_Change).decode


class Desk:
    """Hands requests on to the CRM's answers and counts them."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._requests = 0

    def answer(self, method: bytes, target: bytes, body: bytes) -> bytes:
        if target.startswith(_OURS):
            return self._direct(target, body)
        self._requests += 1
        return self._answers.answer(method, target, body)

    def _direct(self, target: bytes, body: bytes) -> bytes:
        if target == _OURS + b"change":
            change = _decode_change(body)
            self._answers.change(change.every, change.now_ms)
        return response(b"%d" % self._requests, b"content-type: text/plain\r\n")


class Connection(asyncio.Protocol):
    def __init__(self, desk: Desk) -> None:
        self._desk = desk
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
            self._transport.write(self._desk.answer(method, target, body))


async def _serve(answers: Answers) -> None:
    desk = Desk(answers)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(desk), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main() -> None:
    """Serve until killed; the first line on stdout is the port."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.server")
    parser.add_argument("--provider", type=Provider, choices=CRMS, required=True)
    parser.add_argument("--records", type=int, required=True)
    end_with_parent()
    options = parser.parse_args()
    uvloop.run(_serve(CRMS[options.provider].answers(options.records)))


if __name__ == "__main__":
    main()
