"""Headers that no handler declares, since middlewares read and write them, or every response of a status has them."""

from litestar.enums import ParamType
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.spec import OpenAPIHeader, OpenAPIResponse, Operation, Parameter, Schema
from litestar.openapi.spec.enums import OpenAPIType

from astrelo.adapters.inbound.http import problem_kinds
from astrelo.adapters.inbound.http.responses import idempotency

_TEXT = Schema(type=OpenAPIType.STRING)
_LOCATION = OpenAPIHeader(schema=_TEXT, description="The path of the company that it was merged into.")
_RETRY_AFTER = OpenAPIHeader(
    schema=Schema(type=OpenAPIType.INTEGER), description="Seconds until to try again."
)
_ETAG = OpenAPIHeader(schema=_TEXT, description="Names the present state of the resource.")
_IF_NONE_MATCH = Parameter(
    name="If-None-Match",
    param_in=ParamType.HEADER,
    schema=_TEXT,
    description="The `ETag` of the state that the client has: unless it changed, the response is 304 without a body.",
)
_IDEMPOTENCY_KEY = Parameter(
    name=idempotency.HEADER,
    param_in=ParamType.HEADER,
    schema=Schema(type=OpenAPIType.STRING, min_length=1, max_length=255, pattern="^[!-~]+$"),
    description="Made anew for each request, such as a UUID: sent again within 24 hours, the request is not carried out "
    "again but gets the first one's response, with the header `Idempotent-Replayed`.",
)


def describe_headers(operation: Operation, handler: HTTPRouteHandler) -> None:
    """Add the headers that the handler's middlewares read, and those of its problems, to its operation."""
    responses = {
        status: response
        for status, response in (operation.responses or {}).items()
        if isinstance(response, OpenAPIResponse)
    }
    for header in (header for response in responses.values() for header in (response.headers or {}).values()):
        if isinstance(header, OpenAPIHeader) and header.schema is None:
            header.schema = _TEXT  # declared by a name and a description alone
    kinds = [kind for spec in (handler.responses or {}).values() for kind in getattr(spec, "kinds", ())]
    for kind in kinds:
        if kind.retry_after is not None:
            _add_header(responses[str(kind.status.value)], "Retry-After", _RETRY_AFTER)
    if "308" in responses:
        _add_header(responses["308"], "Location", _LOCATION)
    if "304" in responses:
        operation.parameters = [*(operation.parameters or ()), _IF_NONE_MATCH]
        _add_header(responses["200"], "ETag", _ETAG)
    if problem_kinds.IDEMPOTENCY_KEY_REUSED in kinds:
        operation.parameters = [*(operation.parameters or ()), _IDEMPOTENCY_KEY]


def _add_header(response: OpenAPIResponse, name: str, header: OpenAPIHeader) -> None:
    response.headers = {**(response.headers or {}), name: header}
