"""Salesforce's REST endpoints below `/services/data/vXX.0`: path, methods and handlers."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from crm_sandbox.http.requests import Request
from crm_sandbox.http.responses import Response
from crm_sandbox.not_simulated import NotSimulated
from crm_sandbox.salesforce import bulk, deleted, describe, query, sobjects, unsimulated
from crm_sandbox.salesforce.errors import method_not_allowed, usual

Handler = Callable[..., Response]
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_VERSIONED = re.compile(r"/services/data/v(\d{1,3})\.0(/.*)?")
_FROM = re.compile(r"\bfrom\s+(\w+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Route:
    template: str
    pattern: re.Pattern[str]
    handlers: Mapping[str, Handler]
    unsimulated: Collection[str]
    """Verbs that Salesforce has here and the sandbox does not simulate."""


def _route(template: str, *unsimulated: str, **handlers: Handler) -> Route:
    pattern = re.compile(_PLACEHOLDER.sub("([^/]+)", template) + "/?")
    return Route(template, pattern, handlers, {"HEAD", *unsimulated})


ROUTES: Sequence[Route] = (
    _route("", GET=describe.resources),
    _route("/limits", GET=describe.limits),
    _route("/sobjects", GET=describe.list_objects),
    _route("/sobjects/{object}", "POST", GET=sobjects.information),
    _route("/sobjects/{object}/describe", GET=describe.describe_object),
    _route("/sobjects/{object}/deleted", GET=deleted.deleted),
    _route("/sobjects/{object}/updated", GET=sobjects.updated),
    _route("/sobjects/{object}/{id}", "PATCH", "DELETE", "POST", GET=sobjects.retrieve),
    _route("/composite/sobjects/{object}", "PATCH", GET=sobjects.retrieve_many, POST=sobjects.retrieve_many),
    _route("/recent", GET=sobjects.recent),
    _route("/query", GET=query.query),
    _route("/queryAll", GET=query.query_all),
    _route("/query/{locator}", GET=query.read_on),
    _route("/queryAll/{locator}", GET=query.read_on),
    _route("/jobs/query", GET=bulk.list_jobs, POST=bulk.create),
    _route("/jobs/query/{id}", GET=bulk.watch, PATCH=bulk.abort, DELETE=bulk.delete),
    _route("/jobs/query/{id}/results", GET=bulk.results),
    _route("/jobs/query/{id}/resultPages", GET=bulk.result_pages),
)


def find_handler(method: str, rest: str) -> tuple[Handler, Sequence[str]]:
    """Find what answers a path behind the version.

    Otherwise 404 or 405 for what Salesforce does not have either, NotSimulated for what it has.
    """
    for route in ROUTES:
        if (found := route.pattern.fullmatch(rest)) is None:
            continue
        if method in route.handlers:
            return route.handlers[method], found.groups()
        if method in route.unsimulated:
            raise NotSimulated(f"{method} {route.template}")
        raise method_not_allowed(method, ", ".join(route.handlers))
    resource = rest.lstrip("/").partition("/")[0]
    if resource in unsimulated.RESOURCES:
        raise NotSimulated(f"{method} {rest}")
    raise usual(404)


def require_version(path: str, newest: int) -> tuple[str, str]:
    """Split a path into its version and the rest; 410 for a version that is gone, 404 for one that never was."""
    found = _VERSIONED.fullmatch(path)
    if found is None or int(found[1]) > newest:
        raise usual(404)
    if int(found[1]) < describe.OLDEST_VERSION:
        raise usual(410)
    return f"v{found[1]}.0", found[2] or ""


def endpoint(request: Request) -> str:
    """Name an endpoint for statistics: without version and ids, a query with its object."""
    found = _VERSIONED.fullmatch(request.path)
    rest = found[2] or "" if found else request.path
    for route in ROUTES:
        if found and (match := route.pattern.fullmatch(rest)):
            name = (
                route.template.replace("{object}", match[1])
                if "{object}" in route.template
                else route.template
            )
            asked = _FROM.search(request.query_params.get("q") or "")
            return f"{request.method} {name}" + (f" {asked[1]}" if asked else "")
    return f"{request.method} {rest}"
