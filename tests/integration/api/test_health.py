"""Health, metrics, CORS, and what is answered while the database is away."""

from collections.abc import AsyncIterator

import asyncpg
import httpx
import pytest
from dishka import Provider, Scope, make_async_container, provide
from litestar import Litestar

from astrelo.adapters.inbound.http.app import create_app
from astrelo.adapters.inbound.http.config import HttpConfig
from astrelo.adapters.outbound.postgres.owners.reader import PgOwnerReader
from astrelo.adapters.outbound.postgres.session.health import PgStoreHealth
from astrelo.adapters.outbound.postgres.session.reads import Reads
from astrelo.application.read.readers import OwnerReader, StoreHealth
from tests.support.harness.api import FRONTEND, JWT_SECRET, ApiHarness, api_harness, token_of

pytestmark = pytest.mark.anyio


@pytest.fixture
async def api(database: str) -> AsyncIterator[ApiHarness]:
    async with api_harness(database) as opened:
        yield opened


async def test_a_migrated_database_makes_it_ready(api: ApiHarness) -> None:
    for probe in ("live", "ready"):
        response = await api.client.get(f"/health/{probe}")
        assert (response.status_code, response.json()) == (200, {"status": "ok"})


async def test_a_missing_migration_makes_it_unready_and_names_it(api: ApiHarness) -> None:
    await api.pool.execute("delete from _pogo_migration where migration_id = '0001_initial'")
    response = await api.client.get("/health/ready")
    assert response.status_code == 503
    assert "0001_initial" in response.json()["detail"]
    await api.pool.execute("drop table _pogo_migration")
    assert (await api.client.get("/health/ready")).status_code == 503
    assert (await api.client.get("/health/live")).status_code == 200


async def test_metrics_count_answers_by_route_not_by_path(api: ApiHarness) -> None:
    company = await api.company()
    await api.get(f"/api/companies/{company}")
    await api.client.get("/nowhere/at/all")
    metrics = await api.client.get("/metrics")
    assert metrics.headers["content-type"].startswith("text/plain; version=")
    assert 'route="/api/companies/{company_id}",status="200"} 1.0' in metrics.text
    assert 'route="unrouted",status="404"} 1.0' in metrics.text
    assert str(company) not in metrics.text


async def test_every_answer_has_an_id_and_is_not_kept_by_caches(api: ApiHarness) -> None:
    answers = [await api.client.get(path) for path in ("/health/live", "/api/companies", "/nowhere")]
    assert len({answer.headers["x-request-id"] for answer in answers}) == len(answers)
    assert {answer.headers["cache-control"] for answer in answers} == {"no-store"}


class _Lost(Provider):
    scope = Scope.APP

    def __init__(self, pool: asyncpg.Pool) -> None:
        super().__init__()
        self._pool = pool

    @provide
    def health(self) -> StoreHealth:
        return PgStoreHealth(Reads(self._pool))

    @provide
    def owners(self) -> OwnerReader:
        return PgOwnerReader(Reads(self._pool))


def _client(app: Litestar) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type] # two libraries' words for one ASGI
    return httpx.AsyncClient(transport=transport, base_url="http://api.test")


async def test_without_a_database_it_lives_is_unready_and_says_when_to_come_back(api: ApiHarness) -> None:
    nobody_listens = "postgresql://astrelo@127.0.0.1:1/astrelo"
    async with asyncpg.create_pool(nobody_listens, min_size=0) as pool:
        container = make_async_container(_Lost(pool))
        app = create_app(container, HttpConfig(frontend_url=FRONTEND, jwt_secret=JWT_SECRET))
        headers = {"Authorization": f"Bearer {token_of(api.user_id)}"}
        async with _client(app) as client:
            assert (await client.get("/health/live")).status_code == 200
            for path in ("/health/ready", "/api/owners"):
                response = await client.get(path, headers=headers)
                assert (response.status_code, response.json()["code"]) == (503, "store_unavailable")
                assert response.headers["retry-after"] == "5"
                assert "127.0.0.1" not in response.text


async def test_only_the_frontend_s_origin_may_read_answers_with_the_cookie(api: ApiHarness) -> None:
    config = HttpConfig(frontend_url=FRONTEND, jwt_secret=JWT_SECRET, cors_origins=(FRONTEND,))
    preflight = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "content-type"}
    async with _client(create_app(api.container, config)) as client:
        allowed = await client.options("/api/icp-profile", headers={"Origin": FRONTEND} | preflight)
        assert allowed.headers["access-control-allow-origin"] == FRONTEND
        assert allowed.headers["access-control-allow-credentials"] == "true"
        refused = await client.options("/api/icp-profile", headers={"Origin": "http://evil.test"} | preflight)
        assert "access-control-allow-origin" not in refused.headers
        # An error must be readable too, or the page cannot say what went wrong.
        problem = await client.get("/api/companies", headers={"Origin": FRONTEND})
        assert (problem.status_code, problem.headers["access-control-allow-origin"]) == (401, FRONTEND)
