"""HubSpot's CRM endpoints: path, handler, the scopes that open it and the window that counts it."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from crm_sandbox.hubspot import associations, directory, objects, search
from crm_sandbox.hubspot.account import Account
from crm_sandbox.hubspot.object_types import READ_SCOPES, object_type, plural_name
from crm_sandbox.messages import Request, Response

API_DATE = "2026-09"
SUPPORTED_DATES = frozenset({API_DATE, "2026-03"})
Handler = Callable[..., Response]
Scopes = Callable[..., Sequence[str]]
Window = Literal["requests", "searches"]

_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_DATED = re.compile(
    r"/(crm/(?:objects|associations|owners|pipelines|properties)|oauth|account-info|appinstalls)"
    r"/(\d{4}-\d{2}|v3)(/.*)?"
)
_NUMBERED_CRM = re.compile(
    r"/crm/(?:v3/(objects|owners|pipelines|properties)|v4/(objects|associations))(/.*)?"
)


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    pattern: re.Pattern[str]
    label: str
    handler: Handler
    scopes: Scopes
    window: Window | None

    def endpoint(self, groups: Sequence[str]) -> str:
        """Name the endpoint for statistics: object types by their plural, ids left out."""
        label = self.label
        for name, told in zip(_PLACEHOLDER.findall(label), groups, strict=True):
            if name != "id" and (plural := plural_name(told)) is not None:
                label = label.replace(f"{{{name}}}", plural)
        return label

    def handle(self, account: Account, request: Request, groups: Sequence[str]) -> Response:
        return self.handler(account, request, *groups)


def canonical_path(path: str) -> str | None:
    """Drop the version from a path; None when it is not served. Dated and numbered bodies are equal."""
    if found := _NUMBERED_CRM.fullmatch(path):
        return f"/crm/{found[1] or found[2]}{found[3] or ''}"
    found = _DATED.fullmatch(path)
    if found is None or not (
        found[2] in SUPPORTED_DATES or (found[2] == "v3" and not found[1].startswith("crm"))
    ):
        return None
    return f"/{found[1]}{found[3] or ''}"


def _route(
    method: str, template: str, handler: Handler, scopes: Scopes, window: Window | None = "requests"
) -> Route:
    """`{type}` and `{to}` match an object type's name, `{id}` one segment that is not an endpoint's name."""
    pattern = re.escape(template)
    for name, expression in (("type", "([^/]+)"), ("to", "([^/]+)"), ("id", "((?!search$)[^/]+)")):
        pattern = pattern.replace(re.escape(f"{{{name}}}"), expression)
    return Route(method, re.compile(pattern), f"{method} {template}", handler, scopes, window)


def _object(name: str, *_: str) -> Sequence[str]:
    return (object_type(name).scope,)


def _schema(name: str, *_: str) -> Sequence[str]:
    return object_type(name).scope, f"crm.schemas.{object_type(name).plural}.read"


def _any_object(*_: str) -> Sequence[str]:
    return READ_SCOPES


def _owners(*_: str) -> Sequence[str]:
    return ("crm.objects.owners.read",)


def _oauth(*_: str) -> Sequence[str]:
    return ("oauth",)


CRM_ROUTES: Sequence[Route] = (
    _route("GET", "/crm/objects/{type}", objects.list_objects, _object),
    _route("POST", "/crm/objects/{type}/batch/read", objects.batch_read, _object),
    _route("POST", "/crm/objects/{type}/search", search.search, _object, "searches"),
    _route("GET", "/crm/objects/{type}/{id}", objects.read_object, _object),
    _route("GET", "/crm/objects/{type}/{id}/associations/{to}", associations.of_one, _any_object),
    # HubSpot's specification exempts the batch endpoint from the ten-second window
    _route("POST", "/crm/associations/{type}/{to}/batch/read", associations.batch_read, _any_object, None),
    _route("GET", "/crm/owners", directory.list_owners, _owners),
    _route("GET", "/crm/owners/{id}", directory.read_owner, _owners),
    _route("GET", "/crm/pipelines/{type}", directory.list_pipelines, _schema),
    _route("GET", "/crm/properties/{type}", directory.list_properties, _schema),
    _route("GET", "/crm/properties/{type}/{id}", directory.read_property, _schema),
    _route("GET", "/account-info/details", directory.account_details, _oauth),
)
