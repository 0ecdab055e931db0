"""The API as one ASGI application."""

from collections.abc import Mapping

from dishka import AsyncContainer
from litestar import Litestar
from litestar.di import Provide
from litestar.middleware import DefineMiddleware
from litestar.routes import HTTPRoute
from litestar.types import Method

from astrelo.adapters.inbound.http import bodies, cors, guards, health, middleware, problems, security
from astrelo.adapters.inbound.http.config import HttpConfig
from astrelo.adapters.inbound.http.connect.authorization import AuthorizationRoutes
from astrelo.adapters.inbound.http.connect.icp_profile import IcpProfiles
from astrelo.adapters.inbound.http.connect.integrations import Integrations
from astrelo.adapters.inbound.http.console.routes import ConsoleLinks, Page
from astrelo.adapters.inbound.http.development.routes import DEVELOPMENT_ROUTES
from astrelo.adapters.inbound.http.events.routes import Events
from astrelo.adapters.inbound.http.feed.routes import Changes, Exports
from astrelo.adapters.inbound.http.openapi.document import complete_description, openapi_config
from astrelo.adapters.inbound.http.openapi.responses import describe_problems
from astrelo.adapters.inbound.http.openapi.schemas import StructSchemas
from astrelo.adapters.inbound.http.records.explanations import Explanations
from astrelo.adapters.inbound.http.records.routes import Companies, Contacts, Deals, Owners
from astrelo.adapters.inbound.http.responses import compression
from astrelo.adapters.inbound.http.runs.routes import SyncRuns
from astrelo.adapters.inbound.http.webhook_endpoints.routes import WebhookEndpoints
from astrelo.adapters.inbound.http.webhooks.routes import Webhooks

MAX_BODY_BYTES = 1_000_000

_CONTROLLERS = (
    Integrations,
    SyncRuns,
    AuthorizationRoutes,
    Companies,
    Contacts,
    Deals,
    Owners,
    Changes,
    Exports,
    Events,
    Explanations,
    IcpProfiles,
    Webhooks,
    WebhookEndpoints,
    ConsoleLinks,
    health.HealthRoutes,
)


def create_app(container: AsyncContainer, config: HttpConfig) -> Litestar:
    """Build the API; `container` provides its use cases, readers and StoreHealth.

    The caller closes the container.
    """
    metrics, schemas = middleware.Metrics(), StructSchemas()
    page = (Page,) if config.console else DEVELOPMENT_ROUTES if config.development else ()
    app = Litestar(
        route_handlers=[*_CONTROLLERS, *page],
        middleware=[DefineMiddleware(guards.RequestChecks, authorize=security.SessionGuard(config))],
        dependencies={
            "user_id": Provide(security.current_user, sync_to_thread=False),
            "config": Provide(lambda: config, sync_to_thread=False),
            "metrics": Provide(lambda: metrics, sync_to_thread=False),
        },
        exception_handlers=problems.exception_handlers(),
        openapi_config=openapi_config(),
        request_class=bodies.ApiRequest,
        plugins=[schemas],
        request_max_body_size=MAX_BODY_BYTES,
        logging_config=None,
    )
    describe_problems(app)
    complete_description(app, schemas)
    injected = middleware.inject_from(container, compression.add_compression(app.asgi_handler))
    app.asgi_handler = middleware.add_middleware(
        cors.add_cors(injected, config.cors_origins), metrics, methods_of_paths(app)
    )
    return app


def methods_of_paths(app: Litestar) -> Mapping[str, set[Method]]:
    """Return each path's methods: the framework, which has a route per handler, lists those of one route."""
    methods: dict[str, set[Method]] = {}
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            methods.setdefault(route.path_format, set()).update(route.methods)
    return methods
