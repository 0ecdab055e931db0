"""Classify the refusals of HubSpot's OAuth endpoints."""

from datetime import datetime

import msgspec

from astrelo.adapters.outbound.crm.decoding import UNREADABLE
from astrelo.adapters.outbound.crm.http import HttpResponse
from astrelo.adapters.outbound.crm.oauth import GoneError, sanitize_oauth_code, transient_error
from astrelo.adapters.outbound.hubspot.oauth.wire import OAuthErrorBody
from astrelo.domain.errors import CrmError, CrmMisconfigured, CrmRejected
from astrelo.domain.identifiers import Provider

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


def classify_refusal(response: HttpResponse, gone: GoneError, now: datetime) -> CrmError:
    """Classify by HubSpot's `status`, then by OAuth's `error`, then by the HTTP status."""
    if transient := transient_error(response, now, Provider.HUBSPOT):
        return transient
    try:
        body = msgspec.json.decode(response.body, type=OAuthErrorBody)
    except UNREADABLE:
        body = OAuthErrorBody()
    reason = sanitize_oauth_code(body.status) or sanitize_oauth_code(body.error) or f"HTTP {response.status}"
    if body.status in _MISCONFIGURED:
        return CrmMisconfigured(Provider.HUBSPOT, reason)
    if body.status in _GRANT_GONE:
        return gone(Provider.HUBSPOT, reason)
    if body.error in _MISCONFIGURED_ERRORS:
        return CrmMisconfigured(Provider.HUBSPOT, reason)
    if body.error in _GRANT_GONE_ERRORS:
        return gone(Provider.HUBSPOT, reason)
    return CrmRejected(Provider.HUBSPOT, response.status, f"the OAuth endpoint answered {reason}")
