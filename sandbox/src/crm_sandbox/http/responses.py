"""JSON and redirects, beside the responses that Starlette has."""

import json

import msgspec
from starlette.responses import HTMLResponse, RedirectResponse, Response

__all__ = ["HTMLResponse", "JsonResponse", "Response", "encode_json", "redirect"]

_FOUND = 302


def encode_json(document: object) -> bytes:
    """Encode as UTF-8 JSON. A lone surrogate, which UTF-8 cannot hold, is escaped as HubSpot's own JSON does."""
    try:
        return msgspec.json.encode(document)
    except UnicodeEncodeError:
        return json.dumps(msgspec.to_builtins(document), separators=(",", ":")).encode()


class JsonResponse(Response):
    media_type = "application/json;charset=utf-8"

    def render(self, content: object) -> bytes:
        return encode_json(content)


def redirect(location: str) -> Response:
    return RedirectResponse(location, status_code=_FOUND)
