"""HubSpot's objects as records: which property goes where, and what happens to what cannot be read."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astrelo.adapters.outbound.hubspot.api.wire import (
    CompanyObject,
    CompanyProperties,
    ContactObject,
    ContactProperties,
    DealObject,
    DealProperties,
    OwnerObject,
)
from astrelo.adapters.outbound.hubspot.mapping import RecordMapper
from astrelo.domain.identifiers import ObjectType, RecordId
from astrelo.domain.normalization import MAX_TEXT_LENGTH
from astrelo.domain.records import (
    CompanyRecord,
    ContactRecord,
    CrmRecord,
    DealRecord,
    EmailKind,
    OwnerRecord,
    RejectedRecord,
    RejectionReason,
    content_hash,
)
from astrelo.domain.unreadable import Trouble, Unreadable, find_unreadable_values
from tests.support.builders import ANY_VERSION
from tests.support.contracts.crm.mapping import MappingUnderTest, RecordMappingContract, Value
from tests.support.hubspot.records import (
    INDUSTRIES,
    MAPPER,
    MODIFIED,
    MODIFIED_AT,
    REFERENCE,
    company,
    contact,
    deal,
)

PROPERTIES = {
    ObjectType.COMPANIES: CompanyProperties,
    ObjectType.CONTACTS: ContactProperties,
    ObjectType.DEALS: DealProperties,
}
NAMES = {
    ObjectType.COMPANIES: {
        "domain": "domain",
        "employee_count": "numberofemployees",
        "annual_revenue": "annualrevenue",
        "record_currency": "hs_annual_revenue_currency_code",
        "country": "country",
        "country_code": "hs_country_code",
        "region": "state",
        "region_code": "hs_state_code",
        "owner": "hubspot_owner_id",
    },
    ObjectType.CONTACTS: {"email": "email", "phone": "phone", "mobile": "mobilephone"},
    ObjectType.DEALS: {
        "amount": "amount",
        "record_currency": "deal_currency_code",
        "probability": "hs_deal_stage_probability",
        "is_closed": "hs_is_closed",
        "is_won": "hs_is_closed_won",
        "close_date": "closedate",
        "owner": "hubspot_owner_id",
    },
}
REPORTED_FIELDS = {
    kind: {*properties.__struct_fields__} - {"hs_lastmodifieddate", "lastmodifieddate"}
    for kind, properties in PROPERTIES.items()
}
IDS = dict(zip(ObjectType, map(RecordId, ("10", "20", "30")), strict=True))


class HubSpotMapping(MappingUnderTest):
    names, fields, ids = NAMES, REPORTED_FIELDS, IDS
    modified = MODIFIED

    def outcome(
        self, object_type: ObjectType, modified: Value, raw: Mapping[str, Value], currency: Value = "EUR"
    ) -> CrmRecord | RejectedRecord:
        mapper, record_id = RecordMapper(REFERENCE, INDUSTRIES, currency), self.ids[object_type]
        match object_type:
            case ObjectType.COMPANIES:
                company = CompanyProperties(hs_lastmodifieddate=modified, **raw)
                return mapper.company(CompanyObject(record_id, company, modified))
            case ObjectType.CONTACTS:
                person = ContactProperties(lastmodifieddate=modified, **raw)
                return mapper.contact(ContactObject(record_id, person, modified), None)
            case ObjectType.DEALS:
                deal = DealProperties(hs_lastmodifieddate=modified, **raw)
                return mapper.deal(DealObject(record_id, deal, modified), None)


class TestSharedMapping(RecordMappingContract):
    @pytest.fixture
    def mapping(self) -> MappingUnderTest:
        return HubSpotMapping()


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
            annual_revenue_usd=Decimal("14031250.56125"),
            annual_revenue_rate_date=date(2026, 10, 2),
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

    @pytest.mark.parametrize("handle", ["acme", "company/acme"])
    def test_a_linkedin_handle_stands_in_for_the_page(self, handle: str) -> None:
        assert company(hs_linkedin_handle=handle).linkedin_url == "https://www.linkedin.com/company/acme"

    @pytest.mark.parametrize(
        ("raw", "url"),
        [
            ("HTTPS://linkedin.com/company/acme", "HTTPS://linkedin.com/company/acme"),
            ("http://linkedin.com/in/a?b=javascript:", "http://linkedin.com/in/a?b=javascript:"),
            ("linkedin.com/company/acme", "https://linkedin.com/company/acme"),
            ("//linkedin.com/company/acme", "https://linkedin.com/company/acme"),
            ("www.linkedin.com:443/company/acme", "https://www.linkedin.com:443/company/acme"),
        ],
    )
    def test_a_linkedin_page_is_always_a_link_to_the_web(self, raw: str, url: str) -> None:
        record = company(linkedin_company_page=raw)
        assert (record.linkedin_url, record.unreadable) == (url, ())

    @pytest.mark.parametrize("raw", ["javascript:alert(1)", " JavaScript:alert(1)", "data:text/html,x"])
    def test_a_linkedin_page_that_would_run_a_script_is_not_kept(self, raw: str) -> None:
        """Anybody may fill in a form of the CRM's, and a frontend makes a link of what the column holds."""
        record = company(linkedin_company_page=raw, hs_linkedin_handle="acme")
        assert (record.linkedin_url, record.unreadable) == (None, ("linkedin_url",))

    def test_text_that_no_column_can_hold_is_mended(self) -> None:
        record = company(name="Ac\0me \ud800", description="x" * 100_000)
        assert (record.name, record.unreadable) == ("Acme \ufffd", ())
        assert record.description == "x" * (MAX_TEXT_LENGTH - 1) + "…"
        assert set(find_unreadable_values([record], None)) == {Unreadable("description", Trouble.CUT)}


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
            amount_usd=Decimal(842517),
            amount_rate_date=None,
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

    @pytest.mark.parametrize(
        ("field", "properties"),
        [
            ("probability", {"hs_deal_stage_probability": "45%"}),
            ("is_won", {"hs_is_closed_won": "1"}),
        ],
    )
    def test_an_unreadable_value_is_null_and_named(self, field: str, properties: dict[str, str]) -> None:
        assert deal(**properties).unreadable == (field,)

    @pytest.mark.parametrize(
        ("home", "raw", "usd", "day"),
        [
            ("USD", {"deal_currency_code": "JPY", "amount_in_home_currency": "6700.5"}, "6700.5", None),
            ("USD", {"deal_currency_code": "VND", "amount_in_home_currency": "38"}, "38", None),
            ("USD", {"deal_currency_code": "USD", "amount_in_home_currency": "999"}, "1000000", None),
            ("USD", {"amount_in_home_currency": "999"}, "1000000", None),
            (
                "USD",
                {"deal_currency_code": "JPY", "amount_in_home_currency": "n/a"},
                "6342.166224",
                date(2026, 10, 2),
            ),
            ("USD", {"deal_currency_code": "JPY"}, "6342.166224", date(2026, 10, 2)),
            (
                "EUR",
                {"deal_currency_code": "JPY", "amount_in_home_currency": "5650"},
                "6342.166224",
                date(2026, 10, 2),
            ),
            ("EUR", {"deal_currency_code": "VND", "amount_in_home_currency": "33"}, None, None),
            ("USD", {"deal_currency_code": "points", "amount_in_home_currency": "6700"}, None, None),
        ],
    )
    def test_hubspots_own_amount_in_dollars_goes_before_the_table(
        self, home: str, raw: dict[str, str], usd: str | None, day: date | None
    ) -> None:
        payload = DealProperties(hs_lastmodifieddate=MODIFIED, amount="1000000", **raw)
        record = RecordMapper(REFERENCE, INDUSTRIES, home).deal(DealObject("3", payload, MODIFIED), None)
        assert isinstance(record, DealRecord)
        assert (record.amount_usd, record.amount_rate_date) == (usd and Decimal(usd), day)

    def test_without_an_amount_there_is_none_in_dollars(self) -> None:
        assert deal(amount_in_home_currency="5", deal_currency_code="JPY").amount_usd is None

    def test_the_order_in_which_contacts_are_reported_makes_no_difference(self) -> None:
        assert content_hash(deal(contact_ids="1 2"), ANY_VERSION) == content_hash(
            deal(contact_ids="2 1"), ANY_VERSION
        )


class TestOwners:
    def test_an_owner_is_named_by_its_owner_id(self) -> None:
        raw = OwnerObject(
            id="77", email="Rep@Acme.com", first_name="Rosa", last_name=" Patel ", archived=True
        )
        assert MAPPER.owner(raw) == OwnerRecord(
            RecordId("77"), "rep@acme.com", "Rosa", "Patel", archived=True
        )

    def test_an_owner_without_an_id_is_rejected(self) -> None:
        assert MAPPER.owner(OwnerObject(id="")) == RejectedRecord(None, RejectionReason.BAD_ID)


class TestRejectedRecords:
    @pytest.mark.parametrize("raw", ["", " ", "\0", "1" * 129])
    def test_an_id_that_is_empty_or_too_long_for_an_index_is_refused(self, raw: str) -> None:
        rejected = MAPPER.company(CompanyObject(raw, CompanyProperties(hs_lastmodifieddate=MODIFIED)))
        assert isinstance(rejected, RejectedRecord)
        assert rejected.reason is RejectionReason.BAD_ID
        assert rejected.record_id in {None, "1" * 128}

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
def test_whatever_is_reported_a_record_comes_out_that_postgresql_can_store(data: st.DataObject) -> None:
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
