"""NAICS and SIC codes: those an account has, else those that its industry stands for."""

from typing import Any

import pytest

from astrelo.adapters.outbound.crm.industries import IndustryCodes, naics_code, sic_code
from tests.support.salesforce.records import INDUSTRIES, company

PICKLIST = [
    "Agriculture", "Apparel", "Banking", "Biotechnology", "Chemicals", "Communications", "Construction", "Consulting",
    "Education", "Electronics", "Energy", "Engineering", "Entertainment", "Environmental", "Finance", "Food & Beverage",
    "Government", "Healthcare", "Hospitality", "Insurance", "Machinery", "Manufacturing", "Media", "Not For Profit",
    "Recreation", "Retail", "Shipping", "Technology", "Telecommunications", "Transportation", "Utilities", "Other",
]  # fmt: skip


def test_the_32_values_that_an_org_begins_with_are_known() -> None:
    assert list(INDUSTRIES) == PICKLIST
    assert len(PICKLIST) == len(set(PICKLIST)) == 32


def test_codes_are_written_as_codes() -> None:
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
def test_a_value_has_codes_where_one_fits(industry: str, naics: str | None, sic: str | None) -> None:
    record = company(Industry=industry)
    assert (record.industry, record.naics, record.sic, record.unreadable) == (industry, naics, sic, ())


@pytest.mark.parametrize(
    ("raw", "naics", "sic"),
    [
        ({"NaicsCode": "722511", "Sic": "5812"}, "722511", "5812"),
        ({"NaicsCode": " 44-45 ", "Sic": "0191 "}, "44-45", "0191"),
        ({"NaicsCode": "5132"}, "5132", "8731"),
        ({"Sic": "7372"}, "541714", "7372"),
    ],
)
def test_codes_of_the_account_go_before_its_industrys(raw: dict[str, Any], naics: str, sic: str) -> None:
    record = company(Industry="Biotechnology", **raw)
    assert (record.naics, record.sic, record.unreadable) == (naics, sic, ())


@pytest.mark.parametrize(
    "raw", ["5", "5415111", "99", "10", "43", "541500", "5105", "54-11", "31-32", "54151x", "\uff15132", "541511 - Software"]
)  # fmt: skip
def test_what_is_no_naics_code_leaves_it_to_the_industry(raw: str) -> None:
    assert company(NaicsCode=raw, Industry="Banking").naics == "522"
    assert company(NaicsCode=raw, Industry="Banking").unreadable == ()
    assert company(NaicsCode=raw, Industry="Other").unreadable == ("naics",)


@pytest.mark.parametrize("raw", ["73", "737", "73720", "73-2", "0012", "\uff17372", "7372, 7371"])
def test_what_is_no_sic_code_leaves_it_to_the_industry(raw: str) -> None:
    assert company(Sic=raw, Industry="Engineering").sic == "8711"
    assert company(Sic=raw).unreadable == ("sic",)


def test_codes_that_an_industry_stands_for_hide_nothing_that_was_unreadable() -> None:
    """As many fields are filled as were reported, and yet one of them was not read."""
    assert company(Website="n/a", Industry="Engineering").unreadable == ("domain",)
    assert company(Website="n/a", Industry="Banking").unreadable == ("domain",)


@pytest.mark.parametrize("code", ["11", "23", "315", "5132", "54133", "541714", "722511", "921190", "31-33"])
def test_codes_of_every_length_are_codes(code: str) -> None:
    assert naics_code(code) == code
