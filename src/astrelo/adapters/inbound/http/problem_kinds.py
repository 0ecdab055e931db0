"""Every problem the API can answer: one table, from the domain's error tree and from HTTP itself.

`docs/errors.md` lists the same codes; a test holds the two together. A code never changes its meaning.
"""

from dataclasses import dataclass
from http import HTTPStatus

from astrelo.domain import errors
from astrelo.domain.errors import AuthorizationFailure


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemKind:
    """`action` tells the caller what to do. `ours` marks what we must mend: logged, told without detail."""

    code: str
    status: HTTPStatus
    title: str
    action: str
    ours: bool = False
    retry_after: int | None = None
    """Seconds; becomes the Retry-After header (RFC 9110 §10.2.3)."""


INVALID_INPUT = ProblemKind(
    code="invalid_input",
    status=HTTPStatus.BAD_REQUEST,
    title="A value cannot be accepted",
    action="Correct the fields listed under errors and send the request again.",
)
UNKNOWN_PARAMETER = ProblemKind(
    code="unknown_parameter",
    status=HTTPStatus.BAD_REQUEST,
    title="A query parameter is not known here",
    action="Remove or correct the parameters listed under errors; /schema lists those that exist.",
)
MALFORMED_REQUEST = ProblemKind(
    code="malformed_request",
    status=HTTPStatus.BAD_REQUEST,
    title="The request cannot be read",
    action="Send a well-formed request; a body must be JSON in UTF-8.",
)
UNAUTHORIZED = ProblemKind(
    code="unauthorized",
    status=HTTPStatus.UNAUTHORIZED,
    title="No valid session",
    action="Send a valid token as 'Authorization: Bearer …' or sign in again.",
)
CROSS_SITE_REQUEST = ProblemKind(
    code="cross_site_request",
    status=HTTPStatus.FORBIDDEN,
    title="A change from another site",
    action="Send the request from the product's own pages, or with the token in the Authorization header.",
)
NOT_FOUND = ProblemKind(
    code="not_found",
    status=HTTPStatus.NOT_FOUND,
    title="There is no such thing",
    action="Check the path and the id.",
)
METHOD_NOT_ALLOWED = ProblemKind(
    code="method_not_allowed",
    status=HTTPStatus.METHOD_NOT_ALLOWED,
    title="The path does not take this method",
    action="Use one of the methods in the Allow header.",
)
BODY_TOO_LARGE = ProblemKind(
    code="body_too_large",
    status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    title="The request body is too large",
    action="Send less at once.",
)
UNSUPPORTED_MEDIA_TYPE = ProblemKind(
    code="unsupported_media_type",
    status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    title="The body has a type that is not read here",
    action="Send the body as application/json.",
)
INTERNAL_ERROR = ProblemKind(
    code="internal_error",
    status=HTTPStatus.INTERNAL_SERVER_ERROR,
    title="Something broke on our side",
    action="Try again; if it stays, tell us the request_id.",
    ours=True,
)

INVALID_STATE = ProblemKind(
    code="invalid_state",
    status=HTTPStatus.CONFLICT,
    title="Not possible in the present state",
    action="Read the thing again: its state says what is possible.",
)
RUN_TAKEN_OVER = ProblemKind(
    code="run_taken_over",
    status=HTTPStatus.CONFLICT,
    title="The run changed meanwhile",
    action="Read the run again.",
)
ACCOUNT_BUSY = ProblemKind(
    code="account_busy",
    status=HTTPStatus.CONFLICT,
    title="Another run reads this CRM account now",
    action="Try again when that run has ended.",
)
WEBHOOK_REJECTED = ProblemKind(
    code="webhook_rejected",
    status=HTTPStatus.FORBIDDEN,
    title="The call is not the CRM's",
    action="Only the CRM can call this path. If its calls are refused, check the client secret, "
    "ASTRELO_PUBLIC_URL and the server's clock.",
)
PROVIDER_NOT_CONFIGURED = ProblemKind(
    code="provider_not_configured",
    status=HTTPStatus.CONFLICT,
    title="This CRM is not set up on this server",
    action="Ask the operator to set the client credentials that the detail names.",
)
SECRET_UNREADABLE = ProblemKind(
    code="secret_unreadable",
    status=HTTPStatus.INTERNAL_SERVER_ERROR,
    title="A stored secret cannot be read",
    action="Tell us the request_id; connecting the CRM again also helps.",
    ours=True,
)
STORE_UNAVAILABLE = ProblemKind(
    code="store_unavailable",
    status=HTTPStatus.SERVICE_UNAVAILABLE,
    title="The database does not answer",
    action="Try again after the time in the Retry-After header.",
    ours=True,
    retry_after=5,
)
CRM_RATE_LIMITED = ProblemKind(
    code="crm_rate_limited",
    status=HTTPStatus.SERVICE_UNAVAILABLE,
    title="The CRM asks for a pause",
    action="Try again after the time in the Retry-After header.",
    retry_after=60,
)
CRM_UNAVAILABLE = ProblemKind(
    code="crm_unavailable",
    status=HTTPStatus.SERVICE_UNAVAILABLE,
    title="The CRM does not answer",
    action="Try again after the time in the Retry-After header.",
    retry_after=30,
)
REAUTHORIZATION_REQUIRED = ProblemKind(
    code="reauthorization_required",
    status=HTTPStatus.CONFLICT,
    title="The CRM no longer accepts our access",
    action="Connect the CRM again.",
)
CRM_PERMISSION_MISSING = ProblemKind(
    code="crm_permission_missing",
    status=HTTPStatus.CONFLICT,
    title="The CRM refuses us this",
    action="Have an administrator of the CRM grant what is missing, which the detail names, then connect it again.",
)
GRANT_REJECTED = ProblemKind(
    code="grant_rejected",
    status=HTTPStatus.CONFLICT,
    title="The CRM refused the authorization",
    action="Start connecting again.",
)
CRM_MISCONFIGURED = ProblemKind(
    code="crm_misconfigured",
    status=HTTPStatus.INTERNAL_SERVER_ERROR,
    title="The CRM refuses our own credentials",
    action="Tell us the request_id: this is ours to mend, not yours.",
    ours=True,
)
CRM_REJECTED = ProblemKind(
    code="crm_rejected",
    status=HTTPStatus.BAD_GATEWAY,
    title="The CRM answered in a way we do not understand",
    action="Try again; if it stays, tell us the request_id.",
    ours=True,
)
_FLOWS: dict[AuthorizationFailure, tuple[HTTPStatus, str, str]] = {
    AuthorizationFailure.STATE_INVALID: (
        HTTPStatus.BAD_REQUEST,
        "This sign-in was not started here, or was used already",
        "Start connecting again, in one browser, and finish it there.",
    ),
    AuthorizationFailure.STATE_EXPIRED: (
        HTTPStatus.BAD_REQUEST,
        "The sign-in took too long",
        "Start connecting again and finish within ten minutes.",
    ),
    AuthorizationFailure.DENIED: (
        HTTPStatus.FORBIDDEN,
        "The permission was not given",
        "Start connecting again and allow the access.",
    ),
    AuthorizationFailure.FAILED: (
        HTTPStatus.CONFLICT,
        "The CRM did not complete the sign-in",
        "Start connecting again.",
    ),
    AuthorizationFailure.SCOPE_MISSING: (
        HTTPStatus.CONFLICT,
        "Not all permissions were given",
        "Start connecting again and grant every permission that is asked for.",
    ),
    AuthorizationFailure.ACCOUNT_MISMATCH: (
        HTTPStatus.CONFLICT,
        "This is another account than the connected one",
        "Choose the connected account, or ask for its replacement: all its data is then deleted.",
    ),
    AuthorizationFailure.NOT_CONFIGURED: (
        HTTPStatus.CONFLICT,
        "This CRM is not set up on this server",
        "Ask the operator to set its client credentials.",
    ),
}

AUTHORIZATION_FAILED = {
    failure: ProblemKind(code=failure.value, status=status, title=title, action=action)
    for failure, (status, title, action) in _FLOWS.items()
}

BY_ERROR: dict[type[errors.AstreloError], ProblemKind] = {
    errors.AstreloError: INTERNAL_ERROR,
    errors.NotFound: NOT_FOUND,
    errors.InvalidTransition: INVALID_STATE,
    errors.InvalidInput: INVALID_INPUT,
    errors.AuthorizationFailed: AUTHORIZATION_FAILED[AuthorizationFailure.FAILED],
    errors.ProviderNotConfigured: PROVIDER_NOT_CONFIGURED,
    errors.AccountBusy: ACCOUNT_BUSY,
    errors.RunTakenOver: RUN_TAKEN_OVER,
    errors.WebhookRejected: WEBHOOK_REJECTED,
    errors.SecretUnreadable: SECRET_UNREADABLE,
    errors.StoreUnavailable: STORE_UNAVAILABLE,
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
    MALFORMED_REQUEST,
    UNAUTHORIZED,
    CROSS_SITE_REQUEST,
    NOT_FOUND,
    METHOD_NOT_ALLOWED,
    BODY_TOO_LARGE,
    UNSUPPORTED_MEDIA_TYPE,
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
