"""Salesforce's errors and their response bodies.

    SalesforceError
    ├─ ApiError      a JSON array of one error: `errorCode`, `message`, sometimes `fields`
    ├─ OAuthError    a JSON object: `error`, `error_description`
    └─ BadToken      the identity endpoints' plain text

An endpoint raises; the application makes the response.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Literal

from starlette.responses import PlainTextResponse

from crm_sandbox.faults.fault import FaultEffect
from crm_sandbox.http.responses import HTMLResponse, JsonResponse, Response
from crm_sandbox.not_simulated import NotSimulated
from crm_sandbox.simulated_crm import Refused

LoginRefusal = Literal[
    "inactive_user",
    "inactive_org",
    "ip_restricted",
    "not_approved",
    "app_not_found",
    "rate_limit_exceeded",
    "in_progress",
    "invalid_client_credentials",
]
_LOGIN_REFUSALS: dict[LoginRefusal, tuple[str, str]] = {
    "inactive_user": ("inactive_user", "user is inactive"),
    "inactive_org": ("inactive_org", "organization is locked, closed, or suspended"),
    "ip_restricted": ("invalid_grant", "ip restricted or invalid login hours"),
    "not_approved": ("invalid_grant", "user hasn't approved this consumer"),
    "app_not_found": ("app_not_found", "External client app is not installed in this org"),
    "rate_limit_exceeded": ("rate_limit_exceeded", "number of logins exceeded"),
    # since Winter '25, for the second of two simultaneous requests with one refresh token
    "in_progress": ("invalid_grant", "token request is already being processed"),
    "invalid_client_credentials": ("invalid_client_credentials", "client secret invalid"),
}
_BY_STATUS = {
    400: ("QUERY_TIMEOUT", "Your query request was running for too long."),
    401: ("INVALID_SESSION_ID", "Session expired or invalid"),
    403: ("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
    404: ("NOT_FOUND", "The requested resource does not exist"),
    409: ("CONFLICT", "The request conflicts with the current state of the resource."),
    410: ("GONE", "The requested API version is no longer available."),
    420: ("EXTERNAL_OBJECT_EXCEPTION", "The request could not be routed. Try again."),
    500: ("UNKNOWN_EXCEPTION", "An unexpected error occurred."),
    503: ("SERVER_UNAVAILABLE", "Too many requests waiting for connections"),
}


class SalesforceError(Refused):
    @abstractmethod
    def response(self) -> Response: ...


class ApiError(SalesforceError):
    def __init__(self, status: int, code: str, message: str, *fields: str) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.fields = fields
        self.headers: dict[str, str] = {}

    def response(self) -> Response:
        error: dict[str, object] = {"message": self.message, "errorCode": self.code}
        if self.fields:
            error["fields"] = list(self.fields)
        return JsonResponse([error], self.status, headers=self.headers)


class OAuthError(SalesforceError):
    def __init__(self, error: str, description: str, *, status: int = 400) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description
        self.status = status

    def response(self) -> Response:
        return JsonResponse({"error": self.error, "error_description": self.description}, self.status)


class BadToken(SalesforceError):
    """403 of userinfo and the identity URL, in plain text."""

    def __init__(self, word: Literal["Bad_OAuth_Token", "Missing_OAuth_Token"]) -> None:
        super().__init__(word)
        self.word = word

    def response(self) -> Response:
        return PlainTextResponse(self.word, 403)


def login_error(reason: LoginRefusal) -> OAuthError:
    return OAuthError(*_LOGIN_REFUSALS[reason])


def error_for_status(status: int) -> ApiError:
    """Return the most common error with a status."""
    return ApiError(status, *_BY_STATUS[status])


def malformed_query(message: str) -> ApiError:
    return ApiError(400, "MALFORMED_QUERY", message)


def invalid_parameter(message: str) -> ApiError:
    """Return 400 for a parameter or header that is unknown or malformed; Salesforce documents no code for it."""
    return ApiError(400, "INVALID_PARAMETER", message)


def method_not_allowed(method: str, methods: Sequence[str]) -> ApiError:
    allowed = ", ".join(methods)
    error = ApiError(405, "METHOD_NOT_ALLOWED", f"HTTP Method '{method}' not allowed. Allowed are {allowed}")
    error.headers["allow"] = allowed
    return error


def not_simulated(error: NotSimulated) -> Response:
    """Return 501 in the shape of Salesforce's errors, with an `errorCode` that Salesforce does not have."""
    return JsonResponse([{"message": str(error), "errorCode": "NOT_SIMULATED"}], 501)


def default_response(fault: FaultEffect, *, oauth: bool) -> Response:
    """Return the response of a fault that has a status alone: the most common error with it, else an HTML page.

    At the OAuth endpoints 400 is `rate_limit_exceeded`.
    """
    if fault.status not in _BY_STATUS:
        title = str(fault.status)
        page = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
        return HTMLResponse(page, fault.status)
    if oauth:
        code, message = _BY_STATUS[fault.status]
        if fault.status == 400:  # noqa: PLR2004 - the status of all OAuth errors
            return login_error("rate_limit_exceeded").response()
        return OAuthError(code.lower(), message, status=fault.status).response()
    return error_for_status(fault.status).response()
