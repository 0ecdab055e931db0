"""The OpenAPI document of the API: https://spec.openapis.org/oas/v3.1.0."""

from importlib.metadata import version

from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, License, Parameter, Reference, Schema, SecurityScheme, Tag
from litestar.openapi.spec.enums import OpenAPIType
from litestar.routes import HTTPRoute

from astrelo.adapters.inbound.http.openapi import headers
from astrelo.adapters.inbound.http.openapi.page import DescriptionPage, description_router
from astrelo.adapters.inbound.http.openapi.schemas import StructSchemas, portable_pattern
from astrelo.adapters.inbound.http.security import SESSION_COOKIE

_PATH = "/schema"

_INTRODUCTION = """\
Companies, contacts and deals from a customer's CRM: connected, complete and linked.

## Authentication

Every request is made for one user, by a signed token: a JWT (HS256) whose `sub` is the user's UUID and whose `exp` is
required. The product's own backend issues it, signed with the secret that it shares with this API; the API issues none.

- **Programs** send it as `Authorization: Bearer …`.
- **Frontends on the same site** (the same registrable domain, such as `app.example.com` beside `api.example.com`) may let
  their backend set it as the cookie `astrelo_session` (`HttpOnly`, `Secure`, `SameSite=Lax`), and call with
  `credentials: "include"`. The frontend's origin must be one that the server allows. A request that changes something
  by the cookie alone must come from such an origin, by its `Origin` header, or it is refused as `cross_site_request`.
- **Frontends on another site** cannot use the cookie, since browsers do not send it there: they send the token.

An `Authorization` header counts alone; a cookie beside it is ignored.

## Errors

Every error is a problem document (RFC 9457). `code` is made for programs and never changes its meaning; each operation
lists the codes that it may return. Any request may also be refused before it reaches an operation: as
`malformed_request`, `request_timeout`, `headers_too_large`, `too_many_requests` or `method_not_allowed`. Handle unknown
codes by their status. 429 and 503 carry `Retry-After` in seconds. The header `X-Request-Id` of every response names the
request in our logs; a request may bring its own.

## Lists

Lists are read page by page: send `next_cursor` as `cursor`, with the same filters, while `has_more` is true. A cursor is
good for its user, its list and its filters alone.

To keep a copy of the records, follow `/api/changes` instead, or begin with `/api/export` and go on there: `/api/events`
and webhooks say when there is something new.

## Versions

This is version 1. Within it, operations, optional parameters, fields of responses, and values of enums in responses may
be added: ignore fields and tolerate values that you do not know. Nothing is removed, renamed or given another meaning. A
change that breaks clients would be served as `/api/v2`, beside this version for at least six months, in which
responses of the old one carry `Deprecation` (RFC 9745) and `Sunset` (RFC 8594). `info.version` is that of the release.
"""

_TAGS = {
    "integrations": "The user's CRMs, their connections and their syncs.",
    "connect": "Connecting a CRM by OAuth 2.0.",
    "companies": "Companies, each made up of the CRM records that are one firm.",
    "contacts": "People, linked to the company they belong to.",
    "deals": "Deals, linked to the company they belong to.",
    "owners": "The customer's own people, to whom the CRM assigns records.",
    "changes": "The change feed, and exports of everything that is there.",
    "events": "Syncs and connections, live.",
    "icp-profile": "The ideal customer profile.",
    "webhooks": "Calls that the CRMs make.",
    "webhook-endpoints": "URLs of the user that events are sent to, and the deliveries.",
    "console": "Read-only sign-in for support engineers.",
    "operations": "Health checks and metrics, for operators.",
}


def openapi_config() -> OpenAPIConfig:
    """Describe the API, as a page at /schema and as JSON at /schema/openapi.json."""
    return OpenAPIConfig(
        title="Astrelo CRM integration",
        version=version("astrelo"),
        description=_INTRODUCTION,
        license=License(name="MIT", identifier="MIT"),
        tags=[Tag(name=name, description=description) for name, description in _TAGS.items()],
        path=_PATH,
        render_plugins=[DescriptionPage("/", _PATH), JsonRenderPlugin(path="/openapi.json")],
        openapi_router=description_router(_PATH),
        operation_id_creator=operation_id,
        use_handler_docstrings=True,
        security=[{"token": []}, {"session": []}],
        components=Components(
            security_schemes={
                "token": SecurityScheme(
                    type="http",
                    scheme="bearer",
                    bearer_format="JWT",
                    description="A JWT (HS256) of the product's own backend: `sub` is the user's UUID.",
                ),
                "session": SecurityScheme(
                    type="apiKey",
                    security_scheme_in="cookie",
                    name=SESSION_COOKIE,
                    description="The same token, as a cookie for frontends on the same site.",
                ),
            }
        ),
    )


def complete_description(app: Litestar, structs: StructSchemas) -> None:
    """Complete the description in place, before it is first served.

    The framework lets optional query parameters be null, shows Python's patterns, and knows no component that a plugin
    describes.
    """
    description = app.openapi_schema
    for route in app.routes:
        path = (description.paths or {}).get(route.path_format)
        if path is None or not isinstance(route, HTTPRoute):
            continue
        for handler, method in ((one, method) for one in route.route_handlers for method in one.http_methods):
            if operation := getattr(path, method.lower()):
                for parameter in operation.parameters or ():
                    correct_parameter(parameter)
                headers.describe_headers(operation, handler)
    description.components.schemas = {**(description.components.schemas or {}), **structs.components}


def operation_id(handler: HTTPRouteHandler, *_: object) -> str:
    """Name an operation by its handler: list_companies is listCompanies. Clients depend on it: never rename one."""
    first, *others = handler.handler_name.split("_")
    return first + "".join(word.capitalize() for word in others)


def correct_parameter(parameter: Parameter) -> None:
    schema = parameter.schema
    if not isinstance(schema, Schema):
        return
    if schema.pattern is not None:
        schema.pattern = portable_pattern(schema.pattern)
    if isinstance(schema.type, list):
        (schema.type,) = [kind for kind in schema.type if kind is not OpenAPIType.NULL]
        schema.enum = [value for value in schema.enum or [] if value is not None] or None
    if schema.one_of:
        (kind,) = [
            kind for kind in schema.one_of if isinstance(kind, Reference) or kind.type is not OpenAPIType.NULL
        ]
        schema.one_of = None
        if isinstance(kind, Reference):
            parameter.schema = kind
        else:
            schema.type, schema.format, schema.enum = kind.type, kind.format, kind.enum
