"""What the sandbox refuses, with the bodies Salesforce gives.

    Refused
    ├─ ApiRefusal      a JSON array of one error: `errorCode`, `message`, sometimes `fields`
    ├─ OAuthRefusal    a JSON object: `error`, `error_description`
    └─ BadToken        the identity endpoints' plain text

A handler raises; the application turns the refusal into a response.
"""

from abc import abstractmethod
from typing import Literal

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
    # since Winter '25, when two requests come with one refresh token: wait and try again
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


class SalesforceRefusal(Refused):
    @abstractmethod
    def response(self) -> Response: ...


class ApiRefusal(SalesforceRefusal):
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
        answer = JsonResponse([error], self.status)
        answer.headers.update(self.headers)
        return answer


class OAuthRefusal(SalesforceRefusal):
    def __init__(self, error: str, description: str, *, status: int = 400) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description
        self.status = status

    def response(self) -> Response:
        return JsonResponse({"error": self.error, "error_description": self.description}, self.status)


class BadToken(SalesforceRefusal):
    """403 of userinfo and the identity URL, in plain text."""

    def __init__(self, word: Literal["Bad_OAuth_Token", "Missing_OAuth_Token"]) -> None:
        super().__init__(word)
        self.word = word

    def response(self) -> Response:
        return Response(self.word.encode(), 403, media_type="text/plain;charset=utf-8")


def login_refused(reason: LoginRefusal) -> OAuthRefusal:
    return OAuthRefusal(*_LOGIN_REFUSALS[reason])


def usual(status: int) -> ApiRefusal:
    """Return the error that mostly comes with a status."""
    return ApiRefusal(status, *_BY_STATUS[status])


def malformed(message: str) -> ApiRefusal:
    return ApiRefusal(400, "MALFORMED_QUERY", message)


def bad_parameter(message: str) -> ApiRefusal:
    """400 for a parameter or header that is unknown or cannot be read; Salesforce documents no code for it."""
    return ApiRefusal(400, "INVALID_PARAMETER", message)


def method_not_allowed(method: str, allowed: str) -> ApiRefusal:
    refused = ApiRefusal(
        405, "METHOD_NOT_ALLOWED", f"HTTP Method '{method}' not allowed. Allowed are {allowed}"
    )
    refused.headers["allow"] = allowed
    return refused


def not_simulated(error: NotSimulated) -> Response:
    """Return 501 in the shape of Salesforce's errors, with a code that Salesforce does not have."""
    return JsonResponse([{"message": str(error), "errorCode": "NOT_SIMULATED"}], 501)


def default_answer(fault: FaultEffect, *, oauth: bool) -> Response:
    """Return what a fault gives that names a status alone: the usual error, else a page of HTML.

    At the OAuth endpoints `rate_limit_exceeded` is the one of 400.
    """
    if fault.status not in _BY_STATUS:
        title = str(fault.status)
        page = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
        return HTMLResponse(page, fault.status)
    if oauth:
        code, message = _BY_STATUS[fault.status]
        told = ("rate_limit_exceeded", "number of logins exceeded")
        error = told if fault.status == 400 else (code.lower(), message)  # noqa: PLR2004 - OAuth's own status
        return OAuthRefusal(*error, status=fault.status).response()
    return usual(fault.status).response()
