"""HubSpot's endpoints: each API at the dates and versions that have it, with the scopes that open it and its rate limit.

Paths are matched with a slash at their end, which HubSpot takes or leaves.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Literal

from starlette.convertors import StringConvertor, register_url_convertor
from starlette.routing import BaseRoute, Mount, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from crm_sandbox.http.requests import Request
from crm_sandbox.http.responses import Response
from crm_sandbox.http.routing import HandlerRoute, find_route
from crm_sandbox.hubspot import owners, pipelines, properties
from crm_sandbox.hubspot.account import details
from crm_sandbox.hubspot.account.account import Account
from crm_sandbox.hubspot.associations import endpoints as associations
from crm_sandbox.hubspot.errors import Refusal, missing_scopes, not_found, rate_limited
from crm_sandbox.hubspot.oauth import endpoints as oauth
from crm_sandbox.hubspot.oauth import v1 as oauth_v1
from crm_sandbox.hubspot.oauth.bearer import authenticate
from crm_sandbox.hubspot.objects import endpoints as objects
from crm_sandbox.hubspot.objects import search
from crm_sandbox.hubspot.objects.object_types import READ_SCOPES, find_object_type, object_type
from crm_sandbox.not_simulated import NotSimulated

RateLimit = Literal["requests", "searches"]
Parameters = Mapping[str, str]
Scopes = Callable[[Parameters], Sequence[str]]

_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")
_TYPE_PARAMETERS = frozenset({"type_name", "source", "target"})


class _Date(StringConvertor):
    regex = "2025-09|2026-03|2026-09"


class _AppVersion(StringConvertor):
    regex = "2026-03|2026-09|v3"


class _AnyVersion(StringConvertor):
    regex = r"\d{4}-\d{2}|v3"


class _Id(StringConvertor):
    """One segment of a path that is not an endpoint's name."""

    regex = "(?!(?:batch|gdpr-delete|groups|merge|search)/)[^/]+"


register_url_convertor("hubspot_date", _Date())
register_url_convertor("hubspot_app_version", _AppVersion())
register_url_convertor("hubspot_any_version", _AnyVersion())
register_url_convertor("hubspot_id", _Id())


class CrmRoute(HandlerRoute):
    """A method of an endpoint below `api` that an access token of these scopes opens; the handler takes the account."""

    def __init__(
        self,
        method: str,
        api: str,
        path: str,
        handler: Callable[..., Response],
        scopes: Scopes,
        rate_limit: RateLimit | None = "requests",
    ) -> None:
        super().__init__(f"{path}/", self._respond, method)
        self._label = f"{method} {api}{path}"
        self._handler = handler
        self._scopes = scopes
        self.rate_limit = rate_limit

    def label(self, parameters: Parameters) -> str:
        """Name the endpoint for statistics: object types by their plural, ids left out."""

        def name(found: re.Match[str]) -> str:
            if found[1] not in _TYPE_PARAMETERS:
                return "{id}"
            kind = find_object_type(parameters[found[1]])
            return kind.plural if kind else "{type}"

        return _PARAMETER.sub(name, self._label)

    def _respond(self, request: Request) -> Response:
        token = authenticate(request)
        account: Account = request.app.state.sandbox.accounts[token.grant.portal_id]
        parameters = {name: value for name, value in request.path_params.items() if name != "version"}
        try:
            self._admit(account)
            required = self._scopes(parameters)
            if not set(required) & set(token.grant.scopes):
                raise missing_scopes(required[:1])
            response = self._handler(account, request, **parameters)
        except Refusal as refused:
            response = refused.response()
        if self.rate_limit == "requests":
            for name, value in account.limits.headers(account.clock.now()).items():
                response.headers.append(name, value)
        return response

    def _admit(self, account: Account) -> None:
        now = account.clock.now()
        if self.rate_limit == "requests" and not account.limits.requests.admit(now):
            raise rate_limited("TEN_SECONDLY_ROLLING")
        if self.rate_limit == "searches" and not account.limits.searches.admit(now):
            raise rate_limited("SECONDLY")


def _unsimulated(path: str, *methods: str) -> HandlerRoute:
    """Route the methods that HubSpot has at a path and the sandbox does not."""

    def refuse(request: Request) -> Response:
        raise NotSimulated(f"{request.method} {request.path}")

    return HandlerRoute(f"{path}/", refuse, *methods)


def _mount(path: str, routes: Sequence[BaseRoute], default: ASGIApp | None = None) -> Mount:
    return Mount(path, Router(routes, redirect_slashes=False, default=default))


async def _unknown_version(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise not_found()


@lru_cache(maxsize=4096)
def find_crm_route(method: str, path: str) -> tuple[BaseRoute, Parameters] | None:
    """Return the route of a path with a slash at its end, and its parameters; None when there is none."""
    return find_route(ROUTES, {"type": "http", "method": method, "path": path})


def _object(parameters: Parameters) -> Sequence[str]:
    return (object_type(parameters["type_name"]).scope,)


def _schema(parameters: Parameters) -> Sequence[str]:
    kind = object_type(parameters["type_name"])
    return kind.scope, f"crm.schemas.{kind.plural}.read"


def _any_object(_parameters: Parameters) -> Sequence[str]:
    return READ_SCOPES


def _owners(_parameters: Parameters) -> Sequence[str]:
    return ("crm.objects.owners.read",)


def _oauth(_parameters: Parameters) -> Sequence[str]:
    return ("oauth",)


def _association_route(api: str, handler: Callable[..., Response]) -> CrmRoute:
    path = "/{source}/{source_id:hubspot_id}/associations/{target}"
    return CrmRoute("GET", api, path, handler, _any_object)


def _association_batch_route(api: str, handler: Callable[..., Response]) -> CrmRoute:
    """HubSpot's specification exempts this endpoint from the ten-second window."""
    return CrmRoute("POST", api, "/{source}/{target}/batch/read", handler, _any_object, None)


_ITEM = "/{name:hubspot_id}"
_PIPELINES = "/{type_name}/{pipeline:hubspot_id}"
OBJECTS = (
    CrmRoute("GET", "/crm/objects", "/{type_name}", objects.list_objects, _object),
    CrmRoute("POST", "/crm/objects", "/{type_name}/batch/read", objects.batch_read, _object),
    CrmRoute("POST", "/crm/objects", "/{type_name}/search", search.search, _object, "searches"),
    CrmRoute("GET", "/crm/objects", "/{type_name}/{record_id:hubspot_id}", objects.read_object, _object),
    _unsimulated("/{type_name}", "POST"),
    _unsimulated("/{type_name}/{record_id:hubspot_id}", "PATCH", "DELETE"),
)
OBJECT_ASSOCIATIONS = _association_route("/crm/objects", associations.list_associations)
OBJECT_ASSOCIATIONS_V3 = _association_route("/crm/v3/objects", associations.list_associations_v3)
ASSOCIATIONS = (_association_batch_route("/crm/associations", associations.batch_read),)
ASSOCIATIONS_V3 = (_association_batch_route("/crm/v3/associations", associations.batch_read_v3),)
OWNERS = (
    CrmRoute("GET", "/crm/owners", "", owners.list_owners, _owners),
    CrmRoute("GET", "/crm/owners", "/{owner_id:hubspot_id}", owners.read_owner, _owners),
)
PIPELINES = (
    CrmRoute("GET", "/crm/pipelines", "/{type_name}", pipelines.list_pipelines, _schema),
    CrmRoute("GET", "/crm/pipelines", _PIPELINES, pipelines.read_pipeline, _schema),
    CrmRoute("GET", "/crm/pipelines", f"{_PIPELINES}/stages", pipelines.list_stages, _schema),
    CrmRoute(
        "GET", "/crm/pipelines", f"{_PIPELINES}/stages/{{stage:hubspot_id}}", pipelines.read_stage, _schema
    ),
    _unsimulated("/{type_name}", "POST"),
    _unsimulated(_PIPELINES, "PUT", "PATCH", "DELETE"),
    _unsimulated(f"{_PIPELINES}/stages", "POST"),
    _unsimulated(f"{_PIPELINES}/stages/{{stage:hubspot_id}}", "PUT", "PATCH", "DELETE"),
)
PROPERTIES = (
    CrmRoute("GET", "/crm/properties", "/{type_name}", properties.list_properties, _schema),
    CrmRoute("GET", "/crm/properties", f"/{{type_name}}{_ITEM}", properties.read_property, _schema),
    _unsimulated("/{type_name}", "POST"),
    _unsimulated(f"/{{type_name}}{_ITEM}", "PATCH", "DELETE"),
)
ACCOUNT_INFO = (CrmRoute("GET", "/account-info", "/details", details.account_details, _oauth),)
ACCOUNT_INFO_V3 = (CrmRoute("GET", "/account-info/v3", "/details", details.account_details_v3, _oauth),)
OAUTH = (
    HandlerRoute("/token/", oauth.token, "POST"),
    HandlerRoute("/token/introspect/", oauth.introspect, "POST"),
    HandlerRoute("/token/revoke/", oauth.revoke, "POST"),
)
VERSIONED_APIS = (
    "crm/objects", "crm/associations", "crm/owners", "crm/pipelines", "crm/properties", "oauth", "account-info",
    "appinstalls",
)  # fmt: skip
ROUTES: Sequence[BaseRoute] = (
    _mount("/crm/objects/{version:hubspot_date}", (*OBJECTS, OBJECT_ASSOCIATIONS)),
    _mount("/crm/v3/objects", (*OBJECTS, OBJECT_ASSOCIATIONS_V3)),
    _mount("/crm/v4/objects", (OBJECT_ASSOCIATIONS,)),
    _mount("/crm/associations/{version:hubspot_date}", ASSOCIATIONS),
    _mount("/crm/v4/associations", ASSOCIATIONS),
    _mount("/crm/v3/associations", ASSOCIATIONS_V3),
    _mount("/crm/owners/{version:hubspot_date}", OWNERS),
    _mount("/crm/v3/owners", OWNERS),
    _mount("/crm/pipelines/{version:hubspot_date}", PIPELINES),
    _mount("/crm/v3/pipelines", PIPELINES),
    _mount("/crm/properties/{version:hubspot_date}", PROPERTIES),
    _mount("/crm/v3/properties", PROPERTIES),
    _mount("/account-info/{version:hubspot_date}", ACCOUNT_INFO),
    _mount("/account-info/v3", ACCOUNT_INFO_V3),
    HandlerRoute("/oauth/authorize/", oauth.authorize, "GET", "POST"),
    HandlerRoute("/oauth/{portal_id}/authorize/", oauth.authorize, "GET", "POST"),
    Mount("/oauth/v1", oauth_v1.app),
    _mount("/oauth/{version:hubspot_app_version}", OAUTH),
    HandlerRoute("/appinstalls/{version:hubspot_app_version}/external-install/", oauth.uninstall, "DELETE"),
    *(Mount(f"/{api}/{{version:hubspot_any_version}}", _unknown_version) for api in VERSIONED_APIS),
)
