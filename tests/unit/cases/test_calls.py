"""Every call that a file of cases may name finds what it needs, wherever that stands today."""

from collections.abc import Sequence

import pytest

from astrelo.domain import normalization
from tests.cases.calls import CALLS, PLACES, ours
from tests.cases.outcomes import look_at

EXAMPLES: Sequence[tuple[str, Sequence[object], object]] = [
    ("web_domain", ["https://www.rowan-mills.com/x"], "rowan-mills.com"),
    ("identity_of_site", ["rowan-mills.com"], "rowan-mills.com"),
    ("registrable_domain", ["shop.rowan-mills.co.uk"], "rowan-mills.co.uk"),
    ("ascii_host", ["bücher.de"], "xn--bcher-kva.de"),
    ("is_shared", ["gmail.com"], True),
    ("email_address", ["Ann@Rowan-Mills.com"], "ann@rowan-mills.com"),
    ("email_host", ["ann@rowan-mills.com"], "rowan-mills.com"),
    ("email_kind", ["ann@gmail.com"], "free_mail"),
    ("text", ["  Rowan  "], "Rowan"),
    ("search_key", ["ROWAN"], "rowan"),
    ("country", ["Germany"], "DE"),
    ("region", ["US", "Texas"], "US-TX"),
    ("country_and_region", ["Germany", "Bayern"], ["DE", "DE-BY"]),
    ("linkedin_url", [None, "rowan"], "https://www.linkedin.com/company/rowan"),
    ("login_origin", ["rowan.my.salesforce.com"], "https://rowan.my.salesforce.com"),
    ("login_origin", ["rowan.example"], None),
    ("timestamp", ["2026-05-02"], "2026-05-02T00:00:00+00:00"),
    ("employee_count", ["1,200"], 1200),
    ("amount", ["12.50"], "12.5"),
    ("currency", ["eur"], "EUR"),
    ("revenue_range", [None], None),
    ("probability", ["0.25"], "0.25"),
    ("flag", ["TRUE"], True),
    ("primary_company", [[[8, [["HUBSPOT_DEFINED", 1, "Primary"]]]], 1], "8"),
    ("webhook_records", ['{"portalId":7,"subscriptionType":"company.creation","objectId":12}'], 2),
    ("webhook_records", ["["], -1),
    ("hubspot_waits", [503], True),
    ("hubspot_waits", [400], False),
    ("salesforce_waits", [503], True),
    ("salesforce_waits", [400, [{"errorCode": "MALFORMED_QUERY", "message": "x"}]], False),
    ("pipelines_read", [{"results": []}], True),
    ("pipelines_read", [{"results": 5}], False),
    ("owners_read", [{"results": []}], True),
    ("owners_read", [{"results": 5}], False),
    ("token_taken", [{}], True),
    ("token_taken", [{"exp": -600}], False),
]


@pytest.mark.parametrize(("name", "given", "right"), EXAMPLES)
def test_a_call_gives_what_the_project_does(name: str, given: Sequence[object], right: object) -> None:
    if name == "search_key" and not hasattr(normalization, name):
        pytest.skip("texts are not folded for the search yet")
    assert look_at(lambda: CALLS[name](*given)) == right


def test_every_call_has_an_example() -> None:
    assert {name for name, _, _ in EXAMPLES} == set(CALLS)


@pytest.mark.parametrize("name", PLACES)
def test_everything_that_calls_use_stands_where_they_look(name: str) -> None:
    assert ours(name) is not None
