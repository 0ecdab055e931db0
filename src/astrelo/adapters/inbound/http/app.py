"""The API as one ASGI application."""

from dishka import AsyncContainer
from litestar import Litestar
from litestar.config.cors import CORSConfig
from litestar.di import Provide
from litestar.middleware import DefineMiddleware

from astrelo.adapters.inbound.http import cookies, guards, health, middleware, problems, security
from astrelo.adapters.inbound.http.config import HttpConfig
from astrelo.adapters.inbound.http.connect.authorization import AuthorizationRoutes
from astrelo.adapters.inbound.http.connect.icp_profile import IcpProfiles
from astrelo.adapters.inbound.http.connect.integrations import Integrations
from astrelo.adapters.inbound.http.development.routes import DEVELOPMENT_ROUTES, LoginLinks
from astrelo.adapters.inbound.http.openapi.document import correct_description, openapi_config
from astrelo.adapters.inbound.http.records.explanations import Explanations
from astrelo.adapters.inbound.http.records.routes import Companies, Contacts, Deals, Owners
from astrelo.adapters.inbound.http.runs.routes import SyncRuns
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
    Explanations,
    IcpProfiles,
    Webhooks,
    health.HealthRoutes,
)


def create_app(container: AsyncContainer, config: HttpConfig) -> Litestar:
    """Build the API; `container` provides its use cases, readers and StoreHealth.

    The caller closes the container.
    """
    metrics, links = middleware.Metrics(), LoginLinks()
    cors = CORSConfig(
        allow_origins=list(config.cors_origins),
        allow_methods=["GET", "POST", "PUT", "DELETE"],
        allow_headers=["Authorization", "Content-Type"],
        allow_credentials=True,
        expose_headers=["Location", "Retry-After", "X-Request-Id"],
        max_age=600,
    )
    app = Litestar(
        route_handlers=[*_CONTROLLERS, *(DEVELOPMENT_ROUTES if config.development else ())],
        middleware=[DefineMiddleware(guards.RequestChecks, authorize=security.SessionGuard(config))],
        dependencies={
            "user_id": Provide(security.current_user, sync_to_thread=False),
            "config": Provide(lambda: config, sync_to_thread=False),
            "links": Provide(lambda: links, sync_to_thread=False),
            "metrics": Provide(lambda: metrics, sync_to_thread=False),
        },
        exception_handlers=problems.exception_handlers(),
        cors_config=cors if config.cors_origins else None,
        openapi_config=openapi_config(),
        request_class=cookies.CookieRequest,
        request_max_body_size=MAX_BODY_BYTES,
        logging_config=None,
    )
    correct_description(app)
    app.asgi_handler = middleware.add_middleware(middleware.inject_from(container, app.asgi_handler), metrics)
    return app
