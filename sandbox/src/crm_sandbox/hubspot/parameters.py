"""Reading a request's parameters and bodies, refusing as HubSpot does."""

import json
from typing import TypeVar

import msgspec

from crm_sandbox.http.requests import Request
from crm_sandbox.hubspot.errors import invalid, refusal
from crm_sandbox.not_simulated import NotSimulated

Body = TypeVar("Body", bound=msgspec.Struct)


def page_limit(request: Request, *, default: int, maximum: int) -> int:
    """Read `limit`, between 1 and `maximum`."""
    text = request.query_params.get("limit")
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= maximum:
        raise invalid(
            f"limit must be a number from 1 to {maximum}, not {text}.", code="INVALID_LIMIT", limit=text
        )
    return int(text)


def refuse_unsimulated(request: Request, **defaults: str | None) -> None:
    """Raise NotSimulated for a query parameter that asks for something else than HubSpot's default."""
    for name, default in defaults.items():
        if request.query_params.get(name) not in {None, default}:
            raise NotSimulated(f"{name}={request.query_params.get(name)} on {request.path}")


def read_boolean(request: Request, name: str) -> bool:
    """Read a boolean query parameter; absent means false."""
    text = (request.query_params.get(name) or "false").lower()
    if text not in {"true", "false"}:
        raise invalid(f"{name} must be true or false, not {text}.", code="INVALID_BOOLEAN", name=name)
    return text == "true"


def json_body(request: Request, shape: type[Body]) -> Body:
    """Read the body as `shape`: a missing or unknown field, a wrong type or broken JSON is 400, another media type 415."""
    if request.media_type != "application/json":
        raise refusal(415, "VALIDATION_ERROR", "HTTP 415 Unsupported Media Type: send application/json.")
    try:
        document = msgspec.json.decode(request.content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise invalid(f"Invalid input JSON: {error}") from error
    if not isinstance(document, dict):
        raise invalid("Invalid input JSON: the body must be an object.")
    required = [entry.encode_name for entry in msgspec.structs.fields(shape) if entry.required]
    if missing := [name for name in required if document.get(name) is None]:
        raise invalid(f"Some required fields were not set: [{', '.join(missing)}]")
    try:
        return msgspec.convert(_as_text(document), shape, strict=False)
    except msgspec.ValidationError as error:
        raise invalid(f"Invalid input JSON: {error}") from error


def _as_text(value: object) -> object:
    """Write numbers and booleans as text: HubSpot takes each for the other."""
    match value:
        case dict():
            return {name: _as_text(found) for name, found in value.items()}
        case list():
            return [_as_text(found) for found in value]
        case bool() | int() | float():
            return json.dumps(value)
    return value
