"""The OpenAPI description, and corrections of what the framework gets wrong in it."""

from collections.abc import Iterator
from importlib.metadata import version

from litestar import Litestar
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, OpenAPI, Operation, Parameter, Reference, Schema, SecurityScheme
from litestar.openapi.spec.enums import OpenAPIType

from astrelo.adapters.inbound.http.openapi.page import DescriptionPage, description_router
from astrelo.adapters.inbound.http.security import SESSION_COOKIE

_PATH = "/schema"
_METHODS = ("get", "put", "post", "delete", "patch")
_REFERENCE = "#/components/schemas/"


def openapi_config() -> OpenAPIConfig:
    """Describe the API, as a page at /schema and as JSON at /schema/openapi.json."""
    return OpenAPIConfig(
        title="Astrelo CRM integration",
        version=version("astrelo"),
        description="Companies, contacts and deals from a customer's CRM: connected, complete and linked.",
        path=_PATH,
        render_plugins=[DescriptionPage("/", _PATH), JsonRenderPlugin(path="/openapi.json")],
        openapi_router=description_router(_PATH),
        use_handler_docstrings=True,
        security=[{"token": []}, {"session": []}],
        components=Components(
            security_schemes={
                "token": SecurityScheme(type="http", scheme="bearer", bearer_format="JWT"),
                "session": SecurityScheme(type="apiKey", security_scheme_in="cookie", name=SESSION_COOKIE),
            }
        ),
    )


def correct_description(app: Litestar) -> None:
    """Correct the description in place, before it is first served.

    The framework cannot describe a route without security, lets optional query parameters be null,
    and names generic views by their module.
    """
    description = app.openapi_schema
    for operation in _operations(description):
        if operation.security == [{}]:
            operation.security = []
            (operation.responses or {}).pop("401", None)
        for parameter in operation.parameters or []:
            if isinstance(parameter, Parameter):
                _forbid_null(parameter)
    _shorten_page_names(description)


def _operations(description: OpenAPI) -> Iterator[Operation]:
    for path in (description.paths or {}).values():
        yield from (operation for method in _METHODS if (operation := getattr(path, method)) is not None)


def _forbid_null(parameter: Parameter) -> None:
    schema = parameter.schema
    if not isinstance(schema, Schema):
        return
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


def _shorten_page_names(description: OpenAPI) -> None:
    """Turn Page_astrelo.application.read.views.CompanyView_ into CompanyPage."""
    schemas = description.components.schemas or {}
    shorter = {
        _REFERENCE + name: name.rpartition(".")[2].removesuffix("View_") + "Page"
        for name in schemas
        if name.startswith("Page_")
    }
    for operation in _operations(description):
        for response in (operation.responses or {}).values():
            for content in (getattr(response, "content", None) or {}).values():
                if isinstance(content.schema, Reference) and content.schema.ref in shorter:
                    content.schema = Reference(_REFERENCE + shorter[content.schema.ref])
    description.components.schemas = {
        shorter.get(_REFERENCE + name, name): schema for name, schema in schemas.items()
    }
