"""The API as one ASGI application."""

from importlib.metadata import version

from dishka import AsyncContainer
from dishka.integrations.litestar import setup_dishka
from litestar import Litestar, Router
from litestar.config.cors import CORSConfig
from litestar.di import Provide
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, OpenAPIRenderPlugin, SwaggerRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

from astrelo.adapters.inbound.http.authorization import AuthorizationRoutes
from astrelo.adapters.inbound.http.config import HttpConfig
from astrelo.adapters.inbound.http.development_page import DevelopmentPage, LoginLinks
from astrelo.adapters.inbound.http.edge import Metrics, edge
from astrelo.adapters.inbound.http.health import HealthRoutes
from astrelo.adapters.inbound.http.icp_profile import IcpProfiles
from astrelo.adapters.inbound.http.integrations import Integrations
from astrelo.adapters.inbound.http.problems import exception_handlers
from astrelo.adapters.inbound.http.records import Companies, Contacts, Deals, Owners
from astrelo.adapters.inbound.http.security import PUBLIC, SESSION_COOKIE, SessionGuard, current_user
from astrelo.adapters.inbound.http.strictness import OPEN_QUERY, strict_body, strict_query

MAX_BODY_BYTES = 1_000_000

_CONTROLLERS = (
    Integrations,
    AuthorizationRoutes,
    Companies,
    Contacts,
    Deals,
    Owners,
    IcpProfiles,
    HealthRoutes,
)


def create_app(container: AsyncContainer, config: HttpConfig) -> Litestar:
    """Build the API; `container` provides its use cases, readers and StoreHealth.

    The caller closes the container.
    """
    metrics, links = Metrics(), LoginLinks()
    app = Litestar(
        route_handlers=[*_CONTROLLERS, *([DevelopmentPage] if config.development else [])],
        guards=[SessionGuard(config), strict_query, strict_body],
        dependencies={
            "user_id": Provide(current_user, sync_to_thread=False),
            "config": Provide(lambda: config, sync_to_thread=False),
            "links": Provide(lambda: links, sync_to_thread=False),
            "metrics": Provide(lambda: metrics, sync_to_thread=False),
        },
        exception_handlers=exception_handlers(),
        cors_config=_cors(config),
        openapi_config=_openapi(config),
        request_max_body_size=MAX_BODY_BYTES,
        logging_config=None,
    )
    setup_dishka(container, app)
    app.asgi_handler = edge(app.asgi_handler, metrics)
    return app


def _cors(config: HttpConfig) -> CORSConfig | None:
    if not config.cors_origins:
        return None
    return CORSConfig(
        allow_origins=list(config.cors_origins),
        allow_methods=["GET", "POST", "PUT", "DELETE"],
        allow_headers=["Authorization", "Content-Type"],
        allow_credentials=True,
        expose_headers=["Location", "Retry-After", "X-Request-Id"],
        max_age=600,
    )


def _openapi(config: HttpConfig) -> OpenAPIConfig:
    """Describe the API. The interactive page loads its script from a public network: in development only."""
    interactive: list[OpenAPIRenderPlugin] = [SwaggerRenderPlugin(path="/")] if config.development else []
    return OpenAPIConfig(
        title="Astrelo CRM integration",
        version=version("astrelo"),
        description="Companies, contacts and deals from a customer's CRM: connected, complete and linked.",
        path="/schema",
        render_plugins=[*interactive, JsonRenderPlugin(path="/openapi.json")],
        openapi_router=Router(
            "/schema", route_handlers=[], include_in_schema=False, opt={PUBLIC: True, OPEN_QUERY: True}
        ),
        use_handler_docstrings=True,
        security=[{"token": []}, {"session": []}],
        components=Components(
            security_schemes={
                "token": SecurityScheme(type="http", scheme="bearer", bearer_format="JWT"),
                "session": SecurityScheme(type="apiKey", security_scheme_in="cookie", name=SESSION_COOKIE),
            }
        ),
    )
