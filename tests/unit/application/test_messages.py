"""Every code has a message, and each message says what happened, what it means, and what to do."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from string import Formatter

import pytest

from astrelo.adapters.inbound.http.problem_kinds import ALL_KINDS
from astrelo.application import messages
from astrelo.application.messages import Message, describe, describe_left_out, describe_lost_access
from astrelo.application.read.views import IntegrationStatus
from astrelo.domain.contact import UnlinkedReason
from astrelo.domain.deal import DealUnlinkedReason
from astrelo.domain.errors import (
    AstreloError,
    CrmError,
    CrmMisconfigured,
    CrmRejected,
    CrmUnavailable,
    GrantRejected,
    InvalidTransition,
    PermissionMissing,
    ProviderNotConfigured,
    RateLimited,
    ReauthorizationRequired,
)
from astrelo.domain.identifiers import ObjectType, Provider
from astrelo.domain.records import RejectionReason
from astrelo.domain.sync import RunStatus
from astrelo.domain.unreadable import Trouble
from astrelo.domain.webhook_endpoints.deliveries import DeliveryError
from astrelo.domain.webhook_endpoints.endpoints import DisabledReason

HUBSPOT, SALESFORCE = Provider.HUBSPOT, Provider.SALESFORCE
FIELDS = {
    "crm", "reason", "records", "count", "field", "domain", "limit", "gone", "live", "attempts", "error", "policy",
    "because", "missing", "detail",
}  # fmt: skip
"""What may stand in braces."""
FORMER_WORDS = (
    "told",
    "tell us",
    "whoever",
    "somebody",
    "mend",
    "makes no sense",
    "goes on",
    "answered",
    "walk",
)


def all_messages() -> Iterator[tuple[str, Message]]:
    for name, value in vars(messages).items():
        if isinstance(value, Message):
            yield name, value
        elif isinstance(value, Mapping) and name.isupper():
            yield from ((f"{name}[{key}]", item) for key, item in value.items() if isinstance(item, Message))


def in_domain(root: type[AstreloError]) -> set[type[AstreloError]]:
    """The class and those below it; the CRM adapters' own kinds have the message of the class they refine."""
    below = set().union(*(in_domain(child) for child in root.__subclasses__()))
    return below | ({root} if root.__module__ == AstreloError.__module__ else set())


ALL = dict(all_messages())


@pytest.mark.parametrize("name", ALL)
def test_a_message_says_what_happened_what_it_means_and_what_to_do(name: str) -> None:
    for part in ALL[name]:
        assert part[0].isupper() or part[0] in "{0123456789", part
        assert part.endswith((".", "}", ").")), part
        assert {field for _, field, _, _ in Formatter().parse(part) if field} <= FIELDS


@pytest.mark.parametrize("name", ALL)
def test_a_message_is_plain_english(name: str) -> None:
    assert [word for word in FORMER_WORDS if word in ALL[name].text.lower()] == []


@pytest.mark.parametrize(
    ("codes", "catalogue"),
    [
        (RunStatus, messages.RUNS),
        (IntegrationStatus, messages.CONNECTIONS),
        (RejectionReason, messages.REJECTED),
        (Trouble, messages.UNREADABLE),
        (UnlinkedReason, messages.UNLINKED),
        (DealUnlinkedReason, messages.DEAL_UNLINKED),
        (DisabledReason, messages.ENDPOINTS_DISABLED),
        (DeliveryError, messages.DELIVERY_ERRORS),
        (ALL_KINDS, messages.PROBLEMS),
        (in_domain(CrmError), messages.CRM_ERRORS),
        (in_domain(AstreloError) - in_domain(CrmError), messages.ERRORS),
    ],
)
def test_every_code_has_its_message(codes: Iterable[object], catalogue: Iterable[object]) -> None:
    assert set(codes) == set(catalogue)


SENTENCES: list[tuple[AstreloError, str]] = [
    (
        RateLimited(SALESFORCE, timedelta(hours=1), "DAILY_SHARE", "our share of the day is used up"),
        (
            "Salesforce asked us to wait: our share of the day is used up (DAILY_SHARE). "
            "What has been read so far is stored; the sync continues by itself."
        ),
    ),
    (
        RateLimited(HUBSPOT, timedelta(seconds=10), "TEN_SECONDLY_ROLLING"),
        (
            "HubSpot asked us to wait (TEN_SECONDLY_ROLLING). "
            "What has been read so far is stored; the sync continues by itself."
        ),
    ),
    (
        CrmUnavailable(HUBSPOT, "HTTP 502"),
        "HubSpot is not available at the moment (HTTP 502). Your stored data is unaffected.",
    ),
    (
        PermissionMissing(HUBSPOT, ObjectType.DEALS, ("crm.deals.read", "crm.owners.read")),
        (
            "HubSpot does not let us read your deals: crm.deals.read, crm.owners.read are missing. "
            "They stay as they are; everything else is synced."
        ),
    ),
    (
        PermissionMissing(SALESFORCE, None, (), "admit our app (APP_BLOCKED)"),
        (
            "Salesforce does not let us read your owners: admit our app (APP_BLOCKED). "
            "They stay as they are; everything else is synced."
        ),
    ),
    (
        GrantRejected(HUBSPOT, "BAD_AUTH_CODE"),
        ("HubSpot refused the authorization (BAD_AUTH_CODE). Nothing was connected and nothing was changed."),
    ),
    (
        CrmMisconfigured(HUBSPOT, "BAD_CLIENT_ID"),
        (
            "HubSpot refused our application's own credentials (BAD_CLIENT_ID). "
            "The fault is ours, not yours; your stored data is unaffected."
        ),
    ),
    (
        CrmRejected(SALESFORCE, 400, "INVALID_FIELD for GET /query"),
        (
            "Salesforce sent a response that we could not read (HTTP 400: INVALID_FIELD for GET /query). "
            "Your stored data is unaffected; the next sync tries again."
        ),
    ),
    (
        ProviderNotConfigured(HUBSPOT),
        (
            "HubSpot is not configured: set ASTRELO_HUBSPOT_CLIENT_ID and ASTRELO_HUBSPOT_CLIENT_SECRET. "
            "We have been notified; your data so far is safe and the next sync continues from here."
        ),
    ),
    (
        InvalidTransition("connection", "disconnected", "synced"),
        (
            "A connection that is disconnected cannot be synced. "
            "We have been notified; your data so far is safe and the next sync continues from here."
        ),
    ),
]


@pytest.mark.parametrize(("error", "reason"), SENTENCES)
def test_an_error_of_a_run_is_a_reason_in_whole_sentences(error: AstreloError, reason: str) -> None:
    assert describe(error).reason == reason


def test_lost_access_names_its_cause_once() -> None:
    lost = describe_lost_access(HUBSPOT, "BAD_REFRESH_TOKEN").reason
    assert lost == (
        "HubSpot no longer accepts our access (BAD_REFRESH_TOKEN). "
        "Your data is kept, but it is not refreshed until you connect again."
    )
    assert describe(ReauthorizationRequired(HUBSPOT, lost)).reason == lost


def test_records_that_could_not_be_read_are_named() -> None:
    reason = describe_left_out("companies", CrmRejected(HUBSPOT, None, "no page")).reason
    assert reason == (
        "HubSpot returned companies in a format we could not read (no page). "
        "They stay as they are and are read again by the next sync."
    )
