"""HubSpot's objects as records: which property goes where, and what happens to what cannot be read."""

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astrelo.adapters.outbound.crm.industries import IndustryCodes
from astrelo.adapters.outbound.hubspot.industries import load_industries
from astrelo.adapters.outbound.hubspot.mapping import RecordMapper
from astrelo.adapters.outbound.hubspot.wire import (
    CompanyObject,
    CompanyProperties,
    ContactObject,
    ContactProperties,
    DealObject,
    DealProperties,
    OwnerObject,
    Pipeline,
    PipelineStage,
    StageMetadata,
)
from astrelo.adapters.outbound.reference import BundledReferenceData
from astrelo.domain.contact import CompanyMatch, UnlinkedReason, link_contact
from astrelo.domain.identifiers import CompanyId, RecordId
from astrelo.domain.records import (
    CompanyRecord,
    ContactRecord,
    DealRecord,
    EmailKind,
    OwnerRecord,
    RejectedRecord,
    RejectionReason,
    content_hash,
)

INDUSTRIES = load_industries()
PIPELINES = [
    Pipeline(
        id="default",
        label="Sales Pipeline",
        stages=(
            PipelineStage("qualified", "Qualified", StageMetadata(is_closed="false", probability="0.4")),
            PipelineStage("won", "Closed Won", StageMetadata(is_closed="true", probability="1.0")),
            PipelineStage("lost", "Closed Lost", StageMetadata(is_closed="true", probability="0.0")),
            PipelineStage("bare", "Without metadata"),
        ),
    ),
    Pipeline(
        id="other", label="Other", stages=(PipelineStage("won", "Done", StageMetadata(is_closed="false")),)
    ),
]
MAPPER = RecordMapper(BundledReferenceData(), INDUSTRIES, "EUR", PIPELINES)
MODIFIED = "2026-10-02T10:00:00.001Z"
MODIFIED_AT = datetime(2026, 10, 2, 10, 0, 0, 1000, UTC)


def company(**properties: str | None) -> CompanyRecord:
    record = MAPPER.company(
        CompanyObject("10", CompanyProperties(hs_lastmodifieddate=MODIFIED, **properties))
    )
    assert isinstance(record, CompanyRecord)
    return record


def contact(company_id: str | None = None, **properties: str | None) -> ContactRecord:
    told = ContactObject("20", ContactProperties(lastmodifieddate=MODIFIED, **properties))
    record = MAPPER.contact(told, None if company_id is None else RecordId(company_id))
    assert isinstance(record, ContactRecord)
    return record


def deal(
    company_id: str | None = None, contact_ids: str | None = None, **properties: str | None
) -> DealRecord:
    """Map a deal; `contact_ids` are written with blanks between them."""
    told = DealObject("30", DealProperties(hs_lastmodifieddate=MODIFIED, **properties))
    linked = None if company_id is None else RecordId(company_id)
    record = MAPPER.deal(told, linked, [RecordId(one) for one in (contact_ids or "").split()])
    assert isinstance(record, DealRecord)
    return record


class TestCompanies:
    def test_every_property_goes_to_its_column(self) -> None:
        assert company(
            name=" Acme Inc. ",
            domain="https://www.Acme.com/about",
            industry="COMPUTER_SOFTWARE",
            numberofemployees="1,200",
            annualrevenue="12500000.50",
            country="United States",
            state="California",
            city="San Diego",
            description="Makes everything.",
            phone="+1 555 0100",
            linkedin_company_page="https://www.linkedin.com/company/acme",
            lifecyclestage="lead",
            hubspot_owner_id="77",
        ) == CompanyRecord(
            record_id=RecordId("10"),
            source_updated_at=MODIFIED_AT,
            name="Acme Inc.",
            domain="acme.com",
            identity_domain="acme.com",
            industry="COMPUTER_SOFTWARE",
            naics="5132",
            sic="7372",
            employee_count=1200,
            annual_revenue=Decimal("12500000.5"),
            annual_revenue_currency="EUR",
            revenue_range="10M-50M",
            hq_country="US",
            hq_region="US-CA",
            hq_city="San Diego",
            description="Makes everything.",
            phone="+1 555 0100",
            linkedin_url="https://www.linkedin.com/company/acme",
            lifecycle_stage="lead",
            owner_id=RecordId("77"),
            unreadable=(),
        )

    def test_a_bare_record_is_kept_with_nothing_in_it(self) -> None:
        assert set(company()[2:-1]) == {None}
        assert company().unreadable == ()

    @pytest.mark.parametrize("empty", ["", "  "])
    def test_an_empty_value_is_null_and_not_unreadable(self, empty: str) -> None:
        told = dict.fromkeys(
            ("domain", "numberofemployees", "annualrevenue", "country", "state", "hubspot_owner_id", "name"),
            empty,
        )
        assert company(**told) == company()

    @pytest.mark.parametrize(
        ("field", "properties"),
        [
            ("domain", {"domain": "n/a"}),
            ("employee_count", {"numberofemployees": "50-100"}),
            ("annual_revenue", {"annualrevenue": "1e400"}),
            ("annual_revenue_currency", {"annualrevenue": "1", "hs_annual_revenue_currency_code": "dollars"}),
            ("hq_country", {"country": "Atlantis"}),
            ("hq_region", {"country": "US", "state": "Bavaria"}),
            ("hq_region", {"state": "CA"}),
            ("crm_rep_id", {"hubspot_owner_id": "7" * 129}),
        ],
    )
    def test_an_unreadable_value_is_null_and_named(self, field: str, properties: dict[str, str]) -> None:
        record = company(**properties)
        assert record.unreadable == (field,)
        column = {"crm_rep_id": "owner_id"}.get(field, field)
        assert getattr(record, column) is None

    def test_several_unreadable_values_are_all_named(self) -> None:
        record = company(domain="-", numberofemployees="many", annualrevenue="5000", country="Atlantis")
        assert record.unreadable == ("domain", "employee_count", "hq_country")

    def test_a_shared_domain_is_kept_but_identifies_nobody(self) -> None:
        record = company(domain="https://www.linkedin.com/company/acme")
        assert (record.domain, record.identity_domain, record.unreadable) == ("linkedin.com", None, ())

    def test_a_told_currency_goes_before_the_accounts(self) -> None:
        assert (
            company(annualrevenue="5", hs_annual_revenue_currency_code="usd").annual_revenue_currency == "USD"
        )

    def test_without_revenue_there_is_no_currency_to_assume(self) -> None:
        assert company(annualrevenue=None).annual_revenue_currency is None

    def test_an_account_without_a_currency_leaves_it_open(self) -> None:
        mapper = RecordMapper(BundledReferenceData(), INDUSTRIES, None)
        told = CompanyObject("10", CompanyProperties(annualrevenue="5", hs_lastmodifieddate=MODIFIED))
        record = mapper.company(told)
        assert isinstance(record, CompanyRecord)
        assert (record.annual_revenue, record.annual_revenue_currency) == (Decimal(5), None)

    def test_a_negative_revenue_is_kept_without_a_range(self) -> None:
        record = company(annualrevenue="-5")
        assert (record.annual_revenue, record.revenue_range, record.unreadable) == (Decimal(-5), None, ())

    def test_codes_go_before_names(self) -> None:
        record = company(
            hs_country_code="CA", country="United States", hs_state_code="ON", state="California"
        )
        assert (record.hq_country, record.hq_region) == ("CA", "CA-ON")

    def test_names_stand_in_for_codes_that_say_nothing(self) -> None:
        record = company(hs_country_code="??", country="Canada", hs_state_code="??", state="Ontario")
        assert (record.hq_country, record.hq_region, record.unreadable) == ("CA", "CA-ON", ())

    @pytest.mark.parametrize("handle", ["acme", "company/acme"])
    def test_a_linkedin_handle_stands_in_for_the_page(self, handle: str) -> None:
        assert company(hs_linkedin_handle=handle).linkedin_url == "https://www.linkedin.com/company/acme"

    @pytest.mark.parametrize(
        ("told", "url"),
        [
            ("HTTPS://linkedin.com/company/acme", "HTTPS://linkedin.com/company/acme"),
            ("http://linkedin.com/in/a?b=javascript:", "http://linkedin.com/in/a?b=javascript:"),
            ("linkedin.com/company/acme", "https://linkedin.com/company/acme"),
            ("//linkedin.com/company/acme", "https://linkedin.com/company/acme"),
            ("www.linkedin.com:443/company/acme", "https://www.linkedin.com:443/company/acme"),
            ("java\tscript:alert(1)", "https://java\tscript:alert(1)"),
        ],
    )
    def test_a_linkedin_page_is_always_a_link_to_the_web(self, told: str, url: str) -> None:
        record = company(linkedin_company_page=told)
        assert (record.linkedin_url, record.unreadable) == (url, ())

    @pytest.mark.parametrize("told", ["javascript:alert(1)", " JavaScript:alert(1)", "data:text/html,x"])
    def test_a_linkedin_page_that_would_run_a_script_is_not_kept(self, told: str) -> None:
        """Anybody may fill in a form of the CRM's, and a frontend makes a link of what the column holds."""
        record = company(linkedin_company_page=told, hs_linkedin_handle="acme")
        assert (record.linkedin_url, record.unreadable) == (None, ("linkedin_url",))

    def test_text_that_no_column_can_hold_is_mended(self) -> None:
        record = company(name="Ac\0me \ud800", description="x" * 100_000)
        assert (record.name, record.unreadable) == ("Acme \ufffd", ())
        assert record.description == "x" * 100_000


class TestIndustries:
    def test_all_148_options_are_known(self) -> None:
        assert len(INDUSTRIES) == 148

    @pytest.mark.parametrize(
        ("option", "naics", "sic"),
        [
            ("COMPUTER_SOFTWARE", "5132", "7372"),
            ("BANKING", "5221", "6021"),
            ("MOBILE_GAMES", *INDUSTRIES["MOBILE_GAMES"]),
            ("CONSTRUCTION", "23", None),
            ("RETAIL", "44-45", None),
            ("FINANCIAL_SERVICES", "52", None),
            ("INTERNET", None, None),
            ("CONSUMER_GOODS", None, None),
            ("AN_OPTION_OF_THEIR_OWN", None, None),
        ],
    )
    def test_an_option_has_codes_where_one_fits(
        self, option: str, naics: str | None, sic: str | None
    ) -> None:
        record = company(industry=option)
        assert (record.industry, record.naics, record.sic, record.unreadable) == (option, naics, sic, ())

    def test_codes_look_like_codes(self) -> None:
        for codes in INDUSTRIES.values():
            assert isinstance(codes, IndustryCodes)
            assert codes.naics is None or codes.naics.isdigit() or codes.naics == "44-45"
            assert codes.sic is None or (codes.sic.isdigit() and len(codes.sic) == 4)


class TestContacts:
    def test_every_property_goes_to_its_column(self) -> None:
        assert contact(
            company_id="10",
            email="Jane.Doe@Mail.Acme.co.uk",
            firstname="Jane",
            lastname="Doe",
            jobtitle="CTO",
            phone="+44 1",
            lifecyclestage="customer",
            hubspot_owner_id="77",
        ) == ContactRecord(
            record_id=RecordId("20"),
            source_updated_at=MODIFIED_AT,
            email="jane.doe@mail.acme.co.uk",
            email_host="mail.acme.co.uk",
            email_registrable_domain="acme.co.uk",
            email_kind=EmailKind.BUSINESS,
            first_name="Jane",
            last_name="Doe",
            job_title="CTO",
            phone="+44 1",
            lifecycle_stage="customer",
            owner_id=RecordId("77"),
            company_id=RecordId("10"),
            unreadable=(),
        )

    def test_a_mobile_number_stands_in_for_the_phone(self) -> None:
        assert contact(phone=" ", mobilephone="+44 2").phone == "+44 2"

    @pytest.mark.parametrize(
        ("email", "kind", "unreadable"),
        [
            (None, EmailKind.MISSING, ()),
            ("", EmailKind.MISSING, ()),
            ("not-an-email", EmailKind.INVALID, ("email",)),
            ("jane@gmail.com", EmailKind.FREE_MAIL, ()),
        ],
    )
    def test_only_an_address_that_was_told_can_be_unreadable(
        self, email: str | None, kind: EmailKind, unreadable: tuple[str, ...]
    ) -> None:
        record = contact(email=email)
        assert (record.email_kind, record.email_host, record.unreadable) == (kind, None, unreadable)


class TestDeals:
    def test_every_property_goes_to_its_column(self) -> None:
        assert deal(
            company_id="10",
            contact_ids="21 20 21",
            dealname="Big deal",
            amount="842517",
            deal_currency_code="USD",
            pipeline="default",
            dealstage="qualified",
            hs_deal_stage_probability="0.45",
            hs_is_closed="false",
            hs_is_closed_won="false",
            closedate="2026-08-19T11:31:18.111Z",
            hubspot_owner_id="77",
        ) == DealRecord(
            record_id=RecordId("30"),
            source_updated_at=MODIFIED_AT,
            name="Big deal",
            amount=Decimal(842517),
            currency="USD",
            pipeline_id="default",
            pipeline_label="Sales Pipeline",
            stage_id="qualified",
            stage_label="Qualified",
            probability=Decimal("0.45"),
            is_closed=False,
            is_won=False,
            close_date=datetime(2026, 8, 19, 11, 31, 18, 111000, UTC),
            owner_id=RecordId("77"),
            company_id=RecordId("10"),
            contact_ids=(RecordId("20"), RecordId("21")),
            unreadable=(),
        )

    @pytest.mark.parametrize(
        ("stage", "probability", "is_closed", "is_won"),
        [
            ("qualified", Decimal("0.4"), False, False),
            ("won", Decimal(1), True, True),
            ("lost", Decimal(0), True, False),
            ("bare", None, None, None),
            ("unknown", None, None, None),
        ],
    )
    def test_what_a_deal_does_not_say_its_stage_says(
        self, stage: str, probability: Decimal | None, is_closed: bool | None, is_won: bool | None
    ) -> None:
        record = deal(pipeline="default", dealstage=stage)
        assert (record.probability, record.is_closed, record.is_won) == (probability, is_closed, is_won)
        assert record.unreadable == ()

    def test_what_a_deal_says_goes_before_its_stage(self) -> None:
        record = deal(
            pipeline="default", dealstage="lost", hs_deal_stage_probability="0.9", hs_is_closed="false"
        )
        assert (record.probability, record.is_closed, record.is_won) == (Decimal("0.9"), False, False)

    def test_a_won_deal_is_closed(self) -> None:
        record = deal(pipeline="default", dealstage="bare", hs_is_closed_won="true")
        assert (record.is_closed, record.is_won) == (True, True)

    def test_one_stage_id_in_two_pipelines_is_two_stages(self) -> None:
        record = deal(pipeline="other", dealstage="won")
        assert (record.pipeline_label, record.stage_label, record.is_closed) == ("Other", "Done", False)

    def test_an_unknown_pipeline_keeps_its_id(self) -> None:
        record = deal(pipeline="gone", dealstage="gone")
        assert (record.pipeline_id, record.pipeline_label, record.stage_id, record.stage_label) == (
            "gone", None, "gone", None,
        )  # fmt: skip

    def test_the_accounts_currency_is_assumed_for_an_amount_alone(self) -> None:
        assert deal(amount="5").currency == "EUR"
        assert deal().currency is None
        assert deal(deal_currency_code="USD").currency == "USD"

    @pytest.mark.parametrize(
        ("field", "properties"),
        [
            ("amount", {"amount": "a lot"}),
            ("currency", {"deal_currency_code": "$"}),
            ("probability", {"hs_deal_stage_probability": "45%"}),
            ("is_closed", {"hs_is_closed": "maybe"}),
            ("is_won", {"hs_is_closed_won": "1"}),
            ("close_date", {"closedate": "soon"}),
            ("crm_rep_id", {"hubspot_owner_id": "x" * 129}),
        ],
    )
    def test_an_unreadable_value_is_null_and_named(self, field: str, properties: dict[str, str]) -> None:
        assert deal(**properties).unreadable == (field,)

    def test_the_order_in_which_contacts_are_told_makes_no_difference(self) -> None:
        assert content_hash(deal(contact_ids="1 2")) == content_hash(deal(contact_ids="2 1"))


class TestOwners:
    def test_an_owner_is_named_by_its_owner_id(self) -> None:
        told = OwnerObject(
            id="77", email="Rep@Acme.com", first_name="Rosa", last_name=" Patel ", archived=True
        )
        assert MAPPER.owner(told) == OwnerRecord(
            RecordId("77"), "rep@acme.com", "Rosa", "Patel", archived=True
        )

    def test_an_owner_without_an_id_is_rejected(self) -> None:
        assert MAPPER.owner(OwnerObject(id="")) == RejectedRecord(None, RejectionReason.BAD_ID)


class TestRejectedRecords:
    @pytest.mark.parametrize("told", ["", " ", "\0", "1" * 129])
    def test_an_id_that_is_empty_or_too_long_for_an_index_is_refused(self, told: str) -> None:
        rejected = MAPPER.company(CompanyObject(told, CompanyProperties(hs_lastmodifieddate=MODIFIED)))
        assert isinstance(rejected, RejectedRecord)
        assert rejected.reason is RejectionReason.BAD_ID
        assert rejected.record_id in {None, "1" * 128}

    @pytest.mark.parametrize("told", [None, "", "yesterday", "9" * 30])
    def test_a_record_that_does_not_say_when_it_was_modified_is_refused(self, told: str | None) -> None:
        missing = RejectionReason.NO_MODIFIED_TIME
        companies = MAPPER.company(CompanyObject("1", CompanyProperties(hs_lastmodifieddate=told), told))
        contacts = MAPPER.contact(ContactObject("2", ContactProperties(lastmodifieddate=told), told), None)
        deals = MAPPER.deal(DealObject("3", DealProperties(hs_lastmodifieddate=told), told), None)
        assert [companies, contacts, deals] == [RejectedRecord(one, missing) for one in "123"]

    def test_the_modification_property_goes_before_the_objects_own_time(self) -> None:
        record = MAPPER.contact(
            ContactObject("2", ContactProperties(lastmodifieddate=MODIFIED), "2030-01-01"), None
        )
        assert isinstance(record, ContactRecord)
        assert record.source_updated_at == MODIFIED_AT

    def test_the_objects_own_time_stands_in_for_it(self) -> None:
        record = MAPPER.deal(DealObject("3", DealProperties(), MODIFIED), None)
        assert isinstance(record, DealRecord)
        assert record.source_updated_at == MODIFIED_AT


odd = (
    st.none()
    | st.text(max_size=20)
    | st.sampled_from(["true", "1e9", "acme.com", "\0", "\ud800", "a@b.co", "US"])
)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_whatever_is_told_a_record_comes_out_that_postgresql_can_store(data: st.DataObject) -> None:
    records: list[Any] = [
        company(**_odd_properties(data, CompanyProperties, "hs_lastmodifieddate")),
        contact(**_odd_properties(data, ContactProperties, "lastmodifieddate")),
        deal(**_odd_properties(data, DealProperties, "hs_lastmodifieddate")),
    ]
    for value in (value for record in records for value in record if isinstance(value, str)):
        assert value.encode()
        assert "\0" not in value


def _odd_properties(data: st.DataObject, kind: type[msgspec.Struct], but: str) -> dict[str, str | None]:
    return {name: data.draw(odd) for name in kind.__struct_fields__ if name != but}


PORTAL = Path(__file__).parents[3].parent / "shared" / "data" / "portal-open.jsonl.gz"


@pytest.mark.skipif(not PORTAL.exists(), reason="the open portal does not lie beside this clone")
class TestTheOpenPortal:
    """10,089 real companies and their made-up contacts. The figures hold for any right reading of them.

    One contact less is linked by its domain than a list of free mail alone would give: twitter.com's, since
    many firms give their page there as their own site.
    """

    @pytest.fixture(scope="class")
    @staticmethod
    def companies() -> list[CompanyRecord]:
        mapped = [MAPPER.company(msgspec.convert(told, CompanyObject)) for told in portal("companies")]
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
        for told in portal("contacts"):
            record = MAPPER.contact(msgspec.convert(told, ContactObject), _primary(told))
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
            told = json.loads(line)
            if told["object"] == kind:
                yield told


def _primary(told: dict[str, Any]) -> RecordId | None:
    associated = told.get("associations", {}).get("companies", ())
    return next((RecordId(one["id"]) for one in associated if one["primary"]), None)
