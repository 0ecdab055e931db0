"""HubSpot's industries, and the NAICS and SIC codes that they stand for."""

import pytest

from astrelo.adapters.outbound.crm.industries import IndustryCodes
from tests.support.hubspot.records import INDUSTRIES, company


def test_all_148_options_are_known() -> None:
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
def test_an_option_has_codes_where_one_fits(option: str, naics: str | None, sic: str | None) -> None:
    record = company(industry=option)
    assert (record.industry, record.naics, record.sic, record.unreadable) == (option, naics, sic, ())


def test_codes_look_like_codes() -> None:
    for codes in INDUSTRIES.values():
        assert isinstance(codes, IndustryCodes)
        assert codes.naics is None or codes.naics.isdigit() or codes.naics == "44-45"
        assert codes.sic is None or (codes.sic.isdigit() and len(codes.sic) == 4)
