"""Classify the refusals of Salesforce's OAuth endpoints, and say what the user can do about them.

After "OAuth 2.0 Authorization Errors" in Salesforce Help, and what implementations have met: most of what differs for
us stands in the description of one and the same `invalid_grant`.
"""

from datetime import datetime, timedelta

import msgspec

from astrelo.adapters.outbound.crm import decoding, http, oauth
from astrelo.adapters.outbound.salesforce.api import error_mapper
from astrelo.domain import errors
from astrelo.domain.identifiers import Provider


class OAuthErrorBody(msgspec.Struct, frozen=True):
    """An object, unlike the arrays of the REST API. The description decides where `error` is 'invalid_grant'."""

    error: str | None = None
    error_description: str | None = None


LOGIN_LIMIT_PAUSE = timedelta(hours=1)
"""A user may sign in so many times an hour, renewals included; there is no Retry-After."""

_MISCONFIGURED = frozenset(
    {
        "invalid_client",
        "invalid_client_id",
        "invalid_client_credentials",
        "unauthorized_client",
        "redirect_uri_mismatch",
        "redirect_uri_missing",
        "unsupported_grant_type",
        "unsupported_response_type",
        "invalid_scope",
        "invalid_request",
    }
)
_TRANSIENT = frozenset({"unknown_error", "server_error", "temporarily_unavailable"})
_GONE = frozenset({"invalid_grant", "access_denied", "invalid_token"})

_NOT_INSTALLED = "our app is not installed in the Salesforce org; ask its administrator to install it"
_NOT_APPROVED = (
    "the Salesforce user has not been allowed to use our app; ask the org's administrator to approve it"
)
_LOGIN_RESTRICTED = "the Salesforce org refuses our IP addresses or the user's login hours; ask its administrator to admit them"
_LOGIN_RESTRICTIONS = frozenset({"ip restricted", "invalid login hours"})
_TOO_MANY_LOGINS = (
    "the Salesforce user who connected has signed in too often within the hour, renewals included"
)
_BY_ERROR = {
    "app_not_found": _NOT_INSTALLED,
    "oauth_ec_app_not_found": _NOT_INSTALLED,
    "invalid_app_access": _NOT_APPROVED,
    "inactive_user": error_mapper.USER_INACTIVE,
    "inactive_org": error_mapper.ORG_CLOSED,
}
_BY_DESCRIPTION = {
    "not installed": _NOT_INSTALLED,
    "hasn't approved": _NOT_APPROVED,
    "not admin approved": _NOT_APPROVED,
    "inactive user": error_mapper.USER_INACTIVE,
    "user is inactive": error_mapper.USER_INACTIVE,
    "frozen": error_mapper.USER_FROZEN,
    "locked": error_mapper.USER_FROZEN,
    "expired access/refresh token": "expired access/refresh token",
    "code verifier": "invalid code verifier",
    "authorization code": "the authorization code was used, is unknown, or has expired",
}
_REDIRECTS = range(300, 400)
_IN_PROGRESS = "already being processed"
_ABOUT_PROOF_KEYS = ("verifier", "challenge")


def classify_refusal(response: http.HttpResponse, gone: oauth.GoneError, now: datetime) -> errors.CrmError:
    """Classify by what is transient, then by OAuth's `error`, then by its description.

    Only codes appear in messages: a description may quote what was sent.
    """
    if response.is_html or response.status in _REDIRECTS:
        # Such a page says nothing about a grant, and secrets are not sent after a redirect.
        return errors.CrmUnavailable(Provider.SALESFORCE, f"a web page (HTTP {response.status}) from OAuth")
    if transient := oauth.transient_error(response, now, Provider.SALESFORCE):
        return transient
    body = decoding.decode_error(response.body, OAuthErrorBody)
    error = (body.error or "").lower()
    description = (body.error_description or "").lower()
    if classification := _classify_transient(error, description) or _classify_final(error, description, gone):
        return classification
    reason = oauth.sanitize_oauth_code(body.error) or f"HTTP {response.status}"
    return errors.CrmRejected(Provider.SALESFORCE, response.status, f"the OAuth endpoint answered {reason}")


def _classify_transient(error: str, description: str) -> errors.CrmError | None:
    if error == "rate_limit_exceeded":
        return errors.RateLimited(Provider.SALESFORCE, LOGIN_LIMIT_PAUSE, error, _TOO_MANY_LOGINS)
    if _IN_PROGRESS in description:
        return errors.CrmUnavailable(Provider.SALESFORCE, "another request for new tokens is being processed")
    if error in _TRANSIENT:
        return errors.CrmUnavailable(Provider.SALESFORCE, f"{error} from OAuth")
    return None


def _classify_final(error: str, description: str, gone: oauth.GoneError) -> errors.CrmError | None:
    if reason := _BY_ERROR.get(error):
        return gone(Provider.SALESFORCE, reason)
    # The documentation announces a wrong verifier as invalid_request, the servers send invalid_grant.
    about_proof = gone is errors.GrantRejected and any(key in description for key in _ABOUT_PROOF_KEYS)
    if about_proof and error == "invalid_request":
        error = "invalid_grant"
    if error in _MISCONFIGURED:
        return errors.CrmMisconfigured(Provider.SALESFORCE, error)
    if error not in _GONE:
        return None
    if any(fragment in description for fragment in _LOGIN_RESTRICTIONS):
        if gone is errors.GrantRejected:
            return gone(Provider.SALESFORCE, _LOGIN_RESTRICTED)
        # The grant exists on: its refresh token is not spent, and valid again once the org admits us.
        return error_mapper.login_restriction_error(error, _LOGIN_RESTRICTED)
    reasons = (reason for fragment, reason in _BY_DESCRIPTION.items() if fragment in description)
    return gone(Provider.SALESFORCE, next(reasons, error))
