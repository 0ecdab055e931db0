"""Webhook endpoints over the API: their life, what is shown of them, and what is refused with which code."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from astrelo.application.webhook_endpoints.outbox import WebhookOutbox
from astrelo.domain.identifiers import WebhookEndpointId
from astrelo.domain.ports.state import UnitOfWork
from astrelo.domain.webhook_endpoints.endpoints import MAX_ENDPOINTS
from astrelo.domain.webhook_endpoints.events import WebhookTopic
from tests.support.harness.api import ApiHarness, api_harness
from tests.support.secret_watch import Secrets

pytestmark = pytest.mark.anyio

PATH = "/api/webhook-endpoints"
URL = "https://hooks.example.com/astrelo"
BODY = {"url": URL, "topics": ["sync.completed", "changes.available"]}


@pytest.fixture
async def api(database: str) -> AsyncIterator[ApiHarness]:
    async with api_harness(database) as opened:
        yield opened


async def add(api: ApiHarness, **body: Any) -> dict[str, Any]:
    response = await api.ask("POST", PATH, json=BODY | body)
    assert response.status_code == 201, response.text
    issued: dict[str, Any] = response.json()
    assert response.headers["location"] == f"{PATH}/{issued['endpoint']['id']}"
    return issued


async def publish(api: ApiHarness, endpoint_id: str) -> str:
    uow, outbox = await api.container.get(UnitOfWork), await api.container.get(WebhookOutbox)
    async with uow(api.user_id) as tx:
        added = await outbox.add(
            tx, api.user_id, WebhookEndpointId(UUID(endpoint_id)), WebhookTopic.SYNC_FAILED, {}
        )
    return str(added)


def code(response: httpx.Response) -> tuple[int, str]:
    assert response.headers["content-type"] == "application/problem+json", response.text
    return response.status_code, response.json()["code"]


async def test_an_endpoint_is_added_changed_disabled_and_deleted(api: ApiHarness) -> None:
    endpoint = (await add(api))["endpoint"]
    path = f"{PATH}/{endpoint['id']}"
    assert endpoint["url"] == URL
    assert (endpoint["topics"], endpoint["enabled"]) == (["changes.available", "sync.completed"], True)
    assert (await api.get(path)).json() == endpoint
    changed = await api.ask("PATCH", path, json={"topics": ["sync.failed", "sync.failed"], "enabled": False})
    assert changed.status_code == 200
    view = changed.json()
    assert (view["topics"], view["url"], view["enabled"]) == (["sync.failed"], URL, False)
    assert view["disabled_reason"] == "by_user"
    assert view["reason"].startswith("You disabled the endpoint.")
    assert (await api.ask("PATCH", path, json={"enabled": True})).json()["disabled_reason"] is None
    assert (await api.ask("PATCH", path, json={})).json()["topics"] == ["sync.failed"]
    assert (await api.ask("DELETE", path)).status_code == 204
    assert code(await api.get(path)) == (404, "not_found")
    assert code(await api.ask("DELETE", path)) == (404, "not_found")


async def test_the_secret_is_shown_at_creation_and_rotation_only(api: ApiHarness, secrets: Secrets) -> None:
    issued = await add(api)
    path = f"{PATH}/{issued['endpoint']['id']}"
    rotated = (await api.ask("POST", f"{path}/rotate-secret")).json()
    secrets.register(issued["secret"], rotated["secret"])
    assert issued["secret"].startswith("whsec_")
    assert rotated["secret"] not in {issued["secret"], ""}
    assert rotated["endpoint"]["former_secret_expires_at"] is not None
    for response in (await api.get(path), await api.get(PATH), await api.get(f"{path}/deliveries")):
        assert "whsec_" not in response.text


async def test_lists_are_paged_and_complete(api: ApiHarness) -> None:
    added = [(await add(api))["endpoint"]["id"] for _ in range(3)]
    first = (await api.get(PATH, limit=2)).json()
    second = (await api.get(PATH, limit=2, cursor=first["next_cursor"])).json()
    assert [entry["id"] for page in (first, second) for entry in page["data"]] == added
    assert (first["has_more"], second["has_more"]) == (True, False)
    deliveries = [await publish(api, added[0]) for _ in range(3)]
    path = f"{PATH}/{added[0]}/deliveries"
    first = (await api.get(path, limit=2)).json()
    second = (await api.get(path, limit=2, cursor=first["next_cursor"])).json()
    assert [entry["id"] for page in (first, second) for entry in page["data"]] == deliveries[::-1]


async def test_a_test_event_and_a_redelivery_are_taken_for_soon(api: ApiHarness) -> None:
    endpoint_id = (await add(api))["endpoint"]["id"]
    tested = await api.ask("POST", f"{PATH}/{endpoint_id}/test")
    assert tested.status_code == 202
    assert (tested.json()["topic"], tested.json()["status"]) == ("webhook_endpoint.test", "pending")
    assert (await api.ask("POST", f"{PATH}/{endpoint_id}/test")).json()["id"] == tested.json()["id"]
    delivery_id = await publish(api, endpoint_id)
    again = await api.ask("POST", f"{PATH}/{endpoint_id}/deliveries/{delivery_id}/redeliver")
    assert (again.status_code, again.json()["id"]) == (202, delivery_id)
    await api.ask("PATCH", f"{PATH}/{endpoint_id}", json={"enabled": False})
    (failed, _) = (await api.get(f"{PATH}/{endpoint_id}/deliveries")).json()["data"]
    assert (failed["status"], failed["error"]) == ("failed", "endpoint_disabled")
    assert failed["action"]
    for path in ("test", f"deliveries/{delivery_id}/redeliver"):
        refused = await api.ask("POST", f"{PATH}/{endpoint_id}/{path}")
        assert code(refused) == (409, "invalid_state")


async def test_a_user_has_a_bounded_number_of_endpoints(api: ApiHarness) -> None:
    for _ in range(MAX_ENDPOINTS):
        await add(api)
    assert code(await api.ask("POST", PATH, json=BODY)) == (409, "limit_reached")
    assert (await api.ask("POST", PATH, api.neighbour_id, json=BODY)).status_code == 201


BAD_BODIES: tuple[tuple[Any, str], ...] = (
    ({}, "body"),
    ({"url": URL}, "body"),
    ({"topics": ["sync.completed"]}, "body"),
    (BODY | {"secret": "whsec_AAAA"}, "body"),
    (BODY | {"topics": []}, "topics"),
    (BODY | {"topics": ["sync.started"]}, "topics"),
    (BODY | {"topics": ["webhook_endpoint.test"]}, "topics"),
    (BODY | {"topics": ["*"]}, "topics"),
    (BODY | {"topics": "sync.completed"}, "topics"),
    (BODY | {"topics": ["sync.completed"] * 21}, "topics"),
    (BODY | {"url": ""}, "url"),
    (BODY | {"url": None}, "url"),
    (BODY | {"url": "https://127.0.0.1/"}, "url"),
    (BODY | {"url": "https://localhost/"}, "url"),
    (BODY | {"url": "https://[::1]/"}, "url"),
    (BODY | {"url": "https://169.254.169.254/latest/meta-data"}, "url"),
    (BODY | {"url": "https://user:pass@hooks.example.com/"}, "url"),
    (BODY | {"url": "ftp://hooks.example.com/"}, "url"),
    (BODY | {"url": "https://hooks.example.com:22/"}, "url"),
    (BODY | {"url": "https://hooks.example.com/\0"}, "url"),
    (BODY | {"url": f"https://hooks.example.com/{'x' * 2_000}"}, "url"),
)


async def test_a_body_that_makes_no_endpoint_is_refused_and_nothing_is_stored(api: ApiHarness) -> None:
    endpoint_id = (await add(api))["endpoint"]["id"]
    before = (await api.get(PATH)).json()
    for body, field in BAD_BODIES:
        response = await api.ask("POST", PATH, json=body)
        assert code(response) == (400, "invalid_input"), body
        assert field in response.json()["errors"][0]["field"], response.text
    for change in ({"url": "https://10.0.0.1/"}, {"topics": ["x"]}, {"enabled": "yes"}, {"id": str(uuid4())}):
        response = await api.ask("PATCH", f"{PATH}/{endpoint_id}", json=change)
        assert code(response) == (400, "invalid_input"), change
    for limit in (0, 101):
        assert code(await api.get(PATH, limit=limit)) == (400, "invalid_input")
    assert code(await api.get(PATH, cursor="x")) == (400, "invalid_cursor")
    assert (await api.get(PATH)).json() == before


async def test_another_user_s_endpoint_is_not_there(api: ApiHarness) -> None:
    endpoint_id = (await add(api))["endpoint"]["id"]
    other_id = (await add(api))["endpoint"]["id"]
    delivery_id = await publish(api, endpoint_id)
    neighbour, path = api.neighbour_id, f"{PATH}/{endpoint_id}"
    for method, target in (
        ("GET", path),
        ("DELETE", path),
        ("POST", f"{path}/test"),
        ("POST", f"{path}/rotate-secret"),
        ("GET", f"{path}/deliveries"),
        ("POST", f"{path}/deliveries/{delivery_id}/redeliver"),
    ):
        assert code(await api.ask(method, target, neighbour)) == (404, "not_found"), target
    assert code(await api.ask("PATCH", path, neighbour, json={"enabled": False})) == (404, "not_found")
    assert (await api.ask("GET", PATH, neighbour)).json()["data"] == []
    elsewhere = f"{PATH}/{other_id}/deliveries/{delivery_id}/redeliver"
    assert code(await api.ask("POST", elsewhere)) == (404, "not_found")


async def test_a_cookie_of_another_site_changes_nothing(api: ApiHarness) -> None:
    endpoint_id = (await add(api))["endpoint"]["id"]
    async with api.browser(api.user_id) as browser:
        for method, path in (("DELETE", ""), ("POST", "/rotate-secret"), ("POST", "/test")):
            response = await browser.request(
                method, f"{PATH}/{endpoint_id}{path}", headers={"Origin": "https://evil.test"}
            )
            assert code(response) == (403, "cross_site_request")
