"""Where a person opens a Salesforce record."""

from astrelo.adapters.outbound.salesforce.record_urls import salesforce_record_url
from astrelo.domain.identifiers import ObjectType

ORG = "https://acme.my.salesforce.com"


def test_a_person_account_is_opened_as_the_account_that_it_is() -> None:
    url = salesforce_record_url("00D", ORG, ObjectType.CONTACTS, "001000000000001AAA")
    assert url == f"{ORG}/lightning/r/Account/001000000000001AAA/view"


def test_an_org_whose_address_is_not_known_has_no_links() -> None:
    assert salesforce_record_url("00D", None, ObjectType.CONTACTS, "003000000000001AAA") is None
