"""Schemas of structs: msgspec describes itself what it encodes and validates.

The framework's own description of structs loses bounds inside arrays, minimums of zero and docstrings.
"""

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from litestar.openapi.spec import Schema
from litestar.plugins import OpenAPISchemaPlugin
from litestar.typing import FieldDefinition

from astrelo.adapters.inbound.http.records import parameters

REFERENCE = "#/components/schemas/"

# Page[CompanyView] is CompanyPage.
_PAGE = re.compile(r"\bPage[_\[](\w+?)(?:View)?[_\]]$")
_PAGE_NAME = r"\1Page"


@dataclass
class MsgspecSchema(Schema):
    """A JSON schema as msgspec made it."""

    json_schema: Mapping[str, Any] = field(default_factory=dict)

    def to_schema(self) -> dict[str, Any]:
        return dict(self.json_schema)


class StructSchemas(OpenAPISchemaPlugin):
    """Describes structs by references to `components`, which it gathers as the document is built."""

    def __init__(self) -> None:
        self._components: dict[str, Schema] = {}

    def is_plugin_supported_field(self, field_definition: FieldDefinition) -> bool:
        return not field_definition.is_union and field_definition.is_subclass_of(msgspec.Struct)

    def to_openapi_schema(self, field_definition: FieldDefinition, schema_creator: object) -> Schema:  # noqa: ARG002
        (schema,), components = msgspec.json.schema_components(
            [field_definition.raw], ref_template=REFERENCE + "{name}"
        )
        for name, component in components.items():
            self._components[_PAGE.sub(_PAGE_NAME, name)] = MsgspecSchema(
                json_schema=require_defaults(_translate(component))
            )
        renamed = _translate(schema)
        if len(renamed) > 1 and "$ref" in renamed:
            # Code generators ignore what stands beside a reference.
            renamed = {"allOf": [{"$ref": renamed.pop("$ref")}, renamed]}
        return MsgspecSchema(json_schema=renamed)

    @property
    def components(self) -> Mapping[str, Schema]:
        return self._components


def portable_pattern(text: str) -> str:
    """Write a pattern as ECMA 262 and RE2 do, where $ is the end of the text by itself."""
    return text.replace(parameters.END_OF_TEXT, "$")


def _translate(schema: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(schema, dict):
        return {name: _translate(value) for name, value in schema.items()}
    if isinstance(schema, list):
        return [_translate(value) for value in schema]
    return portable_pattern(_PAGE.sub(_PAGE_NAME, schema)) if isinstance(schema, str) else schema


def require_defaults(component: dict[str, Any]) -> dict[str, Any]:
    """Say what a response always holds: a struct writes its defaults too, only requests may leave them out.

    Structs that are read refuse unknown fields, those that are written do not. The defaults themselves are left out: code
    generators take a field that has one for always present. A union's tag has no declaration that could describe it.
    """
    if "description" in component:
        component["description"] = inspect.cleandoc(component["description"])
    if component.get("type") == "object":
        properties = component["properties"]
        for value in properties.values():
            if value.keys() == {"enum"} and len(value["enum"]) == 1:
                value |= {"type": "string", "description": "Tells this object from others in its place."}
        defaults = [name for name, value in properties.items() if "default" in value]
        for name in defaults:
            del properties[name]["default"]
        if component.get("additionalProperties") is not False:
            component["required"] = [*component.get("required", ()), *defaults]
    return component
