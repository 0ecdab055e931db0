"""One REST API call with the state of its org, and readers of its parameters and body."""

from dataclasses import dataclass
from typing import TypeVar

import msgspec

from crm_sandbox.http.messages import Request
from crm_sandbox.not_simulated import NotSimulated
from crm_sandbox.salesforce.api_limits import ApiUsage
from crm_sandbox.salesforce.bulk.jobs import BulkJobs
from crm_sandbox.salesforce.errors import ApiError
from crm_sandbox.salesforce.org.org import Org
from crm_sandbox.salesforce.query.cursors import QueryCursors

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

    @property
    def base_path(self) -> str:
        return f"/services/data/{self.version}"

    def allow_only(self, *names: str) -> None:
        """Raise NotSimulated for any other query parameter, and for one that is repeated."""
        if unknown := sorted(self.request.query.keys() - set(names)):
            raise NotSimulated(f"the query parameter {', '.join(unknown)} here")
        if repeated := [name for name, values in self.request.query.items() if len(values) > 1]:
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
            return msgspec.json.decode(self.request.body, type=shape)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ApiError(400, "JSON_PARSER_ERROR", str(error)) from error
