"""Whether the process lives, whether it can serve, and what it measured."""

from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, Response, get
from litestar.di import NamedDependency
from msgspec import Struct

from astrelo.adapters.inbound.http.middleware import METRICS_MEDIA_TYPE, Metrics
from astrelo.adapters.inbound.http.problem_kinds import STORE_UNAVAILABLE
from astrelo.adapters.inbound.http.problems import HttpError, documented
from astrelo.adapters.inbound.http.security import PUBLIC
from astrelo.application import messages
from astrelo.application.read.readers import StoreHealth


class Health(Struct, frozen=True, kw_only=True):
    status: str


_OK = Health(status="ok")


class HealthRoutes(Controller):
    tags = ("operations",)

    @get(
        "/health/live",
        summary="Is the process alive?",
        responses=documented(),
        opt={PUBLIC: True},
        security=[{}],
    )
    async def live(self) -> Health:
        """Asks nobody else: restart the process when this does not answer."""
        return _OK

    @get(
        "/health/ready",
        summary="Can it serve?",
        responses=documented(STORE_UNAVAILABLE),
        opt={PUBLIC: True},
        security=[{}],
    )
    @inject
    async def ready(self, store: FromDishka[StoreHealth]) -> Health:
        """200 when the database answers and has the schema that this version expects, else 503."""
        pending = await store.pending_migrations()
        if pending:
            names = ", ".join(pending)
            raise HttpError(STORE_UNAVAILABLE, messages.SCHEMA_BEHIND.format(migrations=names))
        return _OK

    @get(
        "/metrics",
        summary="What the process measured",
        media_type=METRICS_MEDIA_TYPE,
        opt={PUBLIC: True},
        security=[{}],
    )
    async def metrics(self, metrics: NamedDependency[Metrics]) -> Response[bytes]:
        """In Prometheus' text format."""
        return Response(metrics.exposition(), media_type=METRICS_MEDIA_TYPE)
