"""What Salesforce's answers mean: which of them to wait for, and which error the others are.

The codes are those of the REST and SOAP API guides; their HTTP statuses vary from endpoint to endpoint, so that the
code decides wherever there is one.
"""

import re
from datetime import timedelta
from http import HTTPStatus

import httpx
import msgspec

from astrelo.adapters.outbound.crm.decoding import UNREADABLE, code_word
from astrelo.adapters.outbound.crm.http import Reply, retry_after
from astrelo.adapters.outbound.crm.transient_errors import passes_by_itself
from astrelo.adapters.outbound.crm.transport import Call, Classification, ErrorMapper, RefreshToken, Retry
from astrelo.adapters.outbound.salesforce.api.rate_limiters import OrgBudget
from astrelo.domain.errors import (
    CrmRejected,
    CrmUnavailable,
    PermissionMissing,
    RateLimited,
    ReauthorizationRequired,
)
from astrelo.domain.identifiers import ObjectType, Provider
from astrelo.domain.ports.crm import CrmSession
from astrelo.domain.ports.system import Clock

MAX_WAIT_IN_PLACE = timedelta(seconds=60)
"""A longer pause parks the run instead of holding a worker."""

DAILY_LIMIT_PAUSE = timedelta(hours=1)
"""Salesforce tells no Retry-After: the limit counts 24 rolling hours, so that an hour frees some of them."""

SHUT_OUT_PAUSE = timedelta(hours=1)
"""Profiles restrict logins to whole hours."""

_SHUT_OUT = {
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
"""The last one of an org that has moved: new tokens tell where it is."""

_TIMED_OUT_ATTEMPTS = 2
_TIMED_OUT = frozenset({"QUERY_TIMEOUT", "REQUEST_RUNNING_TOO_LONG"})
_PASSING_CODES = frozenset({"SERVER_UNAVAILABLE", "UNKNOWN_EXCEPTION"})
_REDIRECTS = frozenset({*range(301, 304), *range(307, 309)})
"""They pass too, and are never followed: where an org has moved to is told with its next tokens."""

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


class Refused(CrmRejected):
    """A refusal that only the caller of the endpoint can judge; `code` is Salesforce's errorCode.

    `code` is empty where the answer names none; then only `status` says what it was.
    """

    def __init__(self, status: int, code: str, what: str) -> None:
        super().__init__(Provider.SALESFORCE, status, f"{code or 'no error code'} for {what}")
        self.code = code


class Blocked(PermissionMissing):
    """A 403 that names nothing to be granted: a security policy, say, which may spare other ways to the same data."""

    def __init__(self, object_type: ObjectType | None, code: str) -> None:
        advice = f"{WHO_CAN_ADMIT_US} ({code or 'HTTP 403'})"
        super().__init__(Provider.SALESFORCE, object_type, (), advice)


class QueryTimedOut(CrmUnavailable):
    """A query that ran into a time limit, Salesforce's own or ours, at every attempt: ask for less, or in bulk."""

    def __init__(self, what: str) -> None:
        super().__init__(Provider.SALESFORCE, f"QUERY_TIMEOUT for {what}")


def timed_out(method: str, label: str) -> Retry:
    """Judge a query that took too long. One more attempt tells a bad moment from a query that is too much."""
    return Retry(QueryTimedOut(f"{method} {label}"), max_attempts=_TIMED_OUT_ATTEMPTS)


class ApiError(msgspec.Struct, frozen=True, rename="camel"):
    """An entry of an error body. Its message may quote records, and decides where nothing else does."""

    error_code: str | None = None
    message: str | None = None


class SalesforceErrorMapper(ErrorMapper[OrgBudget]):
    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    @property
    def provider(self) -> Provider:
        return Provider.SALESFORCE

    def classify(self, reply: Reply, call: Call, session: CrmSession) -> Classification:  # noqa: ARG002 - no limit of Salesforce's hangs on the account's settings
        error = first_error(reply)
        code = code_word(error.error_code) or ""
        if reply.status == HTTPStatus.UNAUTHORIZED or code in _TOKEN_REFUSED:
            return RefreshToken(f"Salesforce refuses the access token ({code or 'HTTP 401'})")
        if told := _told_by_code(code, error, call):
            return told
        if (
            code in _PASSING_CODES
            or passes_by_itself(reply.status)
            or reply.status in _REDIRECTS
            or reply.is_html
        ):
            return self._not_now(reply)
        if reply.status == HTTPStatus.FORBIDDEN or code.startswith(_BLOCKED_BY_POLICY):
            return Blocked(call.object_type, code)
        return Refused(reply.status, code, f"{call.method} {call.label}")

    def observe(self, headers: httpx.Headers, rate_limiter: OrgBudget) -> None:
        """Learn what of the org's day is used; some answers do not tell."""
        usage = _USAGE.search(headers.get("sforce-limit-info", ""))
        if usage:
            rate_limiter.learn(int(usage[1]), int(usage[2]))

    def _not_now(self, reply: Reply) -> Classification:
        what = f"HTML with HTTP {reply.status}" if reply.is_html else f"HTTP {reply.status}"
        pause = retry_after(reply.headers, self._clock.now()) or timedelta()
        if pause > MAX_WAIT_IN_PLACE:
            return RateLimited(Provider.SALESFORCE, pause, what)
        return Retry(CrmUnavailable(Provider.SALESFORCE, what), pause.total_seconds())


def daily_limit_reached(code: str) -> RateLimited:
    why = "the org's API requests of the day are used up"
    return RateLimited(Provider.SALESFORCE, DAILY_LIMIT_PAUSE, code, why)


def shut_out(code: str, reason: str) -> RateLimited:
    """Make the error of an org that bars us by address or by the hour, and has not ended the grant.

    It passes with the hour, or when an administrator mends it: nobody needs to connect again.
    """
    return RateLimited(Provider.SALESFORCE, SHUT_OUT_PAUSE, code, reason)


def first_error(reply: Reply) -> ApiError:
    """Return the first error that an answer names: bodies are arrays of them, or (rarely) one object."""
    try:
        told = msgspec.json.decode(reply.body, type=list[ApiError] | ApiError)
    except UNREADABLE:
        return ApiError()
    if isinstance(told, ApiError):
        return told
    return told[0] if told else ApiError()


def _told_by_code(code: str, error: ApiError, call: Call) -> Classification | None:
    if code == "REQUEST_LIMIT_EXCEEDED":
        return _limit_exceeded(error)
    if code in _TIMED_OUT:
        return timed_out(call.method, call.label)
    if code in _SHUT_OUT:
        return shut_out(code, _SHUT_OUT[code])
    if code in _GRANT_GONE:
        return ReauthorizationRequired(Provider.SALESFORCE, _GRANT_GONE[code])
    return _not_permitted(code, call) if code in _NOT_PERMITTED else None


def _limit_exceeded(error: ApiError) -> Classification:
    """Tell the day's limit ('TotalRequests Limit exceeded.') from that of requests at one time."""
    if (error.message or "").startswith("Concurrent"):
        why = "the org's applications make too many requests at one time"
        limited = RateLimited(Provider.SALESFORCE, _CONCURRENCY_PAUSE, "CONCURRENT_REQUESTS", why)
        return Retry(limited, _CONCURRENCY_PAUSE.total_seconds())
    return daily_limit_reached("REQUEST_LIMIT_EXCEEDED")


def _not_permitted(code: str, call: Call) -> PermissionMissing:
    wanted = "what is read" if call.object_type is None else _OBJECTS[call.object_type]
    return PermissionMissing(Provider.SALESFORCE, call.object_type, (_NOT_PERMITTED[code].format(wanted),))
