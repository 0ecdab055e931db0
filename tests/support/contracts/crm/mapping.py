"""What every CRM's mapping makes of the values that all CRMs have, whatever they call them."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from decimal import Decimal

import pytest

from astrelo.domain.identifiers import ObjectType, RecordId
from astrelo.domain.records import (
    CompanyRecord,
    ContactRecord,
    CrmRecord,
    DealRecord,
    EmailKind,
    RejectedRecord,
    RejectionReason,
)
from astrelo.domain.unreadable import Trouble, Unreadable, find_unreadable_values

Value = str | None


class MappingUnderTest(ABC):
    """The mapping of an account whose currency is EUR; given the suite's field names, it uses the CRM's."""

    names: Mapping[ObjectType, Mapping[str, str]]
    """The suite's words, and the CRM's field for each; an object's other fields go by their own names."""
    fields: Mapping[ObjectType, Collection[str]]
    """Every field that an object may have, besides its id and when it was modified."""
    ids: Mapping[ObjectType, RecordId]
    """The id of the one record of each type."""
    modified: str
    """A time as the CRM writes it."""

    @abstractmethod
    def outcome(
        self, object_type: ObjectType, modified: Value, raw: Mapping[str, Value], currency: Value = "EUR"
    ) -> CrmRecord | RejectedRecord:
        """Map a record that has these fields; `currency` is the account's."""

    def company(self, currency: Value = "EUR", **raw: Value) -> CompanyRecord:
        """Map a company; `currency` is the account's, `record_currency` the company's."""
        record = self._keep(ObjectType.COMPANIES, raw, currency)
        assert isinstance(record, CompanyRecord)
        return record

    def contact(self, **raw: Value) -> ContactRecord:
        record = self._keep(ObjectType.CONTACTS, raw)
        assert isinstance(record, ContactRecord)
        return record

    def deal(self, **raw: Value) -> DealRecord:
        record = self._keep(ObjectType.DEALS, raw)
        assert isinstance(record, DealRecord)
        return record

    def _keep(
        self, object_type: ObjectType, raw: Mapping[str, Value], currency: Value = "EUR"
    ) -> CrmRecord | RejectedRecord:
        names = self.names[object_type]
        fields = {names[word]: value for word, value in raw.items()}
        return self.outcome(object_type, self.modified, fields, currency)


class RecordMappingContract:
    """Give it the fixture `mapping`, and it is a test class."""

    @pytest.fixture
    def mapping(self) -> MappingUnderTest:
        raise NotImplementedError

    def test_a_bare_record_is_kept_with_nothing_in_it(self, mapping: MappingUnderTest) -> None:
        record = mapping.company()
        assert set(record[2:-2]) == {None}
        assert record.additional_domains == ()
        assert record.unreadable == ()

    @pytest.mark.parametrize("nothing", [None, "", "  "])
    @pytest.mark.parametrize("kind", ObjectType)
    def test_nothing_is_null_and_not_unreadable(
        self, mapping: MappingUnderTest, kind: ObjectType, nothing: Value
    ) -> None:
        raw = dict.fromkeys(mapping.fields[kind], nothing)
        assert mapping.outcome(kind, mapping.modified, raw) == mapping.outcome(kind, mapping.modified, {})

    @pytest.mark.parametrize(
        ("column", "raw"),
        [
            ("domain", {"domain": "n/a"}),
            ("employee_count", {"employee_count": "50-100"}),
            ("annual_revenue", {"annual_revenue": "1e400"}),
            ("annual_revenue_currency", {"annual_revenue": "1", "record_currency": "dollars"}),
            ("hq_country", {"country": "Atlantis"}),
            ("hq_region", {"country": "US", "region": "Bavaria"}),
            ("hq_region", {"region": "CA"}),
            ("hq_region", {"region_code": "CA"}),
            ("crm_rep_id", {"owner": "7" * 129}),
        ],
    )
    def test_an_unreadable_value_of_a_company_is_null_and_named(
        self, mapping: MappingUnderTest, column: str, raw: dict[str, str]
    ) -> None:
        record = mapping.company(**raw)
        assert record.unreadable == (column,)
        assert getattr(record, {"crm_rep_id": "owner_id"}.get(column, column)) is None

    def test_several_unreadable_values_are_all_named(self, mapping: MappingUnderTest) -> None:
        raw = {"domain": "-", "employee_count": "many", "annual_revenue": "5000", "country": "Atlantis"}
        assert mapping.company(**raw).unreadable == ("domain", "employee_count", "hq_country")

    def test_a_shared_domain_is_kept_but_identifies_nobody(self, mapping: MappingUnderTest) -> None:
        record = mapping.company(domain="https://www.linkedin.com/company/acme")
        assert (record.domain, record.identity_domain, record.unreadable) == ("linkedin.com", None, ())

    @pytest.mark.parametrize(
        ("raw", "currency"),
        [
            ({"annual_revenue": "5"}, "EUR"),
            ({"annual_revenue": "5", "record_currency": "usd"}, "USD"),
            ({"annual_revenue": None}, None),
        ],
    )
    def test_the_accounts_currency_is_assumed_for_a_revenue_without_one(
        self, mapping: MappingUnderTest, raw: dict[str, Value], currency: Value
    ) -> None:
        assert mapping.company(**raw).annual_revenue_currency == currency

    def test_an_account_without_a_currency_leaves_it_open(self, mapping: MappingUnderTest) -> None:
        record = mapping.company(currency=None, annual_revenue="5")
        assert (record.annual_revenue, record.annual_revenue_currency) == (Decimal(5), None)

    def test_a_negative_revenue_is_kept_without_a_range(self, mapping: MappingUnderTest) -> None:
        record = mapping.company(annual_revenue="-5")
        assert (record.annual_revenue, record.revenue_range, record.unreadable) == (Decimal(-5), None, ())

    @pytest.mark.parametrize(
        ("raw", "currency", "label"),
        [
            ("500000000", "JPY", "1M-10M"),
            ("300,000,000", "USD", "250M-1B"),
            ("300000000", "EUR", "250M-1B"),
            ("300000000", "AED", "50M-250M"),
            ("25000000000", "INR", "250M-1B"),
            ("300000000", "VND", None),
            ("300000000", "RUB", None),
            ("300000000", "euro", None),
        ],
    )
    def test_the_range_is_that_of_the_amount_in_dollars(
        self, mapping: MappingUnderTest, raw: str, currency: str, label: str | None
    ) -> None:
        record = mapping.company(annual_revenue=raw, record_currency=currency)
        assert record.revenue_range == label
        assert (record.annual_revenue_usd is None) == (label is None)
        assert (record.annual_revenue_rate_date is None) == (label is None or currency == "USD")

    def test_without_a_rate_the_amount_stays_and_is_counted(self, mapping: MappingUnderTest) -> None:
        company = mapping.company(annual_revenue="5", record_currency="VND")
        deals = [mapping.deal(amount="5", record_currency=currency) for currency in ("VND", "JPY")]
        assert set(find_unreadable_values([company], None)) == {
            Unreadable("annual_revenue_usd", Trouble.NO_EXCHANGE_RATE)
        }
        assert list(find_unreadable_values(deals, None).values()) == [[deals[0].record_id]]

    @pytest.mark.parametrize(
        ("raw", "place"),
        [
            ({"country": "Deutschland", "region": "Bayern"}, ("DE", "DE-BY")),
            ({"country": "USA", "region": "NY"}, ("US", "US-NY")),
            (
                {"country_code": "CA", "country": "United States", "region_code": "ON", "region": "California"},
                ("CA", "CA-ON"),
            ),
            (
                {"country_code": "??", "country": "Canada", "region_code": "??", "region": "Ontario"},
                ("CA", "CA-ON"),
            ),
        ],
    )  # fmt: skip
    def test_codes_of_places_go_before_names_which_stand_in_for_them(
        self, mapping: MappingUnderTest, raw: dict[str, str], place: tuple[str, str]
    ) -> None:
        record = mapping.company(**raw)
        assert ((record.hq_country, record.hq_region), record.unreadable) == (place, ())

    def test_a_mobile_number_stands_in_for_the_phone(self, mapping: MappingUnderTest) -> None:
        assert mapping.contact(phone=" ", mobile="+44 2").phone == "+44 2"

    @pytest.mark.parametrize(
        ("email", "kind", "unreadable"),
        [
            (None, EmailKind.MISSING, ()),
            ("", EmailKind.MISSING, ()),
            ("not-an-email", EmailKind.INVALID, ("email",)),
            ("jane@gmail.com", EmailKind.FREE_MAIL, ()),
        ],
    )
    def test_only_an_address_that_was_reported_can_be_unreadable(
        self, mapping: MappingUnderTest, email: Value, kind: EmailKind, unreadable: tuple[str, ...]
    ) -> None:
        record = mapping.contact(email=email)
        assert (record.email_kind, record.email_host, record.unreadable) == (kind, None, unreadable)

    @pytest.mark.parametrize(
        ("raw", "currency"),
        [({"amount": "5"}, "EUR"), ({}, None), ({"record_currency": "USD"}, "USD")],
    )
    def test_the_accounts_currency_is_assumed_for_an_amount_without_one(
        self, mapping: MappingUnderTest, raw: dict[str, str], currency: Value
    ) -> None:
        assert mapping.deal(**raw).currency == currency

    @pytest.mark.parametrize(
        ("column", "raw"),
        [
            ("amount", {"amount": "a lot"}),
            ("currency", {"record_currency": "$"}),
            ("probability", {"probability": "likely"}),
            ("is_closed", {"is_closed": "maybe"}),
            ("is_won", {"is_won": "maybe"}),
            ("close_date", {"close_date": "soon"}),
            ("crm_rep_id", {"owner": "x" * 129}),
        ],
    )
    def test_an_unreadable_value_of_a_deal_is_null_and_named(
        self, mapping: MappingUnderTest, column: str, raw: dict[str, str]
    ) -> None:
        assert mapping.deal(**raw).unreadable == (column,)

    @pytest.mark.parametrize("modified", [None, "", "yesterday", "2026-13-01T00:00:00.000Z", "9" * 30])
    @pytest.mark.parametrize("kind", ObjectType)
    def test_a_record_that_does_not_say_when_it_was_modified_is_rejected(
        self, mapping: MappingUnderTest, kind: ObjectType, modified: Value
    ) -> None:
        rejected = RejectedRecord(mapping.ids[kind], RejectionReason.NO_MODIFIED_TIME)
        assert mapping.outcome(kind, modified, {}) == rejected
