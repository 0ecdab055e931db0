"""Classify the refusals of HubSpot's OAuth endpoints."""

from datetime import datetime

import msgspec

from astrelo.adapters.outbound.crm import decoding, http, oauth
from astrelo.domain import errors
from astrelo.domain.identifiers import Provider


class OAuthErrorBody(msgspec.Struct, frozen=True):
    """An error of the OAuth API: classify by `status`, then by `error`."""

    status: str | None = None
    error: str | None = None
    error_description: str | None = None
    message: str | None = None


_GRANT_GONE = frozenset(
    {"BAD_REFRESH_TOKEN", "BAD_AUTH_CODE", "EXPIRED_AUTH_CODE", "BAD_CODE_VERIFIER", "BAD_HUB"}
)
_MISCONFIGURED = frozenset(
    {
        "BAD_CLIENT_ID",
        "BAD_CLIENT_SECRET",
        "BAD_REDIRECT_URI",
        "MISMATCH_REDIRECT_URI_AUTH_CODE",
        "BAD_SCOPES",
    }
)
_GRANT_GONE_ERRORS = frozenset({"invalid_grant", "access_denied"})
_MISCONFIGURED_ERRORS = frozenset({"invalid_client", "unauthorized_client", "invalid_scope"})


def classify_refusal(response: http.HttpResponse, gone: oauth.GoneError, now: datetime) -> errors.CrmError:
    """Classify by HubSpot's `status`, then by OAuth's `error`, then by the HTTP status."""
    if transient := oauth.transient_error(response, now, Provider.HUBSPOT):
        return transient
    body = decoding.decode_error(response.body, OAuthErrorBody)
    reason = (
        oauth.sanitize_oauth_code(body.status)
        or oauth.sanitize_oauth_code(body.error)
        or f"HTTP {response.status}"
    )
    if body.status in _MISCONFIGURED:
        return errors.CrmMisconfigured(Provider.HUBSPOT, reason)
    if body.status in _GRANT_GONE:
        return gone(Provider.HUBSPOT, reason)
    if body.error in _MISCONFIGURED_ERRORS:
        return errors.CrmMisconfigured(Provider.HUBSPOT, reason)
    if body.error in _GRANT_GONE_ERRORS:
        return gone(Provider.HUBSPOT, reason)
    return errors.CrmRejected(Provider.HUBSPOT, response.status, f"the OAuth endpoint answered {reason}")
