from datetime import UTC, datetime, time, timedelta

import pytest
from structlog.testing import capture_logs

from astrelo.adapters.outbound.reference import BundledReferenceData
from astrelo.bootstrap.startup import warn_of_old_rates, warn_of_unpatched_interpreter
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


@pytest.mark.parametrize(
    ("version", "warnings"),
    [((3, 11, 9), 1), ((3, 11, 10), 0), ((3, 12, 5), 1), ((3, 12, 6), 0), ((3, 13, 0), 0), ((3, 14, 0), 0)],
)
def test_an_interpreter_whose_cookie_parser_is_quadratic_is_warned_of(
    version: tuple[int, int, int], warnings: int
) -> None:
    with capture_logs() as logs:
        warn_of_unpatched_interpreter(version)
    assert len(logs) == warnings
    for log in logs:
        assert (log["event"], log["log_level"]) == ("python.unpatched", "warning")
        assert log["version"] == ".".join(map(str, version))
        assert "CVE-2024-7592" in log["action"]
