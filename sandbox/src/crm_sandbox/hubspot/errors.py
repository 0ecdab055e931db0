"""What the sandbox refuses, with the bodies HubSpot gives.

    Refusal
    ├─ CrmRefusal     status, category, message … and a correlation id
    └─ OAuthRefusal   status, error, error_description, message

A handler raises; its `response()` is what the client gets.
"""

from collections.abc import Mapping, Sequence
from uuid import uuid4

from crm_sandbox.clock import format_iso
from crm_sandbox.faults.fault import FaultEffect
from crm_sandbox.http.responses import HTMLResponse, JsonResponse, Response
from crm_sandbox.not_simulated import NotSimulated
from crm_sandbox.simulated_crm import Refused

_TOO_MANY_REQUESTS = 429
_INTERNAL_SERVER_ERROR = 500
_WORDS = {
    423: ("LOCKED", "This resource is locked by another request. Try again in two seconds."),
    477: ("MIGRATION_IN_PROGRESS", "This account is being moved to another data centre."),
}
_OTHER = ("INVALID_REQUEST", "The request was refused.")
SCOPES_PAGE = "https://developers.hubspot.com/scopes"


class Refusal(Refused):
    def __init__(self, status: int, body: Mapping[str, object]) -> None:
        super().__init__(f"{status} {body.get('message')}")
        self.status = status
        self.body = dict(body)

    def response(self) -> Response:
        response = JsonResponse(self.body, self.status)
        correlation_id = self.body.get("correlationId")
        if isinstance(correlation_id, str):
            response.headers["x-hubspot-correlation-id"] = correlation_id
        return response


class CrmRefusal(Refusal):
    """A refusal of the CRM endpoints; it brings its own correlation id."""

    def __init__(self, status: int, body: Mapping[str, object]) -> None:
        super().__init__(status, {**body, "correlationId": str(uuid4())})


class OAuthRefusal(Refusal):
    """HTTP 400 in OAuth's shape: `word` is HubSpot's `status`, `error` is the one of RFC 6749."""

    def __init__(self, word: str, error: str, message: str, *, status: int = 400) -> None:
        body = {"status": word, "error": error, "error_description": message, "message": message}
        super().__init__(status, body)


def refusal(status: int, category: str, message: str, **extra: object) -> CrmRefusal:
    return CrmRefusal(status, {"status": "error", "message": message, "category": category, **extra})


def invalid(message: str, *, code: str | None = None, **context: str) -> CrmRefusal:
    """400 VALIDATION_ERROR, with one entry in `errors` when a code is given."""
    if code is None:
        return refusal(400, "VALIDATION_ERROR", message)
    detail = {"message": message, "code": code, "context": {name: [value] for name, value in context.items()}}
    return refusal(400, "VALIDATION_ERROR", message, errors=[detail])


def not_found(message: str = "resource not found") -> CrmRefusal:
    return refusal(404, "OBJECT_NOT_FOUND", message)


def method_not_allowed(method: str) -> CrmRefusal:
    return refusal(405, "METHOD_NOT_ALLOWED", f"{method} is not allowed here.")


def not_simulated(found: NotSimulated) -> CrmRefusal:
    """501, for what HubSpot has and the sandbox does not."""
    return refusal(501, "NOT_SIMULATED", str(found))


def body_too_large() -> CrmRefusal:
    return refusal(413, "VALIDATION_ERROR", "HTTP 413 Request Entity Too Large.")


def no_credentials() -> CrmRefusal:
    return refusal(
        401,
        "INVALID_AUTHENTICATION",
        "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find "
        "more details at https://developers.hubspot.com/docs/methods/auth/oauth-overview",
    )


def expired(now: float, expired_at: float) -> CrmRefusal:
    return refusal(
        401,
        "EXPIRED_AUTHENTICATION",
        f"The OAuth token used to make this call expired {int(now - expired_at)} second(s) ago.",
        context={"expire time": [format_iso(expired_at)]},
    )


def unknown_object_type(message: str) -> CrmRefusal:
    """400 without a category, as HubSpot answers for a type it does not know."""
    return CrmRefusal(400, {"status": "error", "message": message})


def missing_scopes(required: Sequence[str], *further: str) -> CrmRefusal:
    """403; `further` says more behind the scopes of which one is required."""
    return refusal(
        403,
        "MISSING_SCOPES",
        f"This app hasn't been granted all required scopes to make this call. "
        f"Read more about required scopes here: {SCOPES_PAGE}.",
        errors=[
            {
                "message": "One or more of the following scopes are required.",
                "context": {"requiredGranularScopes": list(required)},
            },
            *({"message": message} for message in further),
        ],
        links={"scopes": SCOPES_PAGE},
    )


def rate_limited(policy: str) -> CrmRefusal:
    """429. HubSpot promises no category here and no Retry-After."""
    return CrmRefusal(
        429,
        {
            "status": "error",
            "message": f"You have reached your {policy.lower()} limit.",
            "errorType": "RATE_LIMIT",
            "policyName": policy,
        },
    )


def default_response(fault: FaultEffect) -> Response:
    """Return what a fault gives that names a status alone: 429 by its policy, a page of HTML from 500 on."""
    if fault.status >= _INTERNAL_SERVER_ERROR:
        title = str(fault.status)
        page = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
        return HTMLResponse(page, fault.status)
    if fault.status == _TOO_MANY_REQUESTS:
        refused = rate_limited(fault.policy)
    else:
        refused = refusal(fault.status, *_WORDS.get(fault.status, _OTHER))
    return JsonResponse(refused.body, fault.status)
