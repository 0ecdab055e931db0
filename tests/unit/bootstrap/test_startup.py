from datetime import UTC, datetime, time, timedelta

import pytest
from structlog.testing import capture_logs

from astrelo.adapters.outbound.reference import BundledReferenceData
from astrelo.bootstrap.startup import warn_of_old_rates
from tests.support.fakes.clock import FakeClock

REFERENCE = BundledReferenceData()


@pytest.mark.parametrize(("days", "warnings"), [(-400, 0), (0, 0), (30, 0), (31, 1), (365, 1)])
def test_only_rates_older_than_thirty_days_are_warned_of(days: int, warnings: int) -> None:
    now = datetime.combine(REFERENCE.rates_until, time(23, 59), UTC) + timedelta(days=days)
    with capture_logs() as logs:
        warn_of_old_rates(REFERENCE, FakeClock(now))
    assert len(logs) == warnings
    for log in logs:
        assert (log["event"], log["log_level"]) == ("exchange_rates.old", "warning")
        assert log["file"].endswith("exchange_rates.csv")
        assert log["until"] == REFERENCE.rates_until.isoformat()
        assert "make rates" in log["action"]
