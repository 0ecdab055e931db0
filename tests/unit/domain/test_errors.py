"""How the errors of CRMs read to the person who has to act on them."""

from datetime import timedelta

import pytest

from astrelo.domain.errors import (
    CrmError,
    CrmMisconfigured,
    CrmRejected,
    CrmUnavailable,
    GrantRejected,
    PermissionMissing,
    ProviderNotConfigured,
    RateLimited,
    ReauthorizationRequired,
)
from astrelo.domain.identifiers import ObjectType, Provider

HUBSPOT, SALESFORCE = Provider.HUBSPOT, Provider.SALESFORCE
SENTENCES: list[tuple[CrmError, str]] = [
    (
        RateLimited(SALESFORCE, timedelta(hours=1), "DAILY_SHARE", "our share of the day is used up"),
        "Salesforce: our share of the day is used up; try again in about an hour (DAILY_SHARE)",
    ),
    (
        RateLimited(HUBSPOT, timedelta(seconds=10), "TEN_SECONDLY_ROLLING"),
        "HubSpot: it asks for a pause; try again in a minute (TEN_SECONDLY_ROLLING)",
    ),
    (
        CrmUnavailable(HUBSPOT, "no answer: ReadTimeout"),
        "HubSpot: not available at the moment; try again in a few minutes (no answer: ReadTimeout)",
    ),
    (
        ReauthorizationRequired(HUBSPOT, "BAD_REFRESH_TOKEN"),
        "HubSpot: it no longer accepts our access; connect it again (BAD_REFRESH_TOKEN)",
    ),
    (
        PermissionMissing(HUBSPOT, ObjectType.DEALS, ("crm.deals.read", "crm.owners.read")),
        "HubSpot: it does not let us read the deals; grant crm.deals.read, crm.owners.read, then connect it again",
    ),
    (
        PermissionMissing(SALESFORCE, None, ()),
        (
            "Salesforce: it does not let us read the owners; "
            "grant the permission that is missing, then connect it again"
        ),
    ),
    (
        GrantRejected(HUBSPOT, "BAD_AUTH_CODE"),
        "HubSpot: it refused the authorization; start connecting again (BAD_AUTH_CODE)",
    ),
    (
        CrmMisconfigured(HUBSPOT, "BAD_CLIENT_ID"),
        "HubSpot: it refuses our application's own credentials (BAD_CLIENT_ID)",
    ),
    (
        CrmRejected(SALESFORCE, 400, "INVALID_FIELD for GET /query"),
        ("Salesforce: its response cannot be read (HTTP 400: INVALID_FIELD for GET /query)"),
    ),
    (
        CrmRejected(SALESFORCE, None, "a page that does not say whether another one follows"),
        ("Salesforce: its response cannot be read (a page that does not say whether another one follows)"),
    ),
]


@pytest.mark.parametrize(("error", "sentence"), SENTENCES, ids=lambda case: type(case).__name__)
def test_it_names_the_crm_what_happened_and_what_to_do_and_ends_with_the_technical_word(
    error: CrmError, sentence: str
) -> None:
    assert str(error) == sentence


@pytest.mark.parametrize(
    ("pause", "expected"),
    [
        (timedelta(0), "in a minute"),
        (timedelta(seconds=60), "in a minute"),
        (timedelta(seconds=61), "in about 2 minutes"),
        (timedelta(minutes=49, seconds=30), "in about 50 minutes"),
        (timedelta(minutes=51), "in about an hour"),
        (timedelta(minutes=89), "in about an hour"),
        (timedelta(hours=2, minutes=50), "in about 3 hours"),
        (timedelta(days=1), "in about 24 hours"),
    ],
)
def test_a_pause_is_written_as_people_say_it(pause: timedelta, expected: str) -> None:
    assert f"try again {expected} (DAILY)" in str(RateLimited(HUBSPOT, pause, "DAILY"))


def test_a_crm_that_is_not_set_up_is_named_as_people_know_it() -> None:
    message = str(ProviderNotConfigured(HUBSPOT))
    assert message.startswith("HubSpot is not configured: set ASTRELO_HUBSPOT_CLIENT_ID")
