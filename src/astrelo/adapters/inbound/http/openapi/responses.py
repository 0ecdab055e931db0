"""The problems of every operation: what its handler declares, and what the guards refuse, read off the handler as they do."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Any

from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from msgspec import Meta

from astrelo.adapters.inbound.http import guards, problem_kinds, problems, security
from astrelo.adapters.inbound.http.responses import etags, idempotency


def describe_problems(app: Litestar) -> None:
    """Add the problems of guards and of decoding to the declared ones, and narrow `code` to those that can occur."""
    for route in app.routes:
        if not isinstance(route, HTTPRoute):
            continue
        for handler in route.route_handlers:
            if handler.resolve_include_in_schema():
                unmodified = etags.NOT_MODIFIED if etags.conditional in (handler.middleware or ()) else {}
                declared = {**(handler.responses or {}), **unmodified}
                kinds = [kind for spec in declared.values() for kind in getattr(spec, "kinds", ())]
                described = problems.describe(*problems_of_guards(route, handler), *kinds)
                handler.responses = {
                    **declared,
                    **{status: narrow(spec) for status, spec in described.items()},
                }


def narrow(spec: problems.ProblemSpec) -> problems.ProblemSpec:
    """Say that `code` is one of the codes of this status."""
    code = {"type": "string", "enum": [kind.code for kind in spec.kinds]}
    codes = Meta(extra_json_schema={"type": "object", "properties": {"code": code}, "required": ["code"]})
    narrowed: Any = Annotated[problems.Problem, codes]
    return replace(spec, data_container=narrowed)


def problems_of_guards(route: HTTPRoute, handler: HTTPRouteHandler) -> Iterator[problem_kinds.ProblemKind]:
    yield problem_kinds.HEADERS_TOO_LARGE
    takes_body = "data" in handler.parsed_fn_signature.parameters
    if takes_body or guards.query_parameters(handler):
        yield problem_kinds.INVALID_INPUT
    if "cursor" in guards.query_parameters(handler):
        yield problem_kinds.INVALID_CURSOR
    if not handler.opt.get(guards.OPEN_QUERY):
        yield problem_kinds.UNKNOWN_PARAMETER
    if takes_body:
        yield problem_kinds.MALFORMED_REQUEST
        yield problem_kinds.BODY_TOO_LARGE
        yield problem_kinds.UNSUPPORTED_MEDIA_TYPE
    if handler.before_request is idempotency.begin:
        yield problem_kinds.INVALID_INPUT
        yield problem_kinds.IDEMPOTENCY_KEY_IN_USE
        yield problem_kinds.IDEMPOTENCY_KEY_REUSED
    if route.path_parameters:
        yield problem_kinds.NOT_FOUND
    if not handler.opt.get(security.PUBLIC):
        yield problem_kinds.UNAUTHORIZED
        yield problem_kinds.STORE_UNAVAILABLE
        yield problem_kinds.QUERY_TOO_SLOW
        yield problem_kinds.TOO_MANY_REQUESTS
        is_safe = handler.http_methods <= security.SAFE_METHODS
        if not (is_safe or handler.opt.get(security.BEARER_ONLY)):
            yield problem_kinds.CROSS_SITE_REQUEST
        if handler.opt.get(security.CHANGES_STATE) or not is_safe:
            yield problem_kinds.READ_ONLY_SESSION
    yield problem_kinds.INTERNAL_ERROR
