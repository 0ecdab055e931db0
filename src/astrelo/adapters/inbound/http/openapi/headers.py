"""Headers that no handler declares, since middlewares read and write them, or every response of a status has them."""

from litestar.enums import ParamType
from litestar.openapi.spec import OpenAPIHeader, OpenAPIResponse, Operation, Parameter, Schema
from litestar.openapi.spec.enums import OpenAPIType

from astrelo.adapters.inbound.http import idempotency, problem_kinds

_TEXT = Schema(type=OpenAPIType.STRING)
_LOCATION = OpenAPIHeader(schema=_TEXT, description="The path of what the response is about.")
_OF_STATUS = {
    "202": ("Location", _LOCATION),
    "308": ("Location", _LOCATION),
    "503": (
        "Retry-After",
        OpenAPIHeader(schema=Schema(type=OpenAPIType.INTEGER), description="Seconds until to try again."),
    ),
}
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


def describe_headers(operation: Operation) -> None:
    """Add what an operation's responses say of its headers."""
    responses = {
        status: response
        for status, response in (operation.responses or {}).items()
        if isinstance(response, OpenAPIResponse)
    }
    for status, response in responses.items():
        if status in _OF_STATUS:
            name, header = _OF_STATUS[status]
            response.headers = {**(response.headers or {}), name: header}
    if "304" in responses:
        operation.parameters = [*(operation.parameters or ()), _IF_NONE_MATCH]
        responses["200"].headers = {**(responses["200"].headers or {}), "ETag": _ETAG}
    if str(problem_kinds.IDEMPOTENCY_KEY_REUSED.status.value) in responses:
        operation.parameters = [*(operation.parameters or ()), _IDEMPOTENCY_KEY]
