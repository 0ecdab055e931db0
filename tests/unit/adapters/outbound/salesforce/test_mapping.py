"""Salesforce's rows as records: which field goes where, and that REST and bulk jobs report one and the same."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astrelo.adapters.outbound.salesforce.api.wire import AccountRow, OpportunityRow, UserRow
from astrelo.adapters.outbound.salesforce.mapping import FIELDS, OBJECTS, RecordMapper
from astrelo.domain.identifiers import ObjectType, RecordId
from astrelo.domain.records import (
    CompanyAssociation,
    CompanyRecord,
    ContactRecord,
    DealRecord,
    EmailKind,
    OwnerRecord,
    content_hash,
)
from tests.support.builders import ANY_VERSION
from tests.support.contracts.crm.mapping import MappingUnderTest, RecordMappingContract, Value
from tests.support.salesforce.records import (
    ACCOUNT,
    CONTACT,
    DEAL,
    INDUSTRIES,
    MAPPER,
    MODIFIED,
    MODIFIED_AT,
    OTHER_CONTACT,
    OWNER,
    REFERENCE,
    Outcome,
    both,
    company,
    contact,
    deal,
)
from tests.support.salesforce.responses import read_by_rest

NAMES = {
    ObjectType.COMPANIES: {
        "domain": "Website",
        "employee_count": "NumberOfEmployees",
        "annual_revenue": "AnnualRevenue",
        "record_currency": "CurrencyIsoCode",
        "country": "BillingCountry",
        "country_code": "BillingCountryCode",
        "region": "BillingState",
        "region_code": "BillingStateCode",
        "owner": "OwnerId",
    },
    ObjectType.CONTACTS: {"email": "Email", "phone": "Phone", "mobile": "MobilePhone"},
    ObjectType.DEALS: {
        "amount": "Amount",
        "record_currency": "CurrencyIsoCode",
        "probability": "Probability",
        "is_closed": "IsClosed",
        "is_won": "IsWon",
        "close_date": "CloseDate",
        "owner": "OwnerId",
    },
}
REPORTED_FIELDS = {kind: {*names} - {"Id", "SystemModstamp"} for kind, names in FIELDS.items()}
IDS = dict(zip(ObjectType, map(RecordId, (ACCOUNT, CONTACT, DEAL)), strict=True))


class SalesforceMapping(MappingUnderTest):
    names, fields, ids = NAMES, REPORTED_FIELDS, IDS
    modified = MODIFIED

    def outcome(
        self, object_type: ObjectType, modified: Value, raw: Mapping[str, Value], currency: Value = "EUR"
    ) -> Outcome:
        mapper = RecordMapper(REFERENCE, INDUSTRIES, currency)
        row = {"Id": self.ids[object_type], "SystemModstamp": modified, **raw}
        return both(object_type, row, mapper)


class TestSharedMapping(RecordMappingContract):
    @pytest.fixture
    def mapping(self) -> MappingUnderTest:
        return SalesforceMapping()


class TestAccounts:
    def test_every_field_goes_to_its_column(self) -> None:
        raw = {
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
            "IsPersonAccount": False,
        }
        assert {"Id", "SystemModstamp", *raw} == set(FIELDS[ObjectType.COMPANIES])
        assert company(**raw) == CompanyRecord(
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
            annual_revenue_usd=Decimal("12500000.5"),
            annual_revenue_rate_date=None,
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

    @pytest.mark.parametrize(
        ("field", "raw"),
        [
            ("naics", {"NaicsCode": "software"}),
            ("sic", {"Sic": "none"}),
            ("employee_count", {"NumberOfEmployees": -1}),
            ("annual_revenue", {"AnnualRevenue": 1e30}),
            ("hq_region", {"BillingCountryCode": "US", "BillingState": "Bavaria"}),
        ],
    )
    def test_an_unreadable_value_is_null_and_named(self, field: str, raw: dict[str, Any]) -> None:
        record = company(**raw)
        assert record.unreadable == (field,)
        assert getattr(record, field) is None

    def test_numbers_are_equal_however_they_are_written(self) -> None:
        written = ["5000000", "5000000.0", "5000000.00", "5.0E6"]
        rows = [AccountRow(RecordId(ACCOUNT), MODIFIED, annual_revenue=one) for one in written]
        assert len({content_hash(record, ANY_VERSION) for row in rows if isinstance(record := MAPPER.company(row), CompanyRecord)}) == 1  # fmt: skip


class TestContacts:
    def test_every_field_goes_to_its_column(self) -> None:
        raw = {
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
            "IsPersonAccount": True,
        }
        assert {"Id", "SystemModstamp", *raw} == set(FIELDS[ObjectType.CONTACTS])
        assert contact(**raw) == ContactRecord(
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
            company_association=CompanyAssociation.PRIMARY,
            is_person_account=True,
            unreadable=(),
        )

    def test_a_reference_that_can_be_no_id_is_null_and_named(self) -> None:
        record = contact(AccountId=f" {ACCOUNT}", OwnerId="0" * 129)
        assert (record.company_id, record.owner_id) == (None, None)
        assert record.unreadable == ("crm_rep_id", "provider_company_id")


class TestOpportunities:
    def test_every_field_goes_to_its_column(self) -> None:
        raw = {
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
        assert {"Id", "SystemModstamp", *raw} == set(FIELDS[ObjectType.DEALS])
        assert deal(**raw) == DealRecord(
            record_id=RecordId(DEAL),
            source_updated_at=MODIFIED_AT,
            name="Big deal",
            amount=Decimal(842517),
            currency="USD",
            amount_usd=Decimal(842517),
            amount_rate_date=None,
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
            company_association=CompanyAssociation.PRIMARY,
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
        ("stage", "label", "deal_status"),
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
        self, stage: str | None, label: str | None, deal_status: tuple[Any, ...]
    ) -> None:
        record = deal(StageName=stage)
        assert (record.stage_id, record.stage_label) == (stage, label)
        assert ((record.probability, record.is_closed, record.is_won), record.unreadable) == (deal_status, ())

    def test_what_an_opportunity_says_goes_before_its_stage(self) -> None:
        record = deal(StageName="Closed Lost", Probability=90.0, IsClosed=False, IsWon=False)
        assert (record.probability, record.is_closed, record.is_won) == (Decimal("0.9"), False, False)

    @pytest.mark.parametrize(
        ("field", "raw"),
        [
            ("probability", {"Probability": 101.0}),
            ("probability", {"Probability": -1}),
            ("is_won", {"IsWon": 1}),
            ("close_date", {"CloseDate": "2026-02-30"}),
            ("provider_company_id", {"AccountId": "x" * 129}),
        ],
    )
    def test_an_unreadable_value_is_null_and_named(self, field: str, raw: dict[str, Any]) -> None:
        assert deal(**raw).unreadable == (field,)


class TestOwners:
    @pytest.mark.parametrize(("active", "archived"), [(True, False), (False, True), (None, False)])
    def test_a_user_who_is_not_active_is_an_archived_owner(self, active: bool | None, archived: bool) -> None:
        raw = {
            "Id": OWNER,
            "Email": "Rep@Acme.com",
            "FirstName": "Rosa",
            "LastName": " Patel ",
            "IsActive": active,
        }
        owner = OwnerRecord(RecordId(OWNER), "rep@acme.com", "Rosa", "Patel", archived)
        assert MAPPER.owner(read_by_rest(UserRow, raw)) == owner


class TestModificationTimes:
    def test_both_spellings_of_a_time_are_one(self) -> None:
        rows = [
            AccountRow(RecordId(ACCOUNT), raw)
            for raw in ("2026-05-01T07:25:37.001+0000", "2026-05-01T07:25:37.001Z")
        ]
        assert [row.modified for row in rows] == [MODIFIED_AT, MODIFIED_AT]


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
def test_whatever_is_reported_rest_and_bulk_give_one_record_that_postgresql_can_store(
    kind: ObjectType, data: st.DataObject
) -> None:
    raw = {name: data.draw(odd, name) for name in FIELDS[kind]}
    outcome = both(kind, {**raw, "Id": ACCOUNT})
    for value in (value for value in outcome if isinstance(value, str)):
        assert value.encode()
        assert "\0" not in value
