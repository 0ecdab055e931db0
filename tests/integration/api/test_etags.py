"""Single resources have ETags, and answer 304 to clients that have their present state."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from astrelo.adapters.inbound.http.responses.etags import matches
from tests.support.harness.api import ApiHarness, api_harness

pytestmark = pytest.mark.anyio


@pytest.fixture
async def api(database: str) -> AsyncIterator[ApiHarness]:
    async with api_harness(database) as opened:
        yield opened


async def test_a_client_that_has_the_present_state_gets_no_body(api: ApiHarness) -> None:
    company = await api.company(company_name="Acme", description="A firm. " * 200)
    run = await api.run(await api.connection())
    for path in (
        f"companies/{company}",
        f"contacts/{await api.contact(company_id=company)}",
        f"deals/{await api.deal()}",
        "integrations",
        "integrations/hubspot",
        f"integrations/hubspot/runs/{run}",
    ):
        first = await api.get(f"/api/{path}")
        tag = first.headers["etag"]
        for known in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
            again = await api.ask("GET", f"/api/{path}", headers={"If-None-Match": known})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag), path
            assert "content-length" not in again.headers
            assert "content-type" not in again.headers
        stale = await api.ask("GET", f"/api/{path}", headers={"If-None-Match": 'W/"other"'})
        assert (stale.status_code, stale.json()) == (200, first.json())


async def test_a_change_is_seen(api: ApiHarness) -> None:
    company = await api.company(company_name="Acme")
    tag = (await api.get(f"/api/companies/{company}")).headers["etag"]
    await api.pool.execute("update companies set company_name = 'Acme Inc.' where id = $1", company)
    changed = await api.ask("GET", f"/api/companies/{company}", headers={"If-None-Match": tag})
    assert (changed.status_code, changed.json()["company_name"]) == (200, "Acme Inc.")
    assert changed.headers["etag"] != tag


async def test_an_error_has_no_etag_and_is_never_unmodified(api: ApiHarness) -> None:
    missing = await api.ask("GET", f"/api/companies/{uuid4()}", headers={"If-None-Match": "*"})
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
    assert "etag" not in missing.headers


@pytest.mark.parametrize(
    ("if_none_match", "expected"),
    [
        ('W/"a"', True),
        ('"a"', True),
        ('"b", W/"a"', True),
        ("*", True),
        ("", False),
        ('"b"', False),
        ("a", False),
    ],
)
async def test_tags_are_compared_weakly(if_none_match: str, expected: bool) -> None:
    assert matches(if_none_match, 'W/"a"') is expected
