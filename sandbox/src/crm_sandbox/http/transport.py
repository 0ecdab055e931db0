"""Asking a sandbox in process through httpx, with the errors that a network would give."""

import asyncio
from collections.abc import AsyncIterator

import httpx

from crm_sandbox.http.messages import Request, Response, parse_form
from crm_sandbox.simulated_crm import ConnectionDropped, SimulatedCrm


class SandboxTransport(httpx.AsyncBaseTransport):
    """A dropped or cut connection is httpx.RemoteProtocolError, an answer after the read timeout ReadTimeout."""

    def __init__(self, sandbox: SimulatedCrm) -> None:
        self._sandbox = sandbox

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        seconds = request.extensions.get("timeout", {}).get("read")
        asked = await _translate(request)
        try:
            async with asyncio.timeout(seconds):
                response = await self._sandbox.respond(asked)
        except TimeoutError as error:
            raise httpx.ReadTimeout("The sandbox took too long.", request=request) from error
        except ConnectionDropped as error:
            raise httpx.RemoteProtocolError("The sandbox dropped the connection.", request=request) from error
        if response.cut:
            raise httpx.RemoteProtocolError("The sandbox cut the connection in its answer.", request=request)
        return _answer(response)


async def _translate(request: httpx.Request) -> Request:
    query = request.url.query.decode("ascii")
    return Request(
        method=request.method,
        path=request.url.path,
        query_string=query,
        query=parse_form(query),
        headers=dict(request.headers),
        body=await request.aread(),
        scheme=request.url.scheme,
    )


def _answer(response: Response) -> httpx.Response:
    headers = [("content-type", response.media_type), *response.headers]
    content = _dripping(response) if response.drip_seconds else response.body
    return httpx.Response(response.status, headers=headers, content=content)


async def _dripping(response: Response) -> AsyncIterator[bytes]:
    for piece in response.pieces():
        await asyncio.sleep(response.pause)
        yield piece
