"""Where a person opens a HubSpot record."""

import pytest

from astrelo.adapters.outbound.hubspot.record_urls import app_url, hubspot_record_url
from astrelo.domain.identifiers import ObjectType


@pytest.mark.parametrize(
    ("ui_domain", "expected"),
    [
        ("app.hubspot.com", "https://app.hubspot.com"),
        ("app-eu1.hubspot.com", "https://app-eu1.hubspot.com"),
        ("evil.test", None),
        ("app.hubspot.com.evil.test", None),
        ("", None),
        (None, None),
    ],
)
def test_only_hubspot_s_own_hosts_are_led_to(ui_domain: str | None, expected: str | None) -> None:
    assert app_url(ui_domain) == expected


def test_an_account_of_unknown_region_is_opened_where_hubspot_redirects_from() -> None:
    url = hubspot_record_url("4711", None, ObjectType.DEALS, "1/2")
    assert url == "https://app.hubspot.com/contacts/4711/record/0-3/1%2F2"
