"""Values that need more than a type."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from astrelo.adapters.inbound.http.records.parameters import RevenueRange, to_utc
from astrelo.domain.errors import InvalidInput
from astrelo.domain.normalization import REVENUE_RANGES


def test_a_time_is_shown_in_utc() -> None:
    local = datetime(2026, 1, 1, 1, 0, tzinfo=timezone(timedelta(hours=1)))
    assert to_utc("updated_since", local) == datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        datetime(2026, 1, 1),  # noqa: DTZ001 - the case
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))),
    ],
)
def test_a_time_that_names_no_moment_is_refused(value: datetime) -> None:
    with pytest.raises(InvalidInput, match="updated_since"):
        to_utc("updated_since", value)


def test_the_revenue_ranges_are_those_of_the_domain() -> None:
    assert RevenueRange.__args__ == REVENUE_RANGES  # type: ignore[attr-defined]
