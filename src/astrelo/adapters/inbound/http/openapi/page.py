"""The page that shows the API's description: RapiDoc, served by ourselves.

`rapidoc/rapidoc-min.js` is `dist/rapidoc-min.js` of npm's `rapidoc` 9.3.8, unchanged, its licences beside it.
"""

from pathlib import Path
from typing import Any

from litestar import Request, Router
from litestar.exceptions import NotFoundException
from litestar.openapi.plugins import RapidocRenderPlugin
from litestar.static_files import create_static_files_router

from astrelo.adapters.inbound.http.guards import OPEN_QUERY
from astrelo.adapters.inbound.http.security import PUBLIC

_SCRIPTS = "/rapidoc"
_POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'unsafe-inline'; img-src data:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
"""RapiDoc writes styles into its elements; nothing may come from another server."""


class DescriptionPage(RapidocRenderPlugin):
    def __init__(self, path: str, schema_path: str) -> None:
        super().__init__(
            path=path,
            js_url=f"{schema_path}{_SCRIPTS}/rapidoc-min.js",
            favicon='<link rel="icon" href="data:,">',
        )

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """Keep RapiDoc from asking another server for fonts, and from opening other descriptions."""
        options = b'<rapi-doc load-fonts="false" show-header="false" render-style="focused" primary-color="#5251d6" '
        return super().render(request, openapi_schema).replace(b"<rapi-doc ", options)


def description_router(path: str) -> Router:
    """Return what the framework adds the description's pages to: public, with RapiDoc's script beside them."""

    def refuse_unknown_path(request: Request[Any, Any, Any]) -> None:
        """Answer as any other path does: the framework would with a page of its own."""
        if "path" in request.path_params:
            raise NotFoundException

    scripts = create_static_files_router(_SCRIPTS, directories=[Path(__file__).parent / "rapidoc"])
    return Router(
        path,
        route_handlers=[scripts],
        include_in_schema=False,
        before_request=refuse_unknown_path,
        opt={PUBLIC: True, OPEN_QUERY: True},
        response_headers={"Content-Security-Policy": _POLICY},
    )
