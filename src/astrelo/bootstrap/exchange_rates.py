"""Whether the exchange rates that were shipped are recent enough."""

import structlog

from astrelo.domain.ports.reference import MAX_RATE_AGE, MAX_RATES_AGE, ReferenceData
from astrelo.domain.ports.system import Clock

_log = structlog.get_logger(__name__)


def warn_of_old_rates(reference: ReferenceData, clock: Clock) -> None:
    """Log a warning when amounts of records that are modified now would be converted at old rates, or at none."""
    until = reference.rates_until
    if clock.now().date() - until > MAX_RATE_AGE:
        _log.warning(
            "exchange_rates.old",
            file="astrelo/adapters/outbound/reference/data/exchange_rates.csv",
            until=until.isoformat(),
            none_after=(until + MAX_RATES_AGE).isoformat(),
            action="upgrade Astrelo, or run `make rates` in a checkout and deploy it: until then amounts in other"
            " currencies on records modified after that day are converted to USD at its rates, and on records modified"
            " after `none_after` not at all",
        )
