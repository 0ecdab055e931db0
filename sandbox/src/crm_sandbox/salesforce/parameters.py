"""One call of the REST API as its handlers see it, and reading what it brought."""

from dataclasses import dataclass
from typing import TypeVar

import msgspec

from crm_sandbox.http.requests import Request
from crm_sandbox.not_simulated import NotSimulated
from crm_sandbox.salesforce.bulk_jobs import BulkJobs
from crm_sandbox.salesforce.cursors import QueryCursors
from crm_sandbox.salesforce.errors import ApiRefusal
from crm_sandbox.salesforce.org import Org
from crm_sandbox.salesforce.usage import Usage

Body = TypeVar("Body", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    request: Request
    org: Org
    version: str
    """Such as `v68.0`."""
    cursors: QueryCursors
    jobs: BulkJobs
    usage: Usage
    identity_url: str
    """Of the user whose session this is."""

    @property
    def base_path(self) -> str:
        return f"/services/data/{self.version}"

    def allow_only(self, *names: str) -> None:
        """Raise NotSimulated for another parameter, or for one that comes twice."""
        if unknown := sorted(self.request.query_params.keys() - set(names)):
            raise NotSimulated(f"the query parameter {', '.join(unknown)} here")
        if repeated := [
            name for name in self.request.query_params if len(self.request.query_params.getlist(name)) > 1
        ]:
            raise NotSimulated(f"a query parameter that is sent twice: {', '.join(repeated)}")

    def json_body(self, shape: type[Body]) -> Body:
        """Read the body as `shape`: anything else is 400 JSON_PARSER_ERROR, another media type 415."""
        if self.request.media_type != "application/json":
            raise ApiRefusal(
                415,
                "UNSUPPORTED_MEDIA_TYPE",
                f"Content-Type header specifies an unsupported type: {self.request.media_type or 'none'}",
            )
        try:
            return msgspec.json.decode(self.request.content, type=shape)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ApiRefusal(400, "JSON_PARSER_ERROR", str(error)) from error
