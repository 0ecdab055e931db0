"""The API's description as an HTML page, without scripts and without anything from another server."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import groupby
from typing import Any

from litestar import Request
from litestar.enums import MediaType
from litestar.openapi.plugins import OpenAPIRenderPlugin

Node = Mapping[str, Any]

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1c2333; background: #f5f6f8; margin: 0; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; overflow-wrap: break-word; }
h2 { margin: 2.5rem 0 .5rem; }
details { background: #fff; border: 1px solid #dfe2e8; border-radius: 8px; margin: .5rem 0; padding: .6rem 1rem; }
summary { cursor: pointer; }
summary b { display: inline-block; min-width: 4rem; font-size: .8rem; }
summary span, .muted { color: #5b6475; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0; }
td, th { border-top: 1px solid #dfe2e8; padding: .3rem .5rem .3rem 0; text-align: left; vertical-align: top; }
th { border: 0; font-weight: normal; font-size: .85rem; color: #5b6475; }
code { background: #eef0f4; border-radius: 4px; padding: 0 .25rem; font-size: .9em; }
a { color: #2f3fbf; }
:target { outline: 2px solid #2f3fbf; }
"""
_SESSION = "Every route needs a token, as `Authorization: Bearer …` or in the session cookie, unless it says otherwise."
_METHODS = ("get", "post", "put", "patch", "delete")
Action = tuple[str, str, Node]


class SchemaPage(OpenAPIRenderPlugin):
    """Renders the whole description; `more` are links to other forms of it, as (address, words)."""

    def __init__(self, path: str, more: Sequence[tuple[str, str]]) -> None:
        super().__init__(path=path, media_type=MediaType.HTML)
        self._more = more

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:  # noqa: ARG002 - the framework's signature
        title = escape(openapi_schema["info"]["title"])
        page = (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
            f"<title>{title}</title><style>{_STYLE}</style></head><body><main><h1>{title}</h1>"
            f"{''.join(self._parts(openapi_schema))}</main></body></html>"
        )
        return page.encode()

    def _parts(self, description: Node) -> Iterator[str]:
        yield f"<p>{_prose(description['info'].get('description'))}</p>"
        links = (f'<a href="{escape(address)}">{escape(words)}</a>' for address, words in self._more)
        yield f"<p>{' · '.join(links)}</p>"
        yield f"<p class=muted>{_prose(_SESSION)}</p>"
        for tag, actions in groupby(_actions(description), key=_tag):
            yield f"<h2>{escape(tag.capitalize())}</h2>"
            yield from (_operation(*action) for action in actions)
        yield "<h2>Shapes</h2>"
        for name, schema in sorted(description["components"]["schemas"].items()):
            yield _shape(name, schema)


def _actions(description: Node) -> list[Action]:
    actions = [
        (path, method, item[method])
        for path, item in sorted(description["paths"].items())
        for method in _METHODS
        if method in item
    ]
    return sorted(actions, key=_tag)


def _tag(action: Action) -> str:
    tags: Sequence[str] = action[2].get("tags") or ["other"]
    return tags[0]


def _operation(path: str, method: str, operation: Node) -> str:
    public = " <em>no session needed</em>" if operation.get("security") == [] else ""
    heading = f"<b>{method.upper()}</b> <code>{escape(path)}</code>"
    body = ""
    if (request_body := operation.get("requestBody")) is not None:
        kinds = (
            f"{_type(content.get('schema', {}))} as {escape(kind)}"
            for kind, content in _contents(request_body)
        )
        body = f"<p>Body: {', '.join(kinds)}</p>"
    return (
        f"<details><summary>{heading} <span>{escape(operation.get('summary', ''))}</span></summary>"
        f"<p>{_prose(operation.get('description'))}{public}</p>"
        f"{_parameters(operation.get('parameters', []))}{body}"
        f"{_responses(operation.get('responses', {}))}</details>"
    )


def _parameters(parameters: Sequence[Node]) -> str:
    rows = [
        (
            f"<code>{escape(given['name'])}</code>{'' if given.get('required') else ' (optional)'}",
            escape(given["in"]),
            _type(given.get("schema", {})),
            _prose(given.get("description")),
        )
        for given in parameters
    ]
    return _table(("Parameter", "In", "Type", ""), rows)


def _responses(responses: Node) -> str:
    rows = [
        (
            escape(status),
            ", ".join(_type(content.get("schema", {})) for _, content in _contents(response)),
            _prose(response.get("description")),
        )
        for status, response in sorted(responses.items())
    ]
    return _table(("Response", "Shape", ""), rows)


def _contents(holder: Node) -> list[tuple[str, Node]]:
    return list((holder.get("content") or {}).items())


def _shape(name: str, schema: Node) -> str:
    required = schema.get("required", [])
    rows = [
        (f"<code>{escape(field)}</code>{'' if field in required else ' (optional)'}", _type(kind))
        for field, kind in schema.get("properties", {}).items()
    ]
    inside = _table(("Field", "Type"), rows) if rows else f"<p>{_type(schema)}</p>"
    return (
        f'<details id="{escape(name)}" open><summary>{escape(name)}</summary>'
        f"<p class=muted>{_prose(schema.get('description'))}</p>{inside}</details>"
    )


def _type(schema: Node) -> str:
    """Say what values a schema allows, in a few words."""
    if reference := schema.get("$ref"):
        name = escape(reference.rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    if "enum" in schema:
        return " | ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"])
    if choices := schema.get("oneOf") or schema.get("anyOf"):
        return " | ".join(_type(choice) for choice in choices)
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if isinstance(further := schema.get("additionalProperties"), Mapping):
        return f"map of text to {_type(further)}"
    kinds = schema.get("type", "anything")
    name = " | ".join(kinds) if isinstance(kinds, list) else str(kinds)
    return escape(f"{name} ({schema['format']})" if "format" in schema else name) + escape(_bounds(schema))


def _bounds(schema: Node) -> str:
    lowest, highest = schema.get("minimum"), schema.get("maximum")
    bounds = [f"≥ {lowest:g}"] if lowest is not None else []
    bounds += [f"≤ {highest:g}"] if highest is not None else []
    bounds += [f"default {json.dumps(schema['default'])}"] if schema.get("default") is not None else []
    return f", {', '.join(bounds)}" if bounds else ""


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay cells of ready-made markup out; nothing without rows."""
    if not rows:
        return ""
    head = "".join(f"<th>{heading}</th>" for heading in headings)
    lines = ("".join(f"<td>{cell}</td>" for cell in row) for row in rows)
    return f"<table><tr>{head}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def _prose(text: str | None) -> str:
    """Set what stands between backticks as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text or ""))
