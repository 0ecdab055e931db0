"""Requests and responses as the sandbox's handlers see them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

import msgspec

DRIPS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    method: str
    path: str
    query_string: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes
    scheme: str = "http"

    @property
    def target(self) -> str:
        return f"{self.path}?{self.query_string}" if self.query_string else self.path

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def text(self, name: str) -> str | None:
        """Return the last value of a query parameter; None when it is absent."""
        values = self.query.get(name)
        return values[-1] if values else None

    def names(self, name: str) -> list[str]:
        """Split a comma-separated parameter, also when it is repeated; blanks are dropped."""
        return [
            part.strip() for value in self.query.get(name, ()) for part in value.split(",") if part.strip()
        ]


@dataclass(slots=True, kw_only=True)
class Response:
    status: int
    body: bytes = b""
    media_type: str = "application/json;charset=utf-8"
    headers: list[tuple[str, str]] = field(default_factory=list)
    cut: bool = False
    """The connection is to end after half of the body."""
    drip_seconds: float = 0.0
    """How long the body is to take, piece by piece; 0 sends it at once."""

    def pieces(self) -> Sequence[bytes]:
        """Split the body as it is to be sent, each piece after its share of `drip_seconds`."""
        if not self.drip_seconds or not self.body:
            return (self.body,)
        size = -(-len(self.body) // DRIPS)
        return [self.body[start : start + size] for start in range(0, len(self.body), size)]

    @property
    def pause(self) -> float:
        return self.drip_seconds / DRIPS


def parse_form(text: str) -> dict[str, list[str]]:
    """Parse a query string or a form body; blank values are kept."""
    form: dict[str, list[str]] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        form.setdefault(name, []).append(value)
    return form


def encode_json(document: object) -> bytes:
    """UTF-8 JSON. Text with a lone surrogate, which UTF-8 cannot hold, is escaped as HubSpot's own JSON does."""
    try:
        return msgspec.json.encode(document)
    except UnicodeEncodeError:
        return json.dumps(msgspec.to_builtins(document), separators=(",", ":")).encode()


def json_response(document: object, status: int = 200) -> Response:
    return Response(status=status, body=encode_json(document))


def html_response(page: str, status: int = 200) -> Response:
    return Response(status=status, body=page.encode(), media_type="text/html;charset=utf-8")


def redirect(location: str) -> Response:
    return Response(status=302, headers=[("location", location)])


def batch_response(
    results: Sequence[object], errors: Sequence[object], started_at: str, completed_at: str
) -> Response:
    """Make a batch answer: 200 when everything was found, 207 with the misses otherwise."""
    document: dict[str, object] = {
        "status": "COMPLETE",
        "results": results,
        "startedAt": started_at,
        "completedAt": completed_at,
    }
    if not errors:
        return json_response(document)
    return json_response(document | {"numErrors": len(errors), "errors": errors}, status=207)
