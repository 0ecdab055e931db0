"""Classify Salesforce's responses: which to retry, and which error the others are.

The codes are those of the REST and SOAP API guides; their HTTP statuses vary from endpoint to endpoint, so that the
code decides wherever there is one.
"""

import re
from datetime import timedelta
from http import HTTPStatus

import httpx
import msgspec

from astrelo.adapters.outbound.crm import decoding, http, transient_errors, transport
from astrelo.adapters.outbound.salesforce.api.rate_limiters import OrgRateLimiter
from astrelo.domain import errors
from astrelo.domain.identifiers import ObjectType, Provider
from astrelo.domain.ports.crm import CrmSession
from astrelo.domain.ports.system import Clock

MAX_WAIT_IN_PLACE = timedelta(seconds=60)
"""A longer pause parks the run instead of holding a worker."""

DAILY_LIMIT_PAUSE = timedelta(hours=1)
"""Salesforce sends no Retry-After: the limit counts 24 rolling hours, so that an hour frees some requests."""

LOGIN_RESTRICTION_PAUSE = timedelta(hours=1)
"""Profiles restrict logins to whole hours."""

_LOGIN_RESTRICTIONS = {
    "LOGIN_DURING_RESTRICTED_TIME": (
        "the Salesforce user who connected may not sign in at this hour; "
        "ask the org's administrator for other login hours, or wait"
    ),
    "LOGIN_DURING_RESTRICTED_DOMAIN": (
        "the Salesforce org refuses our IP addresses; ask its administrator to admit them"
    ),
}
_CONCURRENCY_PAUSE = timedelta(seconds=10)
_USAGE = re.compile(r"(?<![\w-])api-usage=(\d{1,12})/(\d{1,12})(?!\d)", re.ASCII)
_TOKEN_REFUSED = frozenset({"INVALID_SESSION_ID", "INVALID_AUTH_HEADER", "ORG_NOT_OWNED_BY_INSTANCE"})
"""The last one is sent for an org that has moved: the next token response has its new address."""

_TIMED_OUT_ATTEMPTS = 2
_TIMED_OUT = frozenset({"QUERY_TIMEOUT", "REQUEST_RUNNING_TOO_LONG"})
_TRANSIENT_CODES = frozenset({"SERVER_UNAVAILABLE", "UNKNOWN_EXCEPTION"})
_REDIRECTS = frozenset({*range(301, 304), *range(307, 309)})
"""Transient as well, and never followed: an org's new address comes with its next tokens."""

USER_INACTIVE = (
    "the Salesforce user who connected is inactive; "
    "ask the org's administrator to activate it, or connect as another user"
)
USER_FROZEN = (
    "the Salesforce user who connected is frozen or locked out; "
    "ask the org's administrator to admit it again, or connect as another user"
)
ORG_CLOSED = "the Salesforce org is locked, closed or suspended; its administrator can ask Salesforce why"
_GRANT_GONE = {
    "INACTIVE_OWNER_OR_USER": USER_INACTIVE,
    "INACTIVE_USER": USER_INACTIVE,
    "INVALID_LOGIN": (
        "Salesforce does not let the user who connected sign in; "
        "ask the org's administrator whether it is frozen, or connect as another user"
    ),
    "PASSWORD_LOCKOUT": USER_FROZEN,
    "INVALID_OPERATION_WITH_EXPIRED_PASSWORD": "the password of the Salesforce user who connected has expired",
    "INACTIVE_ORG": ORG_CLOSED,
    "ORG_LOCKED": ORG_CLOSED,
    "TRIAL_EXPIRED": "the trial of the Salesforce org has ended; its administrator can have it prolonged",
}
_API_ACCESS = (
    "the permission 'API Enabled' for the user who connected, in an edition of Salesforce with API access"
)
_OBJECT_ACCESS = "the object permission 'Read' on {} for the user who connected"
_NOT_PERMITTED = {
    "INVALID_TYPE": _OBJECT_ACCESS,
    "INSUFFICIENT_ACCESS": _OBJECT_ACCESS,
    "INSUFFICIENT_ACCESS_OR_READONLY": _OBJECT_ACCESS,
    "API_DISABLED_FOR_ORG": _API_ACCESS,
    "API_CURRENTLY_DISABLED": _API_ACCESS,
    "CLIENT_NOT_ACCESSIBLE_FOR_USER": _API_ACCESS,
}
WHO_CAN_ADMIT_US = (
    "ask the org's administrator whether a security policy or a restriction of logins blocks our app, "
    "or whether the user who connected is frozen"
)
_BLOCKED_BY_POLICY = "TXN_SECURITY"
"""How the codes of transaction security policies begin."""

_OBJECTS = {
    ObjectType.COMPANIES: "Account",
    ObjectType.CONTACTS: "Contact",
    ObjectType.DEALS: "Opportunity and OpportunityContactRole",
}


class Refused(errors.CrmRejected):
    """A refusal that only the caller of the endpoint can interpret; `code` is Salesforce's errorCode.

    `code` is empty where the response has none; then only `status` says what happened.
    """

    def __init__(self, status: int, code: str, what: str) -> None:
        super().__init__(Provider.SALESFORCE, status, f"{code or 'no error code'} for {what}")
        self.code = code


class Blocked(errors.PermissionMissing):
    """A 403 that names no missing permission, such as a security policy, which may allow other ways to the data."""

    def __init__(self, object_type: ObjectType | None, code: str) -> None:
        advice = f"{WHO_CAN_ADMIT_US} ({code or 'HTTP 403'})"
        super().__init__(Provider.SALESFORCE, object_type, (), advice)


class QueryTimedOut(errors.CrmUnavailable):
    """A query that exceeded a time limit, Salesforce's or ours, at every attempt: query less, or in bulk."""

    def __init__(self, what: str) -> None:
        super().__init__(Provider.SALESFORCE, f"QUERY_TIMEOUT for {what}")


def retry_timeout(method: str, label: str) -> transport.Retry:
    """Return how to retry a query that took too long: once, in case only the moment was bad."""
    return transport.Retry(QueryTimedOut(f"{method} {label}"), max_attempts=_TIMED_OUT_ATTEMPTS)


class ApiError(msgspec.Struct, frozen=True, rename="camel"):
    """An entry of an error body. Its message may quote records; it is used only where the code leaves the error open."""

    error_code: str | None = None
    message: str | None = None


class SalesforceErrorMapper(transport.ErrorMapper[OrgRateLimiter]):
    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    @property
    def provider(self) -> Provider:
        return Provider.SALESFORCE

    def classify(
        self,
        response: http.HttpResponse,
        call: transport.Call,
        session: CrmSession,  # noqa: ARG002 - no limit of Salesforce's depends on the account's settings
    ) -> transport.Classification:
        error = first_error(response)
        code = decoding.sanitize_code(error.error_code) or ""
        if response.status == HTTPStatus.UNAUTHORIZED or code in _TOKEN_REFUSED:
            return transport.RefreshToken(f"Salesforce refuses the access token ({code or 'HTTP 401'})")
        if classification := _classify_code(code, error, call):
            return classification
        if (
            code in _TRANSIENT_CODES
            or transient_errors.is_transient(response.status)
            or response.status in _REDIRECTS
            or response.is_html
        ):
            return self._classify_transient(response)
        if response.status == HTTPStatus.FORBIDDEN or code.startswith(_BLOCKED_BY_POLICY):
            return Blocked(call.object_type, code)
        return Refused(response.status, code, f"{call.method} {call.label}")

    def observe(self, headers: httpx.Headers, rate_limiter: OrgRateLimiter) -> None:
        """Learn how much of the org's daily requests is used; some responses do not say."""
        usage = _USAGE.search(headers.get("sforce-limit-info", ""))
        if usage:
            rate_limiter.learn(int(usage[1]), int(usage[2]))

    def _classify_transient(self, response: http.HttpResponse) -> transport.Classification:
        what = f"HTML with HTTP {response.status}" if response.is_html else f"HTTP {response.status}"
        pause = http.retry_after(response.headers, self._clock.now()) or timedelta()
        if pause > MAX_WAIT_IN_PLACE:
            return errors.RateLimited(Provider.SALESFORCE, pause, what)
        return transport.Retry(errors.CrmUnavailable(Provider.SALESFORCE, what), pause.total_seconds())


def daily_limit_error(code: str) -> errors.RateLimited:
    why = "the org's API requests of the day are used up"
    return errors.RateLimited(Provider.SALESFORCE, DAILY_LIMIT_PAUSE, code, why)


def login_restriction_error(code: str, reason: str) -> errors.RateLimited:
    """Return the error of an org that refuses our address or the hour, and has not ended the grant.

    It ends with the hour, or when an administrator changes the restriction: the user need not connect again.
    """
    return errors.RateLimited(Provider.SALESFORCE, LOGIN_RESTRICTION_PAUSE, code, reason)


def first_error(response: http.HttpResponse) -> ApiError:
    """Return the first error of a response: bodies are arrays of them, or (rarely) one object."""
    try:
        parsed = msgspec.json.decode(response.body, type=list[ApiError] | ApiError)
    except decoding.UNREADABLE:
        return ApiError()
    if isinstance(parsed, ApiError):
        return parsed
    return parsed[0] if parsed else ApiError()


def _classify_code(code: str, error: ApiError, call: transport.Call) -> transport.Classification | None:
    if code == "REQUEST_LIMIT_EXCEEDED":
        return _classify_limit(error)
    if code in _TIMED_OUT:
        return retry_timeout(call.method, call.label)
    if code in _LOGIN_RESTRICTIONS:
        return login_restriction_error(code, _LOGIN_RESTRICTIONS[code])
    if code in _GRANT_GONE:
        return errors.ReauthorizationRequired(Provider.SALESFORCE, _GRANT_GONE[code])
    if code not in _NOT_PERMITTED:
        return None
    objects = "what is read" if call.object_type is None else _OBJECTS[call.object_type]
    return errors.PermissionMissing(
        Provider.SALESFORCE, call.object_type, (_NOT_PERMITTED[code].format(objects),)
    )


def _classify_limit(error: ApiError) -> transport.Classification:
    """Distinguish the daily limit ('TotalRequests Limit exceeded.') from that of concurrent requests."""
    if (error.message or "").startswith("Concurrent"):
        why = "the org's applications make too many requests at one time"
        limited = errors.RateLimited(Provider.SALESFORCE, _CONCURRENCY_PAUSE, "CONCURRENT_REQUESTS", why)
        return transport.Retry(limited, _CONCURRENCY_PAUSE.total_seconds())
    return daily_limit_error("REQUEST_LIMIT_EXCEEDED")
