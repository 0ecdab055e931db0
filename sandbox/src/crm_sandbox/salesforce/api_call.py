"""One REST API call with the state of its org, and readers of its parameters and body."""

from dataclasses import dataclass
from typing import Self, TypeVar

import msgspec

from crm_sandbox.http.requests import Request
from crm_sandbox.not_simulated import NotSimulated
from crm_sandbox.salesforce.api_limits import ApiUsage
from crm_sandbox.salesforce.bulk.jobs import BulkJobs
from crm_sandbox.salesforce.errors import ApiError, error_for_status
from crm_sandbox.salesforce.oauth.authorization_server import Grant
from crm_sandbox.salesforce.org.org import Org
from crm_sandbox.salesforce.query.cursors import QueryCursors
from crm_sandbox.salesforce.state import SandboxState

OLDEST_VERSION = 31
"""31 to 40 are unsupported and still available; 21 to 30 were removed in Summer '25."""
Body = TypeVar("Body", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiCall:
    request: Request
    org: Org
    version: str
    """Such as `v68.0`."""
    cursors: QueryCursors
    jobs: BulkJobs
    usage: ApiUsage
    identity_url: str
    """Of the session's user."""

    @classmethod
    def from_request(cls, sandbox: SandboxState, request: Request, grant: Grant, version: int | str) -> Self:
        """Raise 410 for an API version that was removed, 404 for one that never was, NotSimulated for XML."""
        if not isinstance(version, int) or version > sandbox.flags.newest_version:
            raise error_for_status(404)
        if version < OLDEST_VERSION:
            raise error_for_status(410)
        if request.headers.get("accept", "").startswith("application/xml"):
            raise NotSimulated("responses in XML")
        org_id = grant.org_id
        return cls(
            request=request,
            org=sandbox.orgs[org_id],
            version=f"v{version}.0",
            cursors=sandbox.cursors[org_id],
            jobs=sandbox.jobs[org_id],
            usage=sandbox.usage[org_id],
            identity_url=grant.identity_url,
        )

    @property
    def base_path(self) -> str:
        return f"/services/data/{self.version}"

    def allow_only(self, *names: str) -> None:
        """Raise NotSimulated for any other query parameter, and for one that is repeated."""
        if unknown := sorted(self.request.query_params.keys() - set(names)):
            raise NotSimulated(f"the query parameter {', '.join(unknown)} here")
        if repeated := [name for name in names if len(self.request.query_params.getlist(name)) > 1]:
            raise NotSimulated(f"a query parameter that is sent twice: {', '.join(repeated)}")

    def json_body(self, shape: type[Body]) -> Body:
        """Decode the body as `shape`; 400 JSON_PARSER_ERROR when it does not match, 415 for another media type."""
        if self.request.media_type != "application/json":
            raise ApiError(
                415,
                "UNSUPPORTED_MEDIA_TYPE",
                f"Content-Type header specifies an unsupported type: {self.request.media_type or 'none'}",
            )
        try:
            return msgspec.json.decode(self.request.content, type=shape)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ApiError(400, "JSON_PARSER_ERROR", str(error)) from error
