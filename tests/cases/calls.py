"""The calls that case files name, each a thin door to what the project does with such an input.

Everything of ours that they use is named once, in `PLACES`, and looked up when it is first called: a module that has
moved is mended there, and until then costs the calls that need it, not the others.
"""

import hashlib
import hmac
import json
import time
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pkgutil import resolve_name
from types import SimpleNamespace
from typing import Any

import httpx
import jwt

PLACES = {
    "ReferenceData": "astrelo.adapters.outbound.reference:BundledReferenceData",
    "normalization": "astrelo.domain.normalization",
    "errors": "astrelo.domain.errors",
    "Address": "astrelo.adapters.outbound.crm.mapping:Address",
    "country_and_region": "astrelo.adapters.outbound.crm.mapping:country_and_region",
    "Reply": "astrelo.adapters.outbound.crm.http:HttpResponse",
    "CrmCall": "astrelo.adapters.outbound.crm.transport:Call",
    "linkedin_url": "astrelo.domain.normalization:linkedin_page",
    "associated_company": "astrelo.adapters.outbound.hubspot.read.associations:associated_company",
    "AssociatedObject": "astrelo.adapters.outbound.hubspot.api.wire:AssociatedObject",
    "AssociationType": "astrelo.adapters.outbound.hubspot.api.wire:AssociationType",
    "pipelines": "astrelo.adapters.outbound.hubspot.api.client:_PIPELINES",
    "owners": "astrelo.adapters.outbound.hubspot.api.client:_OWNERS",
    "HubSpotErrorMapper": "astrelo.adapters.outbound.hubspot.api.error_mapper:HubSpotErrorMapper",
    "HubSpotWebhooks": "astrelo.adapters.outbound.hubspot.webhooks:HubSpotWebhooks",
    "WebhookRequest": "astrelo.domain.ports.crm:WebhookRequest",
    "SalesforceErrorMapper": "astrelo.adapters.outbound.salesforce.api.error_mapper:SalesforceErrorMapper",
    "SalesforceHosts": "astrelo.adapters.outbound.salesforce.oauth.hosts:SalesforceHosts",
    "user_of_token": "astrelo.adapters.inbound.http.session_tokens:user_of_token",
}

_NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
_SECRET = "a secret of the cases"
_SIGNING_SECRET = "a signing secret of the cases, long enough"
_USER = "2f0f8a4e-6a35-4a58-9d0c-6b1f6f1f0c11"
_TOKEN_LIFE = 600  # seconds
_SOUND_EVENT = '{"portalId":7,"subscriptionType":"company.creation","objectId":11}'


class _StoppedClock:
    def now(self) -> datetime:
        return _NOW


@cache
def ours(name: str) -> Any:
    return resolve_name(PLACES[name])


@cache
def _reference() -> Any:
    return ours("ReferenceData")()


def _reader(name: str) -> Callable[..., object]:
    """Give the function of that name in the module of readers."""

    def read(*given: object) -> object:
        return getattr(ours("normalization"), name)(*given)

    return read


def _knows(name: str) -> Callable[..., object]:
    """Give the method of that name of the reference data."""

    def read(*given: object) -> object:
        return getattr(_reference(), name)(*given)

    return read


def _web_domain(raw: str | None) -> str | None:
    domain: str | None = ours("normalization").web_domain(raw, _reference())
    return domain


def _identity_of_site(raw: str | None) -> object:
    return ours("normalization").identity_domain(_web_domain(raw), _reference())


def _part_of_email(part: str) -> Callable[[str | None], object]:
    return lambda raw: getattr(ours("normalization").email_address(raw, _reference()), part)


def _revenue_range(raw: str | float | None) -> object:
    return ours("normalization").revenue_range(None if raw is None else Decimal(str(raw)))


def _country_and_region(country: str | None, region: str | None) -> object:
    """Read the two fields of a CRM that has no codes beside the names."""
    place = ours("Address")(None, country, None, region)
    return ours("country_and_region")(place, _reference())


def _login_origin(raw: str | None) -> object:
    hosts = ours("SalesforceHosts")("https://login.salesforce.com")
    try:
        return hosts.login_origin(raw)
    except ours("errors").AstreloError:
        return None


def _linkedin_url(page: str | None = None, handle: str | None = None) -> object:
    return ours("linkedin_url")(page, handle)


def _primary_company(linked: Sequence[tuple[Any, Sequence[Sequence[Any]]]], type_id: int = 1) -> object:
    raw = [
        ours("AssociatedObject")(identifier, [ours("AssociationType")(*kind) for kind in kinds])
        for identifier, kinds in linked
    ]
    return ours("associated_company")(raw, type_id)[0]


def _webhook_records(event: str) -> int:
    """Count the records named by an event, which is JSON, and a sound one beside it; -1 for a refused delivery."""
    body, at = f"[{event},{_SOUND_EVENT}]".encode(), str(int(_NOW.timestamp() * 1000))
    uri = "https://cases.example/webhooks"
    signature = hmac.digest(_SECRET.encode(), b"POST" + uri.encode() + body + at.encode(), hashlib.sha256)
    headers = {
        "x-hubspot-signature-v3": b64encode(signature).decode(),
        "x-hubspot-request-timestamp": at,
    }
    request = ours("WebhookRequest")(method="POST", uri=uri, headers=headers, body=body)
    try:
        pending_refetches = ours("HubSpotWebhooks")(_SECRET).parse(request, _NOW)
    except ours("errors").WebhookRejected:
        return -1
    return sum(len(records) for records in pending_refetches.values())


def _hubspot_waits(status: int, body: object = None) -> bool:
    """Return whether a response to a read leads to anything but 'rejected': a retry, a pause, a reauthorization."""
    return _waits(ours("HubSpotErrorMapper")(_StoppedClock()), status, body or {"status": "error"})


def _salesforce_waits(status: int, body: object = None) -> bool:
    return _waits(ours("SalesforceErrorMapper")(_StoppedClock()), status, body or [{"message": "error"}])


def _waits(error_mapper: Any, status: int, body: object) -> bool:
    reply = ours("Reply")(status, httpx.Headers(), json.dumps(body).encode())
    account = SimpleNamespace(time_zone=None, account_id="1")
    call = ours("CrmCall")("GET", "https://crm.example/read", "/read", None)
    outcome = error_mapper.classify(reply, call, SimpleNamespace(account=account))
    return not isinstance(outcome, ours("errors").CrmRejected)


def _read_whole(decoder: str) -> Callable[[object], bool]:
    """Return a call that shows whether a document of HubSpot's is read at all."""

    def is_read(document: object) -> bool:
        try:
            ours(decoder)(json.dumps(document).encode())
        except ours("errors").CrmRejected:
            return False
        return True

    return is_read


def _token_taken(offsets: Mapping[str, float]) -> bool:
    """Take claims as seconds from now."""
    now = time.time()
    claims = {"sub": _USER, "exp": now + _TOKEN_LIFE} | {name: now + away for name, away in offsets.items()}
    token = jwt.encode(claims, _SIGNING_SECRET, "HS256")
    return ours("user_of_token")(token, _SIGNING_SECRET) is not None


CALLS: Mapping[str, Callable[..., object]] = {
    "web_domain": _web_domain,
    "identity_of_site": _identity_of_site,
    "registrable_domain": _knows("registrable_domain"),
    "ascii_host": _knows("ascii_host"),
    "is_shared": _knows("is_shared"),
    "email_address": _part_of_email("address"),
    "email_host": _part_of_email("host"),
    "email_kind": _part_of_email("kind"),
    "text": _reader("text"),
    "search_key": _reader("search_key"),
    "country": _knows("country"),
    "region": _knows("region"),
    "country_and_region": _country_and_region,
    "linkedin_url": _linkedin_url,
    "login_origin": _login_origin,
    "timestamp": _reader("timestamp"),
    "employee_count": _reader("employee_count"),
    "amount": _reader("amount"),
    "currency": _reader("currency"),
    "revenue_range": _revenue_range,
    "probability": _reader("probability"),
    "flag": _reader("flag"),
    "primary_company": _primary_company,
    "webhook_records": _webhook_records,
    "hubspot_waits": _hubspot_waits,
    "salesforce_waits": _salesforce_waits,
    "pipelines_read": _read_whole("pipelines"),
    "owners_read": _read_whole("owners"),
    "token_taken": _token_taken,
}
