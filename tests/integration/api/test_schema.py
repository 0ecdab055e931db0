"""The API answers as its OpenAPI description says, whatever is sent: valid requests and invalid ones."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.harness.api import API, ApiHarness, api_harness, token_of

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
EXAMPLES = 12

Operation = APIOperation[Any, Any, Any, Any]


class _Running:
    """The API in an event loop of its own: generated tests are synchronous, the database pool is not."""

    def __init__(self, loop: asyncio.Runner, world: ApiHarness) -> None:
        self._loop = loop
        self.world = world

    def wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self._loop.run(work)

    def description(self) -> dict[str, Any]:
        served: dict[str, Any] = self.wait(self.world.client.get("/schema/openapi.json")).json()
        return served

    def send(self, prepared: requests.PreparedRequest) -> httpx.Response:
        """Send what would go over the wire, byte for byte."""
        body = prepared.body.encode() if isinstance(prepared.body, str) else prepared.body
        assert body is None or isinstance(body, bytes)
        headers = [(_bytes(name), _bytes(value)) for name, value in prepared.headers.items()]
        request = httpx.Request(prepared.method or "GET", prepared.url or "", headers=headers, content=body)
        answer: httpx.Response = self.wait(self.world.client.send(request))
        return answer


def _bytes(header: str | bytes) -> bytes:
    return header if isinstance(header, bytes) else header.encode("latin-1")


@contextmanager
def _running(database: str) -> Iterator[_Running]:
    with asyncio.Runner() as loop:
        opened = api_harness(database)
        world = loop.run(opened.__aenter__())
        try:
            yield _Running(loop, world)
        finally:
            loop.run(opened.__aexit__(None, None, None))


async def _lay_a_little_of_everything(world: ApiHarness) -> None:
    company = await world.company(company_name="Acme", domain="acme.com", naics="5132")
    await world.contact(company_id=company)
    await world.contact()
    await world.deal(company_id=company)
    await world.owner()
    await world.step(await world.run(await world.connection()), "companies", rejected={"bad_id": 1})


def _operations(running: _Running) -> list[Operation]:
    schema = schemathesis.openapi.from_dict(running.description())
    found = list(schema.get_all_operations())
    return [operation.ok() for operation in found if isinstance(operation, Ok)]


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_every_route_conforms_to_its_description(database: str, mode: GenerationMode) -> None:
    with _running(database) as running:
        running.wait(_lay_a_little_of_everything(running.world))
        for operation in _operations(running):
            _conforms(running, operation, mode)


def _conforms(running: _Running, operation: Operation, mode: GenerationMode) -> None:
    headers = {"Authorization": f"Bearer {token_of(running.world.user_id)}"}

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case: schemathesis.Case[Any]) -> None:
        prepared = requests.Request(**case.as_transport_kwargs(base_url=API, headers=headers)).prepare()
        case.validate_response(running.send(prepared), checks=CHECKS)

    # A route that takes nothing cannot be asked wrongly.
    with suppress(Unsatisfiable):
        check()


def test_the_description_lists_every_route_and_none_of_the_framework_s_errors(database: str) -> None:
    with _running(database) as running:
        description = running.description()
    assert set(description["paths"]) == {
        "/api/integrations", "/api/integrations/{provider}", "/api/integrations/{provider}/authorize",
        "/api/integrations/{provider}/callback", "/api/integrations/{provider}/sync",
        "/api/integrations/{provider}/runs", "/api/integrations/{provider}/runs/{run_id}",
        "/api/integrations/{provider}/runs/{run_id}/cancel", "/api/companies", "/api/companies/{company_id}", "/api/companies/{company_id}/explain",
            "/api/companies/{company_id}/pins", "/api/contacts/{contact_id}/explain", "/api/deals/{deal_id}/explain",
            "/api/integrations/{provider}/runs/{run_id}/unreadable",
        "/api/companies/summary", "/api/contacts", "/api/contacts/{contact_id}", "/api/deals", "/api/deals/{deal_id}", "/api/owners", "/api/owners/{owner_id}",
        "/api/icp-profile", "/api/webhooks/{provider}", "/health/live", "/health/ready", "/metrics",
    }  # fmt: skip
    for path in description["paths"].values():
        for operation in path.values():
            for status, response in operation["responses"].items():
                if int(status) < 400:
                    continue
                assert response["content"] == {
                    "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
                }


def test_the_description_says_which_routes_are_public(database: str) -> None:
    with _running(database) as running:
        description = running.description()
    assert description["security"] == [{"token": []}, {"session": []}]
    public = {
        path
        for path, operations in description["paths"].items()
        for operation in operations.values()
        if operation.get("security") == [] and "401" not in operation["responses"]
    }
    assert public == {
        "/api/integrations/{provider}/callback", "/api/webhooks/{provider}", "/health/live", "/health/ready",
        "/metrics",
    }  # fmt: skip
