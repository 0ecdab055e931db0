"""Receives webhooks of the CRMs. Public: a call is authenticated by its signature over every byte of it."""

import asyncio
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, Request, post
from litestar.di import NamedDependency
from litestar.status_codes import HTTP_204_NO_CONTENT

from astrelo.adapters.inbound.http import guards, problem_kinds, problems, security
from astrelo.adapters.inbound.http.config import HttpConfig
from astrelo.adapters.inbound.http.records import parameters
from astrelo.application.sync.webhooks import ReceiveWebhook
from astrelo.domain.ports.crm import WebhookRequest

BODY_TIMEOUT = timedelta(seconds=4)
"""Less than the five seconds after which a CRM repeats a call."""


class Webhooks(Controller):
    tags = ("webhooks",)

    @post(
        "/api/webhooks/{provider:str}",
        status_code=HTTP_204_NO_CONTENT,
        responses=problems.describe(
            problem_kinds.MALFORMED_REQUEST,
            problem_kinds.NOT_FOUND,
            problem_kinds.REQUEST_TIMEOUT,
            problem_kinds.BODY_TOO_LARGE,
            problem_kinds.STORE_UNAVAILABLE,
            problem_kinds.PROVIDER_NOT_CONFIGURED,
            problem_kinds.WEBHOOK_REJECTED,
        ),
        opt={security.PUBLIC: True, guards.OPEN_QUERY: True},
        security=[{}],
        summary="Take a CRM's webhook calls",
    )
    @inject
    async def receive_webhook(
        self,
        request: Request[Any, Any, Any],
        receive: FromDishka[ReceiveWebhook],
        config: NamedDependency[HttpConfig],
        provider: parameters.ProviderPath,
    ) -> None:
        """Keep which records the call names; they are read again soon after, so that its order does not matter.

        Body and signature are the CRM's own; the signature covers the public URL of this path, spelt as it was
        called: with a slash at its end, say, or with escapes.
        """
        headers = dict(request.headers)
        receive.check_headers(provider, headers)
        # Path and query as they came: slashes, escapes and bytes that are no text are all signed.
        raw_path = request.scope.get("raw_path") or quote(request.url.path).encode()
        path, query = raw_path.partition(b"?")[0], request.scope["query_string"]
        target = (path + b"?" + query if query else path).decode("utf-8", "surrogateescape")
        call = WebhookRequest(
            method=request.method,
            uri=config.public_url + target,
            headers=headers,
            body=await _read_body(request),
        )
        await receive(provider, call)


async def _read_body(request: Request[Any, Any, Any]) -> bytes:
    """Read the whole body, or end the connection: anybody may call this path, and hold a call's headers right."""
    try:
        async with asyncio.timeout(BODY_TIMEOUT.total_seconds()):
            return await request.body()
    except TimeoutError:
        kind = problem_kinds.REQUEST_TIMEOUT
        raise problems.HttpError(kind, kind.message.happened, headers={"Connection": "close"}) from None
