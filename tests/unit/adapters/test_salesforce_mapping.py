"""Salesforce's rows as records: which field goes where, and that REST and bulk jobs tell one and the same."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astrelo.adapters.outbound.crm.industries import IndustryCodes, naics_code, sic_code
from astrelo.adapters.outbound.reference import BundledReferenceData
from astrelo.adapters.outbound.salesforce.industries import load_industries
from astrelo.adapters.outbound.salesforce.mapping import FIELDS, OBJECTS, RecordMapper
from astrelo.adapters.outbound.salesforce.wire import (
    AccountRow,
    ContactRow,
    OpportunityRow,
    StageRow,
    UserRow,
)
from astrelo.domain.identifiers import ObjectType, RecordId
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
from tests.unit.adapters.salesforce_answers import read_by_rest, read_in_bulk

INDUSTRIES = load_industries()
ACCOUNT, CONTACT, DEAL = "001xx000003DGb0AAG", "003xx000004TmiQAAS", "006xx000001SvLCAA0"
OTHER_CONTACT, OWNER = "003xx000004TmiRAAS", "005xx000001SwiUAAS"
STAGES = [
    StageRow(RecordId("01J1"), api_name="Prospecting", master_label="Looking around", default_probability="10.0",
             is_closed="false", is_won="false"),
    StageRow(RecordId("01J2"), api_name="Closed Won", master_label="Won", default_probability="100.0",
             is_closed="true", is_won="true"),
    StageRow(RecordId("01J3"), api_name="Closed Lost", master_label="Lost", default_probability="0.0",
             is_closed="true", is_won="false"),
    StageRow(RecordId("01J4"), api_name=None, master_label="Unnamed"),
]  # fmt: skip
MAPPER = RecordMapper(BundledReferenceData(), INDUSTRIES, "EUR", STAGES)
PICKLIST = [
    "Agriculture", "Apparel", "Banking", "Biotechnology", "Chemicals", "Communications", "Construction", "Consulting",
    "Education", "Electronics", "Energy", "Engineering", "Entertainment", "Environmental", "Finance", "Food & Beverage",
    "Government", "Healthcare", "Hospitality", "Insurance", "Machinery", "Manufacturing", "Media", "Not For Profit",
    "Recreation", "Retail", "Shipping", "Technology", "Telecommunications", "Transportation", "Utilities", "Other",
]  # fmt: skip
MODIFIED = "2026-05-01T07:25:37.001+0000"
MODIFIED_AT = datetime(2026, 5, 1, 7, 25, 37, 1000, UTC)


Outcome = CrmRecord | RejectedRecord


def mapped(kind: ObjectType, told: Mapping[str, Any], read: Callable[[Any, Any], Any]) -> Outcome:
    match kind:
        case ObjectType.COMPANIES:
            return MAPPER.company(read(AccountRow, told))
        case ObjectType.CONTACTS:
            return MAPPER.contact(read(ContactRow, told))
        case ObjectType.DEALS:
            return MAPPER.deal(read(OpportunityRow, told))


def both(kind: ObjectType, told: Mapping[str, Any]) -> Outcome:
    """Map a record as REST tells it, after making sure that a bulk job tells the same one."""
    by_rest, in_bulk = mapped(kind, told, read_by_rest), mapped(kind, told, read_in_bulk)
    assert by_rest == in_bulk
    if not isinstance(by_rest, RejectedRecord) and not isinstance(in_bulk, RejectedRecord):
        assert content_hash(by_rest) == content_hash(in_bulk)
    return by_rest


def company(**fields: Any) -> CompanyRecord:
    record = both(ObjectType.COMPANIES, {"Id": ACCOUNT, "SystemModstamp": MODIFIED, **fields})
    assert isinstance(record, CompanyRecord)
    return record


def contact(**fields: Any) -> ContactRecord:
    record = both(ObjectType.CONTACTS, {"Id": CONTACT, "SystemModstamp": MODIFIED, **fields})
    assert isinstance(record, ContactRecord)
    return record


def deal(**fields: Any) -> DealRecord:
    record = both(ObjectType.DEALS, {"Id": DEAL, "SystemModstamp": MODIFIED, **fields})
    assert isinstance(record, DealRecord)
    return record


class TestAccounts:
    def test_every_field_goes_to_its_column(self) -> None:
        told = {
            "Name": " Acme Inc. ",
            "Website": "https://www.Acme.com/about",
            "Industry": "Biotechnology",
            "NumberOfEmployees": 1200,
            "AnnualRevenue": 12500000.5,
            "CurrencyIsoCode": "USD",
            "BillingCountryCode": "US",
            "BillingCountry": "United States",
            "BillingStateCode": "CA",
            "BillingState": "California",
            "BillingCity": "San Diego",
            "Description": 'Makes "everything",\r\nand more.',
            "Phone": "+1 555 0100",
            "Type": "Customer - Direct",
            "OwnerId": OWNER,
            "IsDeleted": False,
            "MasterRecordId": None,
            "NaicsCode": None,
            "Sic": "8731",
        }
        assert {"Id", "SystemModstamp", *told} == set(FIELDS[ObjectType.COMPANIES])
        assert company(**told) == CompanyRecord(
            record_id=RecordId(ACCOUNT),
            source_updated_at=MODIFIED_AT,
            name="Acme Inc.",
            domain="acme.com",
            identity_domain="acme.com",
            industry="Biotechnology",
            naics="541714",
            sic="8731",
            employee_count=1200,
            annual_revenue=Decimal("12500000.5"),
            annual_revenue_currency="USD",
            revenue_range="10M-50M",
            hq_country="US",
            hq_region="US-CA",
            hq_city="San Diego",
            description='Makes "everything",\nand more.',
            phone="+1 555 0100",
            linkedin_url=None,
            lifecycle_stage="Customer - Direct",
            owner_id=RecordId(OWNER),
            unreadable=(),
        )

    def test_a_bare_account_is_kept_with_nothing_in_it(self) -> None:
        assert set(company()[2:-1]) == {None}
        assert company().unreadable == ()

    @pytest.mark.parametrize("nothing", [None, "", "  "])
    def test_nothing_is_null_and_not_unreadable(self, nothing: str | None) -> None:
        told = dict.fromkeys(set(FIELDS[ObjectType.COMPANIES]) - {"Id", "SystemModstamp"}, nothing)
        assert company(**told) == company()

    @pytest.mark.parametrize(
        ("field", "told"),
        [
            ("domain", {"Website": "n/a"}),
            ("naics", {"NaicsCode": "software"}),
            ("sic", {"Sic": "none"}),
            ("employee_count", {"NumberOfEmployees": -1}),
            ("annual_revenue", {"AnnualRevenue": 1e30}),
            ("annual_revenue_currency", {"AnnualRevenue": 1.0, "CurrencyIsoCode": "dollars"}),
            ("hq_country", {"BillingCountry": "Atlantis"}),
            ("hq_region", {"BillingCountryCode": "US", "BillingState": "Bavaria"}),
            ("hq_region", {"BillingStateCode": "CA"}),
            ("crm_rep_id", {"OwnerId": "0" * 129}),
        ],
    )
    def test_an_unreadable_value_is_null_and_named(self, field: str, told: dict[str, Any]) -> None:
        record = company(**told)
        assert record.unreadable == (field,)
        assert getattr(record, {"crm_rep_id": "owner_id"}.get(field, field)) is None

    def test_several_unreadable_values_are_all_named(self) -> None:
        record = company(Website="-", NumberOfEmployees="many", AnnualRevenue=5000, BillingCountry="Atlantis")
        assert record.unreadable == ("domain", "employee_count", "hq_country")

    def test_a_shared_domain_is_kept_but_identifies_nobody(self) -> None:
        record = company(Website="https://www.linkedin.com/company/acme")
        assert (record.domain, record.identity_domain, record.unreadable) == ("linkedin.com", None, ())

    @pytest.mark.parametrize(
        ("told", "currency"),
        [
            ({"AnnualRevenue": 5.0}, "EUR"),
            ({"AnnualRevenue": 5.0, "CurrencyIsoCode": "usd"}, "USD"),
            ({}, None),
        ],
    )
    def test_the_orgs_currency_is_assumed_for_an_amount_without_one(
        self, told: dict[str, Any], currency: str | None
    ) -> None:
        assert company(**told).annual_revenue_currency == currency

    def test_an_org_without_a_currency_leaves_it_open(self) -> None:
        row = AccountRow(RecordId(ACCOUNT), MODIFIED, annual_revenue="5.0")
        record = RecordMapper(BundledReferenceData(), INDUSTRIES, None).company(row)
        assert isinstance(record, CompanyRecord)
        assert (record.annual_revenue, record.annual_revenue_currency) == (Decimal(5), None)

    @pytest.mark.parametrize(
        ("told", "place"),
        [
            ({"BillingCountry": "Deutschland", "BillingState": "Bayern"}, ("DE", "DE-BY")),
            ({"BillingCountry": "USA", "BillingState": "NY"}, ("US", "US-NY")),
            (
                {"BillingCountryCode": "CA", "BillingCountry": "United States", "BillingStateCode": "ON",
                 "BillingState": "California"},
                ("CA", "CA-ON"),
            ),
            (
                {"BillingCountryCode": "??", "BillingCountry": "Canada", "BillingStateCode": "??",
                 "BillingState": "Ontario"},
                ("CA", "CA-ON"),
            ),
        ],
    )  # fmt: skip
    def test_codes_of_places_go_before_names_which_stand_in_for_them(
        self, told: dict[str, Any], place: tuple[str, str]
    ) -> None:
        record = company(**told)
        assert ((record.hq_country, record.hq_region), record.unreadable) == (place, ())

    def test_numbers_are_equal_however_they_are_written(self) -> None:
        written = ["5000000", "5000000.0", "5000000.00", "5.0E6"]
        rows = [AccountRow(RecordId(ACCOUNT), MODIFIED, annual_revenue=one) for one in written]
        assert len({content_hash(record) for row in rows if isinstance(record := MAPPER.company(row), CompanyRecord)}) == 1  # fmt: skip


class TestIndustries:
    def test_the_32_values_that_an_org_begins_with_are_known(self) -> None:
        assert list(INDUSTRIES) == PICKLIST
        assert len(PICKLIST) == len(set(PICKLIST)) == 32

    def test_codes_are_written_as_codes(self) -> None:
        for codes in INDUSTRIES.values():
            assert isinstance(codes, IndustryCodes)
            assert codes.naics is None or naics_code(codes.naics) == codes.naics
            assert codes.sic is None or sic_code(codes.sic) == codes.sic

    @pytest.mark.parametrize(
        ("industry", "naics", "sic"),
        [
            ("Agriculture", "11", None),
            ("Banking", "522", None),
            ("Biotechnology", "541714", "8731"),
            ("Construction", "23", None),
            ("Engineering", "54133", "8711"),
            ("Finance", "52", None),
            ("Hospitality", "721", "7011"),
            ("Manufacturing", "31-33", None),
            ("Retail", "44-45", None),
            ("Transportation", "48-49", None),
            ("Energy", None, None),
            ("Food & Beverage", None, None),
            ("Shipping", None, None),
            ("Technology", None, None),
            ("Other", None, None),
            ("A Value Of Their Own", None, None),
        ],
    )
    def test_a_value_has_codes_where_one_fits(
        self, industry: str, naics: str | None, sic: str | None
    ) -> None:
        record = company(Industry=industry)
        assert (record.industry, record.naics, record.sic, record.unreadable) == (industry, naics, sic, ())

    @pytest.mark.parametrize(
        ("told", "naics", "sic"),
        [
            ({"NaicsCode": "722511", "Sic": "5812"}, "722511", "5812"),
            ({"NaicsCode": " 44-45 ", "Sic": "0191 "}, "44-45", "0191"),
            ({"NaicsCode": "5132"}, "5132", "8731"),
            ({"Sic": "7372"}, "541714", "7372"),
        ],
    )
    def test_codes_that_the_account_tells_go_before_its_industrys(
        self, told: dict[str, Any], naics: str, sic: str
    ) -> None:
        record = company(Industry="Biotechnology", **told)
        assert (record.naics, record.sic, record.unreadable) == (naics, sic, ())

    @pytest.mark.parametrize(
        "told", ["5", "5415111", "99", "10", "43", "541500", "5105", "54-11", "31-32", "54151x", "\uff15132", "541511 - Software"]
    )  # fmt: skip
    def test_what_is_no_naics_code_leaves_it_to_the_industry(self, told: str) -> None:
        assert company(NaicsCode=told, Industry="Banking").naics == "522"
        assert company(NaicsCode=told, Industry="Banking").unreadable == ()
        assert company(NaicsCode=told, Industry="Other").unreadable == ("naics",)

    @pytest.mark.parametrize("told", ["73", "737", "73720", "73-2", "0012", "\uff17372", "7372, 7371"])
    def test_what_is_no_sic_code_leaves_it_to_the_industry(self, told: str) -> None:
        assert company(Sic=told, Industry="Engineering").sic == "8711"
        assert company(Sic=told).unreadable == ("sic",)

    def test_codes_that_an_industry_stands_for_hide_nothing_that_was_unreadable(self) -> None:
        """As many fields are filled as were told, and yet one of them was not read."""
        assert company(Website="n/a", Industry="Engineering").unreadable == ("domain",)
        assert company(Website="n/a", Industry="Banking").unreadable == ("domain",)

    @pytest.mark.parametrize(
        "code", ["11", "23", "315", "5132", "54133", "541714", "722511", "921190", "31-33"]
    )
    def test_codes_of_every_length_are_codes(self, code: str) -> None:
        assert naics_code(code) == code


class TestContacts:
    def test_every_field_goes_to_its_column(self) -> None:
        told = {
            "Email": "Jane.Doe@Mail.Acme.co.uk",
            "FirstName": "Jane",
            "LastName": "Doe",
            "Title": "CTO",
            "Phone": "+44 1",
            "MobilePhone": "+44 2",
            "AccountId": ACCOUNT,
            "OwnerId": OWNER,
            "IsDeleted": False,
            "MasterRecordId": None,
        }
        assert {"Id", "SystemModstamp", *told} == set(FIELDS[ObjectType.CONTACTS])
        assert contact(**told) == ContactRecord(
            record_id=RecordId(CONTACT),
            source_updated_at=MODIFIED_AT,
            email="jane.doe@mail.acme.co.uk",
            email_host="mail.acme.co.uk",
            email_registrable_domain="acme.co.uk",
            email_kind=EmailKind.BUSINESS,
            first_name="Jane",
            last_name="Doe",
            job_title="CTO",
            phone="+44 1",
            lifecycle_stage=None,
            owner_id=RecordId(OWNER),
            company_id=RecordId(ACCOUNT),
            unreadable=(),
        )

    def test_a_mobile_number_stands_in_for_the_phone(self) -> None:
        assert contact(Phone=" ", MobilePhone="+44 2").phone == "+44 2"

    @pytest.mark.parametrize(
        ("email", "kind", "unreadable"),
        [
            (None, EmailKind.MISSING, ()),
            ("not-an-email", EmailKind.INVALID, ("email",)),
            ("jane@gmail.com", EmailKind.FREE_MAIL, ()),
        ],
    )
    def test_only_an_address_that_was_told_can_be_unreadable(
        self, email: str | None, kind: EmailKind, unreadable: tuple[str, ...]
    ) -> None:
        record = contact(Email=email)
        assert (record.email_kind, record.email_host, record.unreadable) == (kind, None, unreadable)

    def test_a_reference_that_can_be_no_id_is_null_and_named(self) -> None:
        record = contact(AccountId=f" {ACCOUNT}", OwnerId="0" * 129)
        assert (record.company_id, record.owner_id) == (None, None)
        assert record.unreadable == ("crm_rep_id", "provider_company_id")


class TestOpportunities:
    def test_every_field_goes_to_its_column(self) -> None:
        told = {
            "Name": "Big deal",
            "Amount": 842517.0,
            "CurrencyIsoCode": "USD",
            "StageName": "Prospecting",
            "Probability": 45.5,
            "IsClosed": False,
            "IsWon": False,
            "CloseDate": "2026-08-19",
            "AccountId": ACCOUNT,
            "OwnerId": OWNER,
            "IsDeleted": False,
        }
        assert {"Id", "SystemModstamp", *told} == set(FIELDS[ObjectType.DEALS])
        assert deal(**told) == DealRecord(
            record_id=RecordId(DEAL),
            source_updated_at=MODIFIED_AT,
            name="Big deal",
            amount=Decimal(842517),
            currency="USD",
            pipeline_id=None,
            pipeline_label=None,
            stage_id="Prospecting",
            stage_label="Looking around",
            probability=Decimal("0.455"),
            is_closed=False,
            is_won=False,
            close_date=datetime(2026, 8, 19, tzinfo=UTC),
            owner_id=RecordId(OWNER),
            company_id=RecordId(ACCOUNT),
            contact_ids=(),
            unreadable=(),
        )

    def test_contacts_are_sorted_and_each_there_once(self) -> None:
        row = OpportunityRow(RecordId(DEAL), MODIFIED)
        record = MAPPER.deal(row, [OTHER_CONTACT, CONTACT, OTHER_CONTACT, ""])
        assert isinstance(record, DealRecord)
        assert record.contact_ids == (CONTACT, OTHER_CONTACT)

    @pytest.mark.parametrize(
        ("percent", "share"),
        [(0, "0"), (10.0, "0.1"), (33.333333, "0.333333"), (100.0, "1"), (0.5, "0.005"), (1e-9, "0")],
    )
    def test_a_percentage_becomes_a_share(self, percent: float, share: str) -> None:
        assert str(deal(Probability=percent).probability) == share

    @pytest.mark.parametrize(
        ("stage", "label", "outlook"),
        [
            ("Prospecting", "Looking around", (Decimal("0.1"), False, False)),
            ("Closed Won", "Won", (Decimal(1), True, True)),
            ("Closed Lost", "Lost", (Decimal(0), True, False)),
            ("Unnamed", "Unnamed", (None, None, None)),
            ("Gone", None, (None, None, None)),
            (None, None, (None, None, None)),
        ],
    )
    def test_what_an_opportunity_may_not_be_seen_to_say_its_stage_says(
        self, stage: str | None, label: str | None, outlook: tuple[Any, ...]
    ) -> None:
        record = deal(StageName=stage)
        assert (record.stage_id, record.stage_label) == (stage, label)
        assert ((record.probability, record.is_closed, record.is_won), record.unreadable) == (outlook, ())

    def test_what_an_opportunity_says_goes_before_its_stage(self) -> None:
        record = deal(StageName="Closed Lost", Probability=90.0, IsClosed=False, IsWon=False)
        assert (record.probability, record.is_closed, record.is_won) == (Decimal("0.9"), False, False)

    def test_the_orgs_currency_is_assumed_for_an_amount_alone(self) -> None:
        currencies = [deal(**told).currency for told in ({"Amount": 5.0}, {}, {"CurrencyIsoCode": "USD"})]
        assert currencies == ["EUR", None, "USD"]

    @pytest.mark.parametrize(
        ("field", "told"),
        [
            ("amount", {"Amount": "a lot"}),
            ("currency", {"CurrencyIsoCode": "$"}),
            ("probability", {"Probability": 101.0}),
            ("probability", {"Probability": -1}),
            ("is_closed", {"IsClosed": "maybe"}),
            ("is_won", {"IsWon": 1}),
            ("close_date", {"CloseDate": "soon"}),
            ("close_date", {"CloseDate": "2026-02-30"}),
            ("crm_rep_id", {"OwnerId": "x" * 129}),
            ("provider_company_id", {"AccountId": "x" * 129}),
        ],
    )
    def test_an_unreadable_value_is_null_and_named(self, field: str, told: dict[str, Any]) -> None:
        assert deal(**told).unreadable == (field,)


class TestOwners:
    @pytest.mark.parametrize(("active", "archived"), [(True, False), (False, True), (None, False)])
    def test_a_user_who_is_not_active_is_an_archived_owner(self, active: bool | None, archived: bool) -> None:
        told = {
            "Id": OWNER,
            "Email": "Rep@Acme.com",
            "FirstName": "Rosa",
            "LastName": " Patel ",
            "IsActive": active,
        }
        owner = OwnerRecord(RecordId(OWNER), "rep@acme.com", "Rosa", "Patel", archived)
        assert MAPPER.owner(read_by_rest(UserRow, told)) == owner


class TestModificationTimes:
    def test_both_spellings_of_a_time_are_one(self) -> None:
        rows = [
            AccountRow(RecordId(ACCOUNT), told)
            for told in ("2026-05-01T07:25:37.001+0000", "2026-05-01T07:25:37.001Z")
        ]
        assert [row.modified for row in rows] == [MODIFIED_AT, MODIFIED_AT]

    @pytest.mark.parametrize("told", [None, "", "yesterday", "2026-13-01T00:00:00.000Z", "9" * 30])
    def test_a_record_that_does_not_say_when_it_was_modified_is_rejected(self, told: str | None) -> None:
        outcomes = [
            both(kind, {"Id": told_id, "SystemModstamp": told})
            for kind, told_id in zip(ObjectType, (ACCOUNT, CONTACT, DEAL), strict=True)
        ]
        assert outcomes == [
            RejectedRecord(told_id, RejectionReason.NO_MODIFIED_TIME) for told_id in (ACCOUNT, CONTACT, DEAL)
        ]


def test_each_type_of_record_is_an_object_with_fields() -> None:
    assert OBJECTS == {
        ObjectType.COMPANIES: "Account",
        ObjectType.CONTACTS: "Contact",
        ObjectType.DEALS: "Opportunity",
    }
    assert set(FIELDS) == set(OBJECTS)
    for fields in FIELDS.values():
        assert fields[:2] == ("Id", "SystemModstamp")
        assert all(re.fullmatch(r"[A-Z][A-Za-z]+", field) for field in fields)


odd = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
    | st.text("\"'\n\r,\0 \\;é", max_size=10)
    | st.sampled_from(
        ["acme.com", "HTTPS://www.acme.com", "a@b.co", "US", "CA", "5132", "7372", "2026-05-01", "Technology"]
    )
)


@given(kind=st.sampled_from(ObjectType), data=st.data())
@settings(max_examples=300, deadline=None)
def test_whatever_is_told_rest_and_bulk_give_one_record_that_postgresql_can_store(
    kind: ObjectType, data: st.DataObject
) -> None:
    told = {name: data.draw(odd, name) for name in FIELDS[kind]}
    outcome = both(kind, {**told, "Id": ACCOUNT})
    for value in (value for value in outcome if isinstance(value, str)):
        assert value.encode()
        assert "\0" not in value
