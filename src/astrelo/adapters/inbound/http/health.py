"""Health checks (liveness, readiness) and metrics."""

from typing import Annotated

from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, Response, get
from litestar.di import NamedDependency
from msgspec import Meta, Struct

from astrelo.adapters.inbound.http import middleware, problem_kinds, problems, security
from astrelo.application import messages
from astrelo.application.read import readers


class Health(Struct, frozen=True, kw_only=True):
    """All is well."""

    status: Annotated[str, Meta(description="Always ok.", examples=["ok"])]


_OK = Health(status="ok")


class HealthRoutes(Controller):
    tags = ("operations",)

    @get(
        "/health/live",
        summary="Is the process alive?",
        opt={security.PUBLIC: True},
        security=[{}],
    )
    async def get_liveness(self) -> Health:
        """Depends on nothing else: restart the process when this does not respond."""
        return _OK

    @get(
        "/health/ready",
        summary="Can it serve?",
        responses=problems.describe(problem_kinds.STORE_UNAVAILABLE),
        opt={security.PUBLIC: True},
        security=[{}],
    )
    @inject
    async def get_readiness(self, store: FromDishka[readers.StoreHealth]) -> Health:
        """Return 200 when the database responds and has the schema that this version expects, else 503."""
        pending = await store.pending_migrations()
        if pending:
            names = ", ".join(pending)
            raise problems.HttpError(
                problem_kinds.STORE_UNAVAILABLE, messages.SCHEMA_BEHIND.format(migrations=names)
            )
        return _OK

    @get(
        "/metrics",
        summary="What the process measured",
        media_type=middleware.METRICS_MEDIA_TYPE,
        opt={security.PUBLIC: True},
        security=[{}],
    )
    async def get_metrics(self, metrics: NamedDependency[middleware.Metrics]) -> Response[bytes]:
        """Return them in Prometheus' text format."""
        return Response(metrics.exposition(), media_type=middleware.METRICS_MEDIA_TYPE)
