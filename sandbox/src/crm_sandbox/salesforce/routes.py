"""Salesforce's endpoints: OAuth, identity, and the REST API with its sessions and its limit of requests.

Paths are matched with a slash at their end, which Salesforce takes or leaves.
"""

import re
from collections.abc import Callable, Mapping, Sequence

from starlette.convertors import StringConvertor, register_url_convertor
from starlette.routing import BaseRoute, Match, Mount, Router
from starlette.types import Scope

from crm_sandbox.http.requests import Request
from crm_sandbox.http.responses import Response
from crm_sandbox.http.routing import HandlerRoute
from crm_sandbox.not_simulated import NotSimulated
from crm_sandbox.salesforce import unsimulated
from crm_sandbox.salesforce.api_call import ApiCall
from crm_sandbox.salesforce.bulk import endpoints as bulk
from crm_sandbox.salesforce.errors import ApiError, SalesforceError, error_for_status, method_not_allowed
from crm_sandbox.salesforce.oauth import endpoints as oauth
from crm_sandbox.salesforce.oauth import identity
from crm_sandbox.salesforce.oauth.hosts import get_host
from crm_sandbox.salesforce.oauth.identity import read_bearer_token
from crm_sandbox.salesforce.query import endpoints as query
from crm_sandbox.salesforce.sobjects import deleted, describe
from crm_sandbox.salesforce.sobjects import endpoints as sobjects
from crm_sandbox.salesforce.state import SandboxState

_NO_CONTENT = 204
_CONVERTOR = re.compile(r":\w+(?=\})")


class _RecordId(StringConvertor):
    """One segment of a path that is not a resource of an object."""

    regex = "(?!(?:describe|deleted|updated)/)[^/]+"


register_url_convertor("salesforce_id", _RecordId())


class ApiRoute(HandlerRoute):
    """A method of a REST resource that a session opens, or without one all methods.

    The endpoint takes an ApiCall and the path's parameters in their order.
    """

    def __init__(self, method: str | None, path: str, endpoint: Callable[..., Response]) -> None:
        super().__init__(f"{path}/", self._respond, *filter(None, [method]))
        self.resource = _CONVERTOR.sub("", path)
        self._endpoint = endpoint

    def label(self, parameters: Mapping[str, str]) -> str:
        """Name the resource for statistics: with the object, without ids."""
        label = self.resource
        for name in ("object", "version", "path"):
            label = label.replace(f"{{{name}}}", str(parameters.get(name, "")))
        return label.removesuffix("/")

    def _respond(self, request: Request) -> Response:
        sandbox: SandboxState = request.app.state.sandbox
        session = sandbox.oauth.authenticate(read_bearer_token(request), get_host(request))
        usage = sandbox.usage[session.grant.org_id]
        version, *parameters = request.path_params.values()
        try:
            if not sandbox.flags.api_enabled:
                raise ApiError(
                    403, "API_DISABLED_FOR_ORG", "API is not enabled for this Organization or Partner"
                )
            usage.count_request()
            call = ApiCall.from_request(sandbox, request, session.grant, version)
            response = self._endpoint(call, *parameters)
        except SalesforceError as error:
            response = error.response()
        if response.status_code != _NO_CONTENT:
            response.headers["sforce-limit-info"] = usage.header()
        return response


class UnsimulatedRoute(ApiRoute):
    """A method that Salesforce has at a path and the sandbox does not."""

    def __init__(self, method: str, path: str) -> None:
        super().__init__(method, path, self._refuse)

    def _refuse(self, call: ApiCall, *_parameters: str) -> Response:
        raise NotSimulated(f"{call.request.method} {self.resource}")


def _refuse_unknown(call: ApiCall, path: str) -> Response:
    """Raise 404 or 405 for what Salesforce does not have either, NotSimulated for what it has."""
    method, resource = call.request.method, f"/{path.removesuffix('/')}"
    if allowed := list_methods(API_ROUTES, call.request.scope):
        if method == "HEAD":
            raise NotSimulated(f"HEAD {resource}")
        raise method_not_allowed(method, allowed)
    if resource.split("/")[1] in unsimulated.RESOURCES:
        raise NotSimulated(f"{method} {resource}")
    raise error_for_status(404)


def list_methods(routes: Sequence[BaseRoute], scope: Scope) -> list[str]:
    """List the methods of a path that does not have the request's own."""
    return [
        method
        for route in routes
        if isinstance(route, HandlerRoute) and not isinstance(route, UnsimulatedRoute)
        if route.matches(scope)[0] is Match.PARTIAL
        for method in sorted(route.methods or ())
    ]


_RECORD = "/sobjects/{object}/{id:salesforce_id}"
API_ROUTES: Sequence[ApiRoute] = (
    ApiRoute("GET", "", describe.list_resources),
    ApiRoute("GET", "/limits", describe.get_limits),
    ApiRoute("GET", "/sobjects", describe.list_objects),
    ApiRoute("GET", "/sobjects/{object}", sobjects.get_information),
    UnsimulatedRoute("POST", "/sobjects/{object}"),
    ApiRoute("GET", "/sobjects/{object}/describe", describe.describe_object),
    ApiRoute("GET", "/sobjects/{object}/deleted", deleted.list_deleted),
    ApiRoute("GET", "/sobjects/{object}/updated", sobjects.list_updated),
    ApiRoute("GET", _RECORD, sobjects.retrieve),
    *(UnsimulatedRoute(method, _RECORD) for method in ("PATCH", "DELETE", "POST")),
    ApiRoute("GET", "/composite/sobjects/{object}", sobjects.retrieve_many),
    ApiRoute("POST", "/composite/sobjects/{object}", sobjects.retrieve_many),
    UnsimulatedRoute("PATCH", "/composite/sobjects/{object}"),
    ApiRoute("GET", "/recent", sobjects.list_recent),
    ApiRoute("GET", "/query", query.query),
    ApiRoute("GET", "/queryAll", query.query_all),
    ApiRoute("GET", "/query/{locator}", query.query_more),
    ApiRoute("GET", "/queryAll/{locator}", query.query_more),
    ApiRoute("GET", "/jobs/query", bulk.list_jobs),
    ApiRoute("POST", "/jobs/query", bulk.create_job),
    ApiRoute("GET", "/jobs/query/{id}", bulk.get_job),
    ApiRoute("PATCH", "/jobs/query/{id}", bulk.abort_job),
    ApiRoute("DELETE", "/jobs/query/{id}", bulk.delete_job),
    ApiRoute("GET", "/jobs/query/{id}/results", bulk.get_results),
    ApiRoute("GET", "/jobs/query/{id}/resultPages", bulk.list_result_pages),
    ApiRoute(None, "/{path:path}", _refuse_unknown),
)
OAUTH_PATH = "/services/oauth2/"
DATA_PATH = "/services/data/"
ROUTES: Sequence[BaseRoute] = (
    HandlerRoute(f"{OAUTH_PATH}authorize/", oauth.authorize, "GET", "POST"),
    HandlerRoute(f"{OAUTH_PATH}token/", oauth.token, "POST"),
    HandlerRoute(f"{OAUTH_PATH}introspect/", oauth.introspect, "POST"),
    HandlerRoute(f"{OAUTH_PATH}revoke/", oauth.revoke, "POST"),
    HandlerRoute(f"{OAUTH_PATH}userinfo/", identity.userinfo, "GET", "POST"),
    HandlerRoute("/id/{org_id}/{user_id}/", identity.identity, "GET"),
    HandlerRoute(DATA_PATH, describe.list_versions, "GET"),
    Mount(f"{DATA_PATH}v{{version:int}}.0", Router(API_ROUTES, redirect_slashes=False)),
    ApiRoute(None, f"{DATA_PATH}{{version}}", _refuse_unknown),
    ApiRoute(None, f"{DATA_PATH}{{version}}/{{path:path}}", _refuse_unknown),
)
