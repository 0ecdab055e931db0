"""The API answers as its OpenAPI description says, whatever is sent: valid requests and invalid ones."""

import asyncio
import json
import re
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from dishka import make_async_container
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

from astrelo.adapters.inbound.http.app import create_app
from astrelo.adapters.inbound.http.config import HttpConfig
from astrelo.adapters.inbound.http.openapi.schemas import REFERENCE
from astrelo.adapters.inbound.http.problem_kinds import ALL_KINDS
from tests.support.harness.api import API, JWT_SECRET, ApiHarness, api_harness, token_of

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
EXAMPLES = 12
ENDLESS = {"/api/events"}
"""Their responses have no end that could be waited for; tests/integration/events has them."""

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
    known = [operation.ok() for operation in found if isinstance(operation, Ok)]
    return [operation for operation in known if operation.path not in ENDLESS]


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


OPERATIONS = {
    "cancelSyncRun", "completeAuthorization", "createAuthorization", "createConsoleLink", "createWebhookEndpoint",
    "deleteWebhookEndpoint", "disconnectIntegration", "explainCompany", "explainContact", "explainDeal",
    "exportRecords", "getCompany", "getContact", "getDeal", "getIcpProfile", "getIntegration", "getLiveness",
    "getMetrics", "getOwner", "getReadiness", "getSyncRun", "getWebhookEndpoint", "listChanges",
    "listCompanies", "listContacts", "listDeals", "listIntegrations", "listOwners", "listSyncRuns",
    "listUnreadableValues", "listWebhookDeliveries", "listWebhookEndpoints", "pinFieldGroup",
    "receiveWebhook", "redeliverWebhook", "redirectToAuthorization", "replaceIcpProfile", "requestSync",
    "rotateWebhookSecret", "streamEvents", "summarizeCompanies", "testWebhookEndpoint",
    "updateWebhookEndpoint",
}  # fmt: skip
"""Generated clients call them by these names: add to them, never rename one."""
PUBLIC = {"completeAuthorization", "receiveWebhook", "getLiveness", "getMetrics", "getReadiness"}
# RE2 has neither lookaround nor backreferences: https://github.com/google/re2/wiki/Syntax
NOT_IN_RE2 = re.compile(r"\(\?(?:[=!>]|<[=!])|\\[1-9]")

Described = dict[str, Any]


@pytest.fixture(scope="module")
def document() -> Described:
    app = create_app(make_async_container(), HttpConfig(frontend_url=API, jwt_secret=JWT_SECRET))
    # As it is served: the framework's own objects hold more than JSON does.
    described: Described = json.loads(json.dumps(app.openapi_schema.to_schema()))
    return described


def _operations_of(document: Described) -> dict[str, Described]:
    return {
        operation["operationId"]: operation
        for path in document["paths"].values()
        for operation in path.values()
    }


def _nodes(node: Any, path: str = "") -> Iterator[tuple[str, Described]]:
    if isinstance(node, dict):
        yield path, node
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, child in children:
        yield from _nodes(child, f"{path}/{name}")


def _codes(operation: Described, status: int) -> set[str]:
    (schema,) = [content["schema"] for content in operation["responses"][str(status)]["content"].values()]
    base, narrowed = schema["allOf"]
    assert base == {"$ref": "#/components/schemas/Problem"}
    return set(narrowed["properties"]["code"]["enum"])


def test_the_document_has_every_operation_by_a_stable_name(document: Described) -> None:
    assert set(_operations_of(document)) == OPERATIONS


def test_every_tag_is_described(document: Described) -> None:
    tags = {tag for operation in _operations_of(document).values() for tag in operation["tags"]}
    assert tags == {tag["name"] for tag in document["tags"] if tag["description"]}


def test_every_operation_parameter_and_field_is_described(document: Described) -> None:
    missing = [
        f"{name}: {parameter['name']}"
        for name, operation in _operations_of(document).items()
        for parameter in operation.get("parameters", ())
        if not parameter.get("description")
    ]
    missing += [name for name, operation in _operations_of(document).items() if not operation.get("summary")]
    missing += [
        f"{name}: {field}"
        for name, schema in document["components"]["schemas"].items()
        for field, described in schema.get("properties", {}).items()
        if not described.get("description")
    ]
    assert missing == []


def test_fields_that_are_always_there_are_required(document: Described) -> None:
    """The optional ones are those of request bodies and of problems, and what is there on request: totals, companies."""
    schemas = document["components"]["schemas"]
    optional = {
        name: set(schema["properties"]) - set(schema.get("required", ()))
        for name, schema in schemas.items()
        if "properties" in schema
    }
    pages = {name: {"total"} for name in schemas if name.endswith("Page") and name != "ChangesPage"}
    assert {name: fields for name, fields in optional.items() if fields} == pages | {
        "ContactView": {"company"},
        "DealView": {"company"},
        "IcpProfileBody": set(schemas["IcpProfileBody"]["properties"]) - {"name"},
        "Problem": {"errors", "request_id"},
        "WebhookEndpointChange": {"url", "topics", "enabled"},
    }


def test_fields_of_request_bodies_that_may_be_left_out_have_no_default(document: Described) -> None:
    """openapi-typescript and others generate a field that has one as required."""
    assert [path for path, node in _nodes(document["components"]["schemas"]) if "default" in node] == []


def test_times_have_a_format(document: Described) -> None:
    schemas = document["components"]["schemas"]
    times = [
        (name, field, json.dumps(described))
        for name, schema in schemas.items()
        for field, described in schema.get("properties", {}).items()
        if field == "at" or field.endswith("_at")
    ]
    assert len(times) > 20
    assert [(name, field) for name, field, text in times if '"format": "date-time"' not in text] == []


def test_changes_differ_by_their_type(document: Described) -> None:
    schemas = document["components"]["schemas"]
    changes = schemas["ChangesPage"]["properties"]["data"]["items"]
    mapping = changes["discriminator"]["mapping"]
    assert changes["discriminator"]["propertyName"] == "type"
    assert set(mapping) == {"companies", "contacts", "deals", "owners"}
    assert {one["$ref"] for one in changes["anyOf"]} == set(mapping.values())
    for record_type, reference in mapping.items():
        assert schemas[reference.removeprefix(REFERENCE)]["properties"]["type"]["enum"] == [record_type]


def test_no_query_parameter_may_be_null(document: Described) -> None:
    for name, operation in _operations_of(document).items():
        for parameter in operation.get("parameters", ()):
            assert "oneOf" not in parameter["schema"], (name, parameter["name"])
            assert "null" not in parameter["schema"].get("type", ""), (name, parameter["name"])


def test_patterns_are_taken_by_re2(document: Described) -> None:
    patterns = {node["pattern"] for _, node in _nodes(document) if isinstance(node.get("pattern"), str)}
    assert len(patterns) >= 4
    assert [pattern for pattern in patterns if NOT_IN_RE2.search(pattern)] == []


def test_bounds_inside_arrays_and_minimums_of_zero_are_described(document: Described) -> None:
    fields = document["components"]["schemas"]["IcpProfileBody"]["properties"]
    assert fields["industries"]["items"]["maxLength"] == 200
    assert fields["naics"]["items"]["pattern"] == "^([0-9]{2,6}|31-33|44-45|48-49)$"
    assert fields["employee_min"]["anyOf"][0]["minimum"] == 0
    parameters = {
        parameter["name"]: parameter["schema"]
        for parameter in document["paths"]["/api/companies"]["get"]["parameters"]
    }
    assert parameters["employees_min"]["minimum"] == parameters["employees_max"]["minimum"] == 0


def test_a_problem_s_code_is_an_enum_and_each_operation_says_which_it_has(document: Described) -> None:
    code = document["components"]["schemas"]["Problem"]["properties"]["code"]
    assert set(code["enum"]) == set(ALL_KINDS)
    operations = _operations_of(document)
    assert _codes(operations["getCompany"], 404) == {"not_found"}
    assert _codes(operations["listCompanies"], 400) == {
        "invalid_input",
        "invalid_cursor",
        "unknown_parameter",
    }
    assert _codes(operations["listChanges"], 400) == {"invalid_input", "invalid_cursor", "unknown_parameter"}
    assert _codes(operations["listChanges"], 410) == {"cursor_expired"}
    assert _codes(operations["streamEvents"], 429) == {"too_many_streams", "too_many_requests"}
    assert _codes(operations["replaceIcpProfile"], 415) == {"unsupported_media_type"}
    assert _codes(operations["createAuthorization"], 409) == {"provider_not_configured"}
    assert "403" not in operations["listCompanies"]["responses"]
    assert "404" not in operations["listCompanies"]["responses"]
    for operation in operations.values():
        for status in operation["responses"]:
            if int(status) >= 400:
                assert _codes(operation, int(status)) <= set(ALL_KINDS)


def test_the_document_names_the_headers_that_clients_need(document: Described) -> None:
    operations = _operations_of(document)

    def sent(name: str) -> set[str]:
        return {one["name"] for one in operations[name].get("parameters", ()) if one["in"] == "header"}

    def received(name: str, status: str) -> set[str]:
        return set(operations[name]["responses"][status].get("headers", ()))

    assert sent("getCompany") == sent("listIntegrations") == {"If-None-Match"}
    assert sent("requestSync") == sent("cancelSyncRun") == {"Idempotency-Key"}
    assert sent("streamEvents") == {"Last-Event-ID"}
    assert {name for name in operations if "Idempotency-Key" in sent(name)} == {
        "requestSync",
        "cancelSyncRun",
    }
    assert sent("listCompanies") == set()
    assert received("getCompany", "200") == {"ETag"}
    assert received("requestSync", "202") == received("getCompany", "308") == {"Location"}
    assert received("createWebhookEndpoint", "201") == {"Location"}
    assert received("testWebhookEndpoint", "202") == received("redeliverWebhook", "202") == set()
    assert received("listCompanies", "429") == received("listCompanies", "503") == {"Retry-After"}
    assert received("requestSync", "409") == {"Retry-After"}


def test_the_document_says_how_to_sign_in_and_which_operations_are_public(document: Described) -> None:
    assert document["security"] == [{"token": []}, {"session": []}]
    schemes = document["components"]["securitySchemes"]
    assert (schemes["token"]["scheme"], schemes["session"]["in"]) == ("bearer", "cookie")
    public = {
        name for name, operation in _operations_of(document).items() if operation.get("security") == [{}]
    }
    assert public == PUBLIC
    assert {
        name for name, operation in _operations_of(document).items() if "401" not in operation["responses"]
    } == PUBLIC


def test_the_document_speaks_of_cookies_tokens_and_versions(document: Described) -> None:
    introduction = document["info"]["description"]
    for word in (
        "astrelo_session",
        "same site",
        "issues",
        "X-Request-Id",
        "Retry-After",
        "version 1",
        "Sunset",
    ):
        assert word in introduction, word
