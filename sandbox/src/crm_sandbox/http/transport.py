"""Requests to a sandbox in the same process through httpx, with the errors that a network would give."""

import asyncio

import httpx
from starlette.types import ASGIApp

from crm_sandbox.simulated_crm import ConnectionDropped


class SandboxTransport(httpx.ASGITransport):
    """An ASGITransport on which a dropped or cut connection is httpx.RemoteProtocolError.

    A response that is not whole after the read timeout is ReadTimeout.
    """

    def __init__(self, sandbox: ASGIApp) -> None:
        super().__init__(sandbox)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        seconds = request.extensions.get("timeout", {}).get("read")
        try:
            async with asyncio.timeout(seconds):
                return await super().handle_async_request(request)
        except TimeoutError as error:
            raise httpx.ReadTimeout("The sandbox took too long.", request=request) from error
        except ConnectionDropped as error:
            raise httpx.RemoteProtocolError("The sandbox dropped the connection.", request=request) from error
