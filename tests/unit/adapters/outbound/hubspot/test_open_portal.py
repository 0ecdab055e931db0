"""The open portal, mapped: 10,089 real companies whose figures hold for any right reading of them."""

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from astrelo.adapters.outbound.hubspot.api.wire import CompanyObject, ContactObject
from astrelo.domain.contact import CompanyMatch, UnlinkedReason, link_contact
from astrelo.domain.identifiers import CompanyId, RecordId
from astrelo.domain.records import CompanyRecord, ContactRecord
from tests.support.hubspot.records import MAPPER

PORTAL = Path(__file__).parents[5].parent / "shared" / "data" / "portal-open.jsonl.gz"


@pytest.mark.skipif(not PORTAL.exists(), reason="the open portal does not lie beside this clone")
class TestTheOpenPortal:
    """10,089 real companies and their made-up contacts. The figures hold for any right reading of them.

    One contact less is linked by its domain than a list of free mail alone would give: twitter.com's, since
    many firms give their page there as their own site.
    """

    @pytest.fixture(scope="class")
    @staticmethod
    def companies() -> list[CompanyRecord]:
        mapped = [MAPPER.company(msgspec.convert(raw, CompanyObject)) for raw in portal("companies")]
        return [record for record in mapped if isinstance(record, CompanyRecord)]

    def test_every_company_is_kept_and_grouped_by_its_domain(self, companies: list[CompanyRecord]) -> None:
        assert len(companies) == 10_089
        assert len({record.identity_domain or record.record_id for record in companies}) == 9_797

    def test_what_cannot_be_read_is_what_nobody_could(self, companies: list[CompanyRecord]) -> None:
        unreadable = Counter(field for record in companies for field in record.unreadable)
        assert unreadable == {"employee_count": 72, "hq_country": 1, "hq_region": 47}

    def test_contacts_are_linked_by_the_crms_word_and_by_their_address(
        self, companies: list[CompanyRecord]
    ) -> None:
        by_record = {record.record_id: CompanyId(UUID(int=0)) for record in companies}
        by_domain = {
            record.identity_domain: CompanyId(UUID(int=0)) for record in companies if record.identity_domain
        }
        links = Counter[str | None]()
        for raw in portal("contacts"):
            record = MAPPER.contact(msgspec.convert(raw, ContactObject), _primary(raw))
            assert isinstance(record, ContactRecord)
            link = link_contact(record, by_record, by_domain)
            links[link.match or link.unlinked_reason] += 1
        assert links == {
            CompanyMatch.PROVIDER_ID: 16_390,
            CompanyMatch.EMAIL_DOMAIN: 4_626,
            UnlinkedReason.FREE_MAIL: 453,
            UnlinkedReason.NO_EMAIL: 256,
            UnlinkedReason.INVALID_EMAIL: 32,
            UnlinkedReason.NO_COMPANY: 4,
        }


def portal(kind: str) -> Iterator[dict[str, Any]]:
    with gzip.open(PORTAL, "rt", encoding="utf-8") as lines:
        for line in lines:
            raw = json.loads(line)
            if raw["object"] == kind:
                yield raw


def _primary(raw: dict[str, Any]) -> RecordId | None:
    associated = raw.get("associations", {}).get("companies", ())
    return next((RecordId(one["id"]) for one in associated if one["primary"]), None)
