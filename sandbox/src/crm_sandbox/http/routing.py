"""Routes of Starlette's for handlers that respond at once to a request whose body has been read."""

from collections.abc import Callable, Mapping, Sequence

from starlette.requests import Request as StarletteRequest
from starlette.routing import BaseRoute, Match, Mount, Route
from starlette.types import Scope

from crm_sandbox.http.requests import Request
from crm_sandbox.http.responses import Response

Handler = Callable[[Request], Response]


class HandlerRoute(Route):
    """A route for exactly these methods: a CRM that answers GET need not answer HEAD. Without any, for all methods."""

    def __init__(self, path: str, handler: Handler, *methods: str) -> None:
        async def endpoint(request: StarletteRequest) -> Response:
            return handler(await Request.read(request.scope, request.receive))

        super().__init__(path, endpoint, methods=methods)
        self.methods = set(methods) or None


def find_route(routes: Sequence[BaseRoute], scope: Scope) -> tuple[BaseRoute, Mapping[str, str]] | None:
    """Return the route that will handle a request, with its path parameters; None when there is none."""
    for route in routes:
        match, child_scope = route.matches(scope)
        if match is not Match.FULL:
            continue
        if isinstance(route, Mount):
            return find_route(route.routes, {**scope, **child_scope})
        return route, child_scope["path_params"]
    return None
