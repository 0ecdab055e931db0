"""One request to a receiver over real sockets: what is sent, what counts as accepted, and what cannot do harm."""

import asyncio
import gzip
import json
import ssl
from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

import pytest
import trustme
from standardwebhooks import Webhook, WebhookVerificationError

from astrelo.adapters.outbound.webhook_transport.transport import HttpWebhookTransport, SendLimits
from astrelo.application.webhook_endpoints.target_url import TargetPolicy
from astrelo.bootstrap.system import SystemClock
from astrelo.domain.identifiers import UserId, WebhookDeliveryId, WebhookEndpointId
from astrelo.domain.webhook_endpoints.deliveries import DeliveryAttempt, DeliveryError, WebhookDelivery
from astrelo.domain.webhook_endpoints.events import WebhookTopic, encode_event
from tests.support.webhook_receiver import Respond, never_respond, respond_with, send_raw, webhook_receiver

pytestmark = pytest.mark.anyio

LOOPBACK = TargetPolicy(allow_http=True, allow_loopback=True)
PUBLIC = TargetPolicy(allow_http=True)
QUICK = SendLimits(seconds=1.0)
SECRET, FORMER = "whsec_" + "A" * 43 + "=", "whsec_" + "B" * 43 + "="
NOW = SystemClock().now()
DELIVERY = WebhookDelivery(
    id=WebhookDeliveryId(UUID(int=7)),
    user_id=UserId(UUID(int=1)),
    endpoint_id=WebhookEndpointId(UUID(int=2)),
    topic=WebhookTopic.SYNC_COMPLETED,
    payload=encode_event(WebhookTopic.SYNC_COMPLETED, NOW, {"reason": "Ünïcode ✓"}),
    created_at=NOW,
)


async def send(
    url: str,
    *,
    policy: TargetPolicy = LOOPBACK,
    limits: SendLimits = QUICK,
    tls: ssl.SSLContext | None = None,
    secrets: tuple[str, ...] = (SECRET,),
) -> DeliveryAttempt:
    async with HttpWebhookTransport.open(policy, limits, tls) as transport:
        return await transport.send(url, secrets, DELIVERY, SystemClock().now())


async def test_a_receiver_verifies_the_request_with_the_current_or_the_former_secret() -> None:
    async with webhook_receiver() as receiver:
        attempt = await send(receiver.url, secrets=(SECRET, FORMER))
    assert attempt == DeliveryAttempt(None, 204, "")
    (request,) = receiver.received
    for secret in (SECRET, FORMER):
        assert Webhook(secret).verify(request.body, request.headers) == json.loads(DELIVERY.payload)
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + "C" * 43 + "=").verify(request.body, request.headers)
    assert request.path == "/hook"
    assert request.headers["webhook-id"] == str(DELIVERY.id)
    assert request.headers["content-type"] == "application/json"
    assert request.headers["accept-encoding"] == "identity"
    assert request.headers["host"] == f"localhost:{receiver.port}"


async def test_a_replaced_secret_no_longer_signs_after_its_time() -> None:
    async with webhook_receiver() as receiver:
        await send(receiver.url, secrets=(SECRET,))
    (request,) = receiver.received
    with pytest.raises(WebhookVerificationError):
        Webhook(FORMER).verify(request.body, request.headers)


BOMB = gzip.compress(bytes(50_000_000))
BAD: Mapping[str, tuple[Respond, DeliveryError | None, int | None]] = {
    "any 2xx": (respond_with(299, b"fine"), None, 299),
    "more than is read": (respond_with(200, b"x" * 1_000_000), None, 200),
    "a gigabyte": (send_raw(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1_000_000, repeat=1_000), None, 200),
    "a bomb in gzip": (respond_with(200, BOMB, content_encoding="gzip"), None, 200),
    "a redirect": (respond_with(302, location="http://127.0.0.1/"), DeliveryError.REDIRECTED, 302),
    "a permanent redirect": (respond_with(308, location="/elsewhere"), DeliveryError.REDIRECTED, 308),
    "a client error": (respond_with(404), DeliveryError.HTTP_ERROR, 404),
    "a server error": (respond_with(503), DeliveryError.HTTP_ERROR, 503),
    "that it is gone": (respond_with(410), DeliveryError.GONE, 410),
    "nothing": (never_respond, DeliveryError.TIMED_OUT, None),
    "a head that never ends": (
        send_raw(b"HTTP/1.1 200 OK\r\nX: ", repeat=1, every=30),
        DeliveryError.TIMED_OUT,
        None,
    ),
    "a body that drips": (
        send_raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\nx", repeat=1, every=30),
        DeliveryError.TIMED_OUT,
        None,
    ),
    "interim responses for ever": (
        send_raw(b"HTTP/1.1 100 Continue\r\n\r\n", repeat=100, every=0.05),
        DeliveryError.TIMED_OUT,
        None,
    ),
    "interim responses as fast as they are read": (
        send_raw(b"HTTP/1.1 103 E\r\n\r\n" * 1_000, repeat=1_000),
        DeliveryError.INVALID_RESPONSE,
        None,
    ),
    "a body in chunks of one byte": (
        send_raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 200_000),
        DeliveryError.INVALID_RESPONSE,
        None,
    ),
    "headers for ever": (
        send_raw(b"HTTP/1.1 200 OK\r\n" + b"X-Y: z\r\n" * 100_000),
        DeliveryError.INVALID_RESPONSE,
        None,
    ),
    "another protocol": (send_raw(b"220 mail.test ESMTP\r\n"), DeliveryError.INVALID_RESPONSE, None),
    "a closed connection": (send_raw(b""), DeliveryError.INVALID_RESPONSE, None),
    "half a body": (
        send_raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"),
        DeliveryError.INVALID_RESPONSE,
        None,
    ),
}


@pytest.mark.parametrize(("respond", "error", "status"), BAD.values(), ids=BAD)
async def test_a_receiver_that_responds_with(
    respond: Respond, error: DeliveryError | None, status: int | None
) -> None:
    async with webhook_receiver(respond) as receiver:
        attempt = await send(receiver.url)
    assert (attempt.error, attempt.response_status) == (error, status)
    assert receiver.connections == 1
    assert len(attempt.response_excerpt or "") <= 1_000


async def test_an_excerpt_is_text_that_can_be_stored() -> None:
    async with webhook_receiver(respond_with(500, b"a\0b\xff\xed\xa0\x80")) as receiver:
        attempt = await send(receiver.url)
    assert attempt.response_excerpt is not None
    assert "\0" not in attempt.response_excerpt
    assert attempt.response_excerpt.encode().startswith(b"a")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1", "0x7f000001", "2130706433", "0"])
async def test_a_host_that_is_this_machine_is_not_connected_to(host: str) -> None:
    async with webhook_receiver() as receiver:
        attempt = await send(f"http://{host}:{receiver.port}/", policy=PUBLIC)
    assert attempt == DeliveryAttempt(DeliveryError.ADDRESS_NOT_ALLOWED)
    assert receiver.connections == 0


async def test_a_name_that_does_not_exist_and_a_port_where_nothing_listens() -> None:
    assert await send("http://no-such-host.invalid/") == DeliveryAttempt(DeliveryError.NAME_NOT_FOUND)
    async with webhook_receiver() as receiver:
        pass
    assert await send(receiver.url) == DeliveryAttempt(DeliveryError.CONNECTION_FAILED)


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with webhook_receiver() as proxy, webhook_receiver() as receiver:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert (await send(receiver.url)).error is None
    assert (proxy.connections, receiver.connections) == (0, 1)


async def test_the_server_must_prove_the_name_of_the_url() -> None:
    authority = trustme.CA()
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    for name, context, error in (
        ("localhost", trusting, None),
        ("other.test", trusting, DeliveryError.TLS_FAILED),
        ("localhost", None, DeliveryError.TLS_FAILED),
    ):
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert(name).configure_cert(tls)
        async with webhook_receiver(tls=tls) as receiver:
            assert (await send(receiver.url, tls=context)).error is error


async def test_many_slow_receivers_are_waited_for_at_the_same_time() -> None:
    loop = asyncio.get_running_loop()
    async with (
        webhook_receiver(never_respond) as receiver,
        HttpWebhookTransport.open(LOOPBACK, SendLimits(seconds=0.5)) as transport,
    ):
        began = loop.time()
        attempts = await asyncio.gather(
            *(transport.send(receiver.url, (SECRET,), DELIVERY, NOW) for _ in range(50))
        )
    assert {attempt.error for attempt in attempts} == {DeliveryError.TIMED_OUT}
    assert timedelta(seconds=loop.time() - began) < timedelta(seconds=5)
