"""What a refusal of Salesforce's OAuth endpoints means, and what a person can do about it.

After "OAuth 2.0 Authorization Errors" in Salesforce Help, and what implementations have met: most of what differs to
us is told in the description of one and the same `invalid_grant`.
"""

from datetime import datetime, timedelta

import msgspec

from astrelo.adapters.outbound.crm.decoding import UNREADABLE
from astrelo.adapters.outbound.crm.http import Reply
from astrelo.adapters.outbound.crm.oauth import GoneError, error_word, transient
from astrelo.adapters.outbound.salesforce.api.error_mapper import (
    ORG_CLOSED,
    USER_FROZEN,
    USER_INACTIVE,
    shut_out,
)
from astrelo.adapters.outbound.salesforce.oauth.wire import OAuthErrorBody
from astrelo.domain.errors import (
    CrmError,
    CrmMisconfigured,
    CrmRejected,
    CrmUnavailable,
    GrantRejected,
    RateLimited,
)
from astrelo.domain.identifiers import Provider

LOGIN_LIMIT_PAUSE = timedelta(hours=1)
"""A user may sign in so many times an hour, renewals included; there is no Retry-After."""

_OURS_TO_MEND = frozenset(
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
_PASSING = frozenset({"unknown_error", "server_error", "temporarily_unavailable"})
_GONE = frozenset({"invalid_grant", "access_denied", "invalid_token"})

_NOT_INSTALLED = "our app is not installed in the Salesforce org; ask its administrator to install it"
_NOT_APPROVED = (
    "the Salesforce user has not been allowed to use our app; ask the org's administrator to approve it"
)
_SHUT_OUT = "the Salesforce org refuses our IP addresses or the user's login hours; ask its administrator to admit them"
_BARRED = frozenset({"ip restricted", "invalid login hours"})
_TOO_MANY_LOGINS = (
    "the Salesforce user who connected has signed in too often within the hour, renewals included"
)
_BY_ERROR = {
    "app_not_found": _NOT_INSTALLED,
    "oauth_ec_app_not_found": _NOT_INSTALLED,
    "invalid_app_access": _NOT_APPROVED,
    "inactive_user": USER_INACTIVE,
    "inactive_org": ORG_CLOSED,
}
_BY_DESCRIPTION = {
    "not installed": _NOT_INSTALLED,
    "hasn't approved": _NOT_APPROVED,
    "not admin approved": _NOT_APPROVED,
    "inactive user": USER_INACTIVE,
    "user is inactive": USER_INACTIVE,
    "frozen": USER_FROZEN,
    "locked": USER_FROZEN,
    "expired access/refresh token": "expired access/refresh token",
    "code verifier": "invalid code verifier",
    "authorization code": "the authorization code was used, is unknown, or has expired",
}
_REDIRECTS = range(300, 400)
_IN_PROGRESS = "already being processed"
_ABOUT_PROOF_KEYS = ("verifier", "challenge")


def refusal(reply: Reply, gone: GoneError, now: datetime) -> CrmError:
    """Classify by what is passing, then by OAuth's `error`, then by its description.

    Nothing told is repeated but code words: a description may quote what was sent.
    """
    if reply.is_html or reply.status in _REDIRECTS:
        # Whoever is sent to such a page learns nothing of a grant; and a redirect is not followed with secrets.
        return CrmUnavailable(Provider.SALESFORCE, f"a page for people (HTTP {reply.status}) from OAuth")
    if passing := transient(reply, now, Provider.SALESFORCE):
        return passing
    body = error_body(reply)
    error = (body.error or "").lower()
    told = (body.error_description or "").lower()
    return (
        _passing(error, told)
        or _settled(error, told, gone)
        or CrmRejected(
            Provider.SALESFORCE, reply.status, f"the OAuth endpoint answered {_named(body, reply)}"
        )
    )


def _passing(error: str, told: str) -> CrmError | None:
    if error == "rate_limit_exceeded":
        return RateLimited(Provider.SALESFORCE, LOGIN_LIMIT_PAUSE, error, _TOO_MANY_LOGINS)
    if _IN_PROGRESS in told:
        return CrmUnavailable(Provider.SALESFORCE, "another request for new tokens is being processed")
    if error in _PASSING:
        return CrmUnavailable(Provider.SALESFORCE, f"{error} from OAuth")
    return None


def _settled(error: str, told: str, gone: GoneError) -> CrmError | None:
    if reason := _BY_ERROR.get(error):
        return gone(Provider.SALESFORCE, reason)
    # The documentation tells a wrong verifier by invalid_request, the servers by invalid_grant.
    about_proof = gone is GrantRejected and any(key in told for key in _ABOUT_PROOF_KEYS)
    if about_proof and error == "invalid_request":
        error = "invalid_grant"
    if error in _OURS_TO_MEND:
        return CrmMisconfigured(Provider.SALESFORCE, error)
    if error not in _GONE:
        return None
    if any(fragment in told for fragment in _BARRED):
        return _barred(error, gone)
    reasons = (reason for fragment, reason in _BY_DESCRIPTION.items() if fragment in told)
    return gone(Provider.SALESFORCE, next(reasons, error))


def _barred(error: str, gone: GoneError) -> CrmError:
    """Keep a grant that there is: its refresh token is not spent, and good again once the org admits us."""
    return gone(Provider.SALESFORCE, _SHUT_OUT) if gone is GrantRejected else shut_out(error, _SHUT_OUT)


def _named(body: OAuthErrorBody, reply: Reply) -> str:
    return error_word(body.error) or f"HTTP {reply.status}"


def error_body(reply: Reply) -> OAuthErrorBody:
    try:
        return msgspec.json.decode(reply.body, type=OAuthErrorBody)
    except UNREADABLE:
        return OAuthErrorBody()
