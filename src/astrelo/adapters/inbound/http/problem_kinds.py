"""Every problem the API can return: one table, from the domain's error tree and from HTTP itself.

The sentences are in application/messages.py, by code. `docs/errors.md` lists both; a test compares them. A code never
changes its meaning.
"""

from dataclasses import dataclass
from http import HTTPStatus

from astrelo.application import messages
from astrelo.domain import errors


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemKind:
    """A problem by its code. `ours` marks a fault of ours: it is logged, and the response holds no details of it."""

    code: str
    status: HTTPStatus
    ours: bool = False
    retry_after: int | None = None
    """Seconds; becomes the Retry-After header (RFC 9110 §10.2.3)."""

    @property
    def message(self) -> messages.Message:
        return messages.PROBLEMS[self.code]


INVALID_INPUT = ProblemKind(code="invalid_input", status=HTTPStatus.BAD_REQUEST)
UNKNOWN_PARAMETER = ProblemKind(code="unknown_parameter", status=HTTPStatus.BAD_REQUEST)
INVALID_CURSOR = ProblemKind(code="invalid_cursor", status=HTTPStatus.BAD_REQUEST)
MALFORMED_REQUEST = ProblemKind(code="malformed_request", status=HTTPStatus.BAD_REQUEST)
UNAUTHORIZED = ProblemKind(code="unauthorized", status=HTTPStatus.UNAUTHORIZED)
CROSS_SITE_REQUEST = ProblemKind(code="cross_site_request", status=HTTPStatus.FORBIDDEN)
READ_ONLY_SESSION = ProblemKind(code="read_only_session", status=HTTPStatus.FORBIDDEN)
PREFLIGHT_REFUSED = ProblemKind(code="preflight_refused", status=HTTPStatus.FORBIDDEN)
NOT_FOUND = ProblemKind(code="not_found", status=HTTPStatus.NOT_FOUND)
METHOD_NOT_ALLOWED = ProblemKind(code="method_not_allowed", status=HTTPStatus.METHOD_NOT_ALLOWED)
BODY_TOO_LARGE = ProblemKind(code="body_too_large", status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
UNSUPPORTED_MEDIA_TYPE = ProblemKind(code="unsupported_media_type", status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
REQUEST_TIMEOUT = ProblemKind(code="request_timeout", status=HTTPStatus.REQUEST_TIMEOUT)
HEADERS_TOO_LARGE = ProblemKind(code="headers_too_large", status=HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
TOO_MANY_REQUESTS = ProblemKind(code="too_many_requests", status=HTTPStatus.TOO_MANY_REQUESTS, retry_after=1)
IDEMPOTENCY_KEY_IN_USE = ProblemKind(code="idempotency_key_in_use", status=HTTPStatus.CONFLICT, retry_after=1)
IDEMPOTENCY_KEY_REUSED = ProblemKind(code="idempotency_key_reused", status=HTTPStatus.UNPROCESSABLE_ENTITY)
INTERNAL_ERROR = ProblemKind(
    code="internal_error",
    status=HTTPStatus.INTERNAL_SERVER_ERROR,
    ours=True,
)

SIGN_IN_LINK_INVALID = ProblemKind(code="sign_in_link_invalid", status=HTTPStatus.BAD_REQUEST)
NOT_CONNECTED = ProblemKind(code="not_connected", status=HTTPStatus.CONFLICT)
INVALID_STATE = ProblemKind(code="invalid_state", status=HTTPStatus.CONFLICT)
LIMIT_REACHED = ProblemKind(code="limit_reached", status=HTTPStatus.CONFLICT)
RUN_TAKEN_OVER = ProblemKind(code="run_taken_over", status=HTTPStatus.CONFLICT)
ACCOUNT_BUSY = ProblemKind(code="account_busy", status=HTTPStatus.CONFLICT)
CURSOR_EXPIRED = ProblemKind(code="cursor_expired", status=HTTPStatus.GONE)
TOO_MANY_STREAMS = ProblemKind(code="too_many_streams", status=HTTPStatus.TOO_MANY_REQUESTS, retry_after=30)
STREAMS_EXHAUSTED = ProblemKind(
    code="streams_exhausted", status=HTTPStatus.SERVICE_UNAVAILABLE, retry_after=5
)
WEBHOOK_REJECTED = ProblemKind(code="webhook_rejected", status=HTTPStatus.FORBIDDEN)
PROVIDER_NOT_CONFIGURED = ProblemKind(code="provider_not_configured", status=HTTPStatus.CONFLICT)
SECRET_UNREADABLE = ProblemKind(
    code="secret_unreadable",
    status=HTTPStatus.INTERNAL_SERVER_ERROR,
    ours=True,
)
STORE_UNAVAILABLE = ProblemKind(
    code="store_unavailable",
    status=HTTPStatus.SERVICE_UNAVAILABLE,
    ours=True,
    retry_after=5,
)
QUERY_TOO_SLOW = ProblemKind(code="too_slow", status=HTTPStatus.UNPROCESSABLE_ENTITY)
"""Not 503: clients repeat that by themselves, and the same query would be too slow again."""
CRM_RATE_LIMITED = ProblemKind(
    code="crm_rate_limited",
    status=HTTPStatus.SERVICE_UNAVAILABLE,
    retry_after=60,
)
CRM_UNAVAILABLE = ProblemKind(
    code="crm_unavailable",
    status=HTTPStatus.SERVICE_UNAVAILABLE,
    retry_after=30,
)
REAUTHORIZATION_REQUIRED = ProblemKind(code="reauthorization_required", status=HTTPStatus.CONFLICT)
CRM_PERMISSION_MISSING = ProblemKind(code="crm_permission_missing", status=HTTPStatus.CONFLICT)
GRANT_REJECTED = ProblemKind(code="grant_rejected", status=HTTPStatus.CONFLICT)
CRM_MISCONFIGURED = ProblemKind(
    code="crm_misconfigured",
    status=HTTPStatus.INTERNAL_SERVER_ERROR,
    ours=True,
)
CRM_REJECTED = ProblemKind(
    code="crm_rejected",
    status=HTTPStatus.BAD_GATEWAY,
    ours=True,
)
_STATUS_OF_FAILURE = {
    errors.AuthorizationFailure.STATE_INVALID: HTTPStatus.BAD_REQUEST,
    errors.AuthorizationFailure.STATE_EXPIRED: HTTPStatus.BAD_REQUEST,
    errors.AuthorizationFailure.DENIED: HTTPStatus.FORBIDDEN,
    errors.AuthorizationFailure.FAILED: HTTPStatus.CONFLICT,
    errors.AuthorizationFailure.SCOPE_MISSING: HTTPStatus.CONFLICT,
    errors.AuthorizationFailure.ACCOUNT_MISMATCH: HTTPStatus.CONFLICT,
    errors.AuthorizationFailure.NOT_CONFIGURED: HTTPStatus.CONFLICT,
}

AUTHORIZATION_FAILED = {
    failure: ProblemKind(code=failure.value, status=status) for failure, status in _STATUS_OF_FAILURE.items()
}

BY_ERROR: dict[type[errors.AstreloError], ProblemKind] = {
    errors.AstreloError: INTERNAL_ERROR,
    errors.NotFound: NOT_FOUND,
    errors.NotConnected: NOT_CONNECTED,
    errors.InvalidTransition: INVALID_STATE,
    errors.InvalidInput: INVALID_INPUT,
    errors.InvalidCursor: INVALID_CURSOR,
    errors.CursorExpired: CURSOR_EXPIRED,
    errors.LimitReached: LIMIT_REACHED,
    errors.TooManyStreams: TOO_MANY_STREAMS,
    errors.StreamsExhausted: STREAMS_EXHAUSTED,
    errors.AuthorizationFailed: AUTHORIZATION_FAILED[errors.AuthorizationFailure.FAILED],
    errors.SignInLinkInvalid: SIGN_IN_LINK_INVALID,
    errors.ProviderNotConfigured: PROVIDER_NOT_CONFIGURED,
    errors.AccountBusy: ACCOUNT_BUSY,
    errors.RunTakenOver: RUN_TAKEN_OVER,
    errors.WebhookRejected: WEBHOOK_REJECTED,
    errors.SecretUnreadable: SECRET_UNREADABLE,
    errors.StoreUnavailable: STORE_UNAVAILABLE,
    errors.QueryTooSlow: QUERY_TOO_SLOW,
    errors.TooManyRequests: TOO_MANY_REQUESTS,
    errors.CrmError: CRM_REJECTED,
    errors.RateLimited: CRM_RATE_LIMITED,
    errors.CrmUnavailable: CRM_UNAVAILABLE,
    errors.ReauthorizationRequired: REAUTHORIZATION_REQUIRED,
    errors.PermissionMissing: CRM_PERMISSION_MISSING,
    errors.GrantRejected: GRANT_REJECTED,
    errors.CrmMisconfigured: CRM_MISCONFIGURED,
    errors.CrmRejected: CRM_REJECTED,
}
"""A test sees to it that every class of the tree is here."""

_OF_HTTP = (
    INVALID_INPUT,
    UNKNOWN_PARAMETER,
    INVALID_CURSOR,
    MALFORMED_REQUEST,
    UNAUTHORIZED,
    CROSS_SITE_REQUEST,
    READ_ONLY_SESSION,
    PREFLIGHT_REFUSED,
    NOT_FOUND,
    METHOD_NOT_ALLOWED,
    BODY_TOO_LARGE,
    UNSUPPORTED_MEDIA_TYPE,
    REQUEST_TIMEOUT,
    HEADERS_TOO_LARGE,
    TOO_MANY_REQUESTS,
    IDEMPOTENCY_KEY_IN_USE,
    IDEMPOTENCY_KEY_REUSED,
    INTERNAL_ERROR,
)

BY_STATUS = {
    kind.status: kind
    for kind in (UNAUTHORIZED, NOT_FOUND, METHOD_NOT_ALLOWED, BODY_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE)
}
"""What the framework's own exceptions become; its other 4xx are malformed requests."""

ALL_KINDS = {kind.code: kind for kind in (*_OF_HTTP, *BY_ERROR.values(), *AUTHORIZATION_FAILED.values())}


def kind_of(error: errors.AstreloError) -> ProblemKind:
    """Return the entry of the error's nearest class in the table."""
    if isinstance(error, errors.AuthorizationFailed):
        return AUTHORIZATION_FAILED[error.failure]
    return next(BY_ERROR[cls] for cls in type(error).__mro__ if cls in BY_ERROR)
