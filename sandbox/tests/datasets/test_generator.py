from collections import Counter

import pytest

from crm_sandbox import Dataset, DatasetRecord
from crm_sandbox.fake_data import UNREADABLE_DOMAINS

Records = dict[str, list[DatasetRecord]]


@pytest.fixture(scope="module")
def records() -> Records:
    found: Records = {}
    for record in Dataset.generate().records:
        found.setdefault(record.object, []).append(record)
    return found


def values(records: list[DatasetRecord], name: str) -> list[str | None]:
    return [record.properties[name] for record in records]


def test_equal_arguments_give_equal_portals() -> None:
    assert Dataset.generate(20, seed=3) == Dataset.generate(20, seed=3)
    assert Dataset.generate(20, seed=3).account_id != Dataset.generate(20, seed=4).account_id


@pytest.mark.parametrize("companies", [0, 1, 3])
def test_a_portal_may_be_tiny(companies: int) -> None:
    kinds = Counter(record.object for record in Dataset.generate(companies).records if not record.archived)
    assert kinds["companies"] == companies


def test_the_shares_are_those_of_a_real_portal(records: Records) -> None:
    live = {kind: sum(not record.archived for record in found) for kind, found in records.items()}
    assert live == {"companies": 500, "contacts": 1100, "deals": 300, "owners": 9}
    assert all(any(record.archived for record in found) for found in records.values())


def test_domains_are_missing_shared_repeated_noisy_and_unreadable(records: Records) -> None:
    domains = values(records["companies"], "domain")
    typed = [domain for domain in domains if domain]
    assert None in domains
    assert max(Counter(typed).values()) > 1
    for noise in ("www.", "https://", "HTTPS://", "gmail.com", "facebook.com/", ":8080"):
        assert any(noise in domain for domain in typed), noise
    assert any(domain.isupper() for domain in typed)
    assert set(typed) & set(UNREADABLE_DOMAINS)


def test_numbers_are_odd(records: Records) -> None:
    employees = values(records["companies"], "numberofemployees")
    assert {"50-100", "n/a", None} <= set(employees)
    assert any(value and "," in value for value in employees)
    assert any(value and value.endswith(".50") for value in values(records["companies"], "annualrevenue"))


def test_owners_are_known_archived_unknown_and_missing(records: Records) -> None:
    used = set(values(records["companies"], "hubspot_owner_id"))
    known = {owner.id for owner in records["owners"]}
    archived = {owner.id for owner in records["owners"] if owner.archived}
    assert used & archived
    assert None in used
    assert used - known - {None}


def test_emails_are_free_missing_invalid_and_foreign(records: Records) -> None:
    emails = values(records["contacts"], "email")
    assert None in emails
    assert any(email and email.endswith("@gmail.com") for email in emails)
    assert any(email and "@" not in email for email in emails)
    assert any(email and email.endswith("strangerworks.de") for email in emails)


def test_contacts_have_a_primary_company_two_an_unlabelled_one_or_none(records: Records) -> None:
    links = [record.associations.get("companies", []) for record in records["contacts"]]
    shapes = Counter((len(found), any(one.primary for one in found)) for found in links)
    assert shapes[1, True] > 600
    assert shapes[0, False] > 200
    assert shapes[2, True] > 10
    assert shapes[1, False] > 5


def test_deals_have_companies_contacts_and_stages_of_two_pipelines(records: Records) -> None:
    assert any("contacts" in record.associations for record in records["deals"])
    assert any("companies" not in record.associations for record in records["deals"])
    assert len(set(values(records["deals"], "pipeline"))) == 2


def test_every_value_is_text_or_null_and_every_id_is_unique(records: Records) -> None:
    everything = [record for found in records.values() for record in found]
    assert len({record.id for record in everything}) == len(everything)
    assert {type(value) for record in everything for value in record.properties.values()} == {str, type(None)}
