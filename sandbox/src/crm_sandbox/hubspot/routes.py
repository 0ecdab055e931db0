"""HubSpot's CRM endpoints: path, handler, the scopes that open it and the window that counts it."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from crm_sandbox.http.messages import Request, Response
from crm_sandbox.hubspot import directory
from crm_sandbox.hubspot.account.account import Account
from crm_sandbox.hubspot.associations import endpoints as associations
from crm_sandbox.hubspot.objects import endpoints as objects
from crm_sandbox.hubspot.objects import search
from crm_sandbox.hubspot.objects.object_types import READ_SCOPES, find_object_type, object_type

Handler = Callable[..., Response]
Scopes = Callable[..., Sequence[str]]
Window = Literal["requests", "searches"]

_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_EXPRESSIONS = {
    "type": "([^/]+)",
    "to": "([^/]+)",
    "id": "((?!(?:batch|gdpr-delete|groups|merge|search)$)[^/]+)",
}
_CRM_DATES = frozenset({"2025-09", "2026-03", "2026-09"})
_APP_VERSIONS = frozenset({"2026-03", "2026-09", "v3"})
_VERSIONS = {"oauth": _APP_VERSIONS, "appinstalls": _APP_VERSIONS, "account-info": _CRM_DATES | {"v3"}}
_DATED = re.compile(
    r"/(crm/(?:objects|associations|owners|pipelines|properties)|oauth|account-info|appinstalls)"
    r"/(\d{4}-\d{2}|v3)(/.*)?"
)
_NUMBERED_CRM = re.compile(
    r"/crm/(?:v3/(?P<v3>objects|owners|pipelines|properties)"
    r"|v4/(?P<v4>associations|objects(?=/[^/]+/[^/]+/associations/)))(?P<rest>/.*)?"
)


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    pattern: re.Pattern[str]
    label: str
    handler: Handler
    scopes: Scopes
    window: Window | None
    unsimulated: Sequence[str] = ()
    """Further verbs that HubSpot has at this path, and the sandbox does not."""

    def endpoint(self, groups: Sequence[str]) -> str:
        """Name the endpoint for statistics: object types by their plural, ids left out."""
        label = self.label
        for name, told in zip(_PLACEHOLDER.findall(label), groups, strict=True):
            if name != "id" and (kind := find_object_type(told)) is not None:
                label = label.replace(f"{{{name}}}", kind.plural)
        return label

    def handle(self, account: Account, request: Request, groups: Sequence[str]) -> Response:
        return self.handler(account, request, *groups)


def canonical_path(path: str) -> str | None:
    """Drop the version and a trailing slash from a path; None when there is no version, or none that is served."""
    path = path.removesuffix("/")
    if found := _NUMBERED_CRM.fullmatch(path):
        return f"/crm/{found['v3'] or found['v4']}{found['rest'] or ''}"
    found = _DATED.fullmatch(path)
    return None if found is None or not _exists(found) else f"/{found[1]}{found[3] or ''}"


def has_unknown_version(path: str) -> bool:
    """Return whether a path names a version of an endpoint that HubSpot never had."""
    found = _DATED.fullmatch(path)
    return found is not None and not _exists(found)


def _exists(found: re.Match[str]) -> bool:
    return found[2] in _VERSIONS.get(found[1], _CRM_DATES)


def find_routes(path: str) -> list[tuple[Route, Sequence[str]]]:
    """Return the routes of a path, one for each verb, with what their placeholders hold."""
    return _matches(V3_ROUTES, path.removesuffix("/")) or _matches(CRM_ROUTES, canonical_path(path) or "")


def _matches(routes: Sequence[Route], path: str) -> list[tuple[Route, Sequence[str]]]:
    return [(route, found.groups()) for route in routes if (found := route.pattern.fullmatch(path))]


def _route(
    method: str,
    template: str,
    handler: Handler,
    scopes: Scopes,
    window: Window | None = "requests",
    *,
    unsimulated: Sequence[str] = (),
) -> Route:
    """`{type}` and `{to}` match an object type's name, `{id}` one segment that is not an endpoint's name."""
    pattern = re.escape(template)
    for name, expression in _EXPRESSIONS.items():
        pattern = pattern.replace(re.escape(f"{{{name}}}"), expression)
    return Route(method, re.compile(pattern), f"{method} {template}", handler, scopes, window, unsimulated)


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
    _route("GET", "/crm/objects/{type}", objects.list_objects, _object, unsimulated=("POST",)),
    _route("POST", "/crm/objects/{type}/batch/read", objects.batch_read, _object),
    _route("POST", "/crm/objects/{type}/search", search.search, _object, "searches"),
    _route("GET", "/crm/objects/{type}/{id}", objects.read_object, _object, unsimulated=("PATCH", "DELETE")),
    _route("GET", "/crm/objects/{type}/{id}/associations/{to}", associations.of_one, _any_object),
    # HubSpot's specification exempts the batch endpoint from the ten-second window
    _route("POST", "/crm/associations/{type}/{to}/batch/read", associations.batch_read, _any_object, None),
    _route("GET", "/crm/owners", directory.list_owners, _owners),
    _route("GET", "/crm/owners/{id}", directory.read_owner, _owners),
    _route("GET", "/crm/pipelines/{type}", directory.list_pipelines, _schema, unsimulated=("POST",)),
    _route(
        "GET",
        "/crm/pipelines/{type}/{id}",
        directory.read_pipeline,
        _schema,
        unsimulated=("PUT", "PATCH", "DELETE"),
    ),
    _route("GET", "/crm/pipelines/{type}/{id}/stages", directory.list_stages, _schema, unsimulated=("POST",)),
    _route(
        "GET",
        "/crm/pipelines/{type}/{id}/stages/{id}",
        directory.read_stage,
        _schema,
        unsimulated=("PUT", "PATCH", "DELETE"),
    ),
    _route("GET", "/crm/properties/{type}", directory.list_properties, _schema, unsimulated=("POST",)),
    _route(
        "GET",
        "/crm/properties/{type}/{id}",
        directory.read_property,
        _schema,
        unsimulated=("PATCH", "DELETE"),
    ),
    _route("GET", "/account-info/details", directory.account_details, _oauth),
)
V3_ROUTES: Sequence[Route] = (
    _route("GET", "/account-info/v3/details", directory.account_details_v3, _oauth),
    _route(
        "GET",
        "/crm/v3/objects/{type}/{id}/associations/{to}",
        associations.of_one_v3,
        _any_object,
    ),
    _route(
        "POST", "/crm/v3/associations/{type}/{to}/batch/read", associations.batch_read_v3, _any_object, None
    ),
)
"""What v3 answers in a shape of its own."""
