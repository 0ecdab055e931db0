"""Webhooks over HTTP, signed as Standard Webhooks has it (https://www.standardwebhooks.com).

Made with httpcore, which follows no redirects, reads no proxies from the environment, and decompresses nothing.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from http import HTTPStatus
from typing import NamedTuple, Self
from urllib.parse import urlsplit

import httpcore
import httpx
from standardwebhooks import Webhook

from astrelo.adapters.outbound.webhook_transport import network
from astrelo.application.webhook_endpoints.target_url import TargetPolicy
from astrelo.domain.ports.webhook_endpoints import WebhookTransport
from astrelo.domain.webhook_endpoints import deliveries

_USER_AGENT = "Astrelo-Webhooks/1.0"


class SendLimits(NamedTuple):
    seconds: float = 10.0
    """For everything: the name, the connection, the request and the whole response, however slowly it comes."""
    response_bytes: int = 64 * 1024
    """Read of a response's body; the rest is left and the connection closed."""


class HttpWebhookTransport(WebhookTransport):
    """Each request has a connection of its own: an address that was admitted long ago is not used again."""

    def __init__(self, pool: httpcore.AsyncConnectionPool, limits: SendLimits) -> None:
        self._pool = pool
        self._limits = limits

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        policy: TargetPolicy,
        limits: SendLimits = SendLimits(),  # noqa: B008 - immutable
        ssl_context: ssl.SSLContext | None = None,
    ) -> AsyncIterator[Self]:
        admitted = network.AdmittedNetwork(policy.allows)
        pool = httpcore.AsyncConnectionPool(
            # Certificates of certifi, as the CRMs' clients have; nothing from the environment.
            ssl_context=ssl_context or httpx.create_ssl_context(trust_env=False),
            max_connections=None,
            max_keepalive_connections=0,
            network_backend=admitted,
        )
        try:
            async with pool:
                yield cls(pool, limits)
        finally:
            admitted.close()

    async def send(
        self, url: str, secrets: Sequence[str], delivery: deliveries.WebhookDelivery, at: datetime
    ) -> deliveries.DeliveryAttempt:
        try:
            async with asyncio.timeout(self._limits.seconds):
                return await self._post(url, sign(secrets, delivery, at), delivery.payload.encode())
        except FAILURES as error:
            return deliveries.DeliveryAttempt(classify_failure(error))

    async def _post(
        self, url: str, headers: dict[bytes | str, bytes | str], body: bytes
    ) -> deliveries.DeliveryAttempt:
        async with self._pool.stream(
            "POST", url, headers=headers | {"Host": urlsplit(url).netloc}, content=body
        ) as response:
            received = b""
            async for chunk in response.aiter_stream():
                received += chunk
                if len(received) >= self._limits.response_bytes:
                    break
            is_plain = not any(name.lower() == b"content-encoding" for name, _ in response.headers)
            excerpt = received[: self._limits.response_bytes].decode(errors="replace").replace("\0", "�")
            return deliveries.DeliveryAttempt(
                classify_status(response.status),
                response.status,
                excerpt[: deliveries.MAX_EXCERPT_LENGTH] if is_plain else None,
            )


def sign(
    secrets: Sequence[str], delivery: deliveries.WebhookDelivery, at: datetime
) -> dict[bytes | str, bytes | str]:
    """Return the headers of a delivery: its id, which repeats keep, the time, and a signature for each secret."""
    message_id = str(delivery.id)
    signatures = [Webhook(secret).sign(message_id, at, delivery.payload) for secret in secrets]
    return {
        "Content-Type": "application/json",
        "Accept-Encoding": "identity",
        "User-Agent": _USER_AGENT,
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


FAILURES = (
    TimeoutError,
    OSError,
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    network.NameNotFound,
    network.AddressNotAllowed,
)
"""What a request raises that a receiver, or the network before it, is the cause of."""


def classify_failure(error: Exception) -> deliveries.DeliveryError:
    match error:
        case network.NameNotFound():
            return deliveries.DeliveryError.NAME_NOT_FOUND
        case network.AddressNotAllowed():
            return deliveries.DeliveryError.ADDRESS_NOT_ALLOWED
        case TimeoutError() | httpcore.TimeoutException():
            return deliveries.DeliveryError.TIMED_OUT
        case httpcore.ProtocolError():
            return deliveries.DeliveryError.INVALID_RESPONSE
        case _ if isinstance(error.__cause__ or error.__context__ or error, ssl.SSLError):
            return deliveries.DeliveryError.TLS_FAILED
        case _:
            return deliveries.DeliveryError.CONNECTION_FAILED


def classify_status(status: int) -> deliveries.DeliveryError | None:
    """Return None for 2xx, which alone is an acceptance."""
    match status:
        case HTTPStatus.GONE:
            return deliveries.DeliveryError.GONE
        case _ if 200 <= status < 300:  # noqa: PLR2004 - the class of statuses
            return None
        case _ if 300 <= status < 400:  # noqa: PLR2004 - the class of statuses
            return deliveries.DeliveryError.REDIRECTED
        case _:
            return deliveries.DeliveryError.HTTP_ERROR
