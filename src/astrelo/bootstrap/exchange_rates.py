"""Whether the exchange rates that were shipped are recent enough."""

import structlog

from astrelo.domain.ports import MAX_RATE_AGE, Clock, ReferenceData

_log = structlog.get_logger(__name__)


def warn_of_old_rates(reference: ReferenceData, clock: Clock) -> None:
    """Log a warning when records that are modified now would get no amount in USD from another currency."""
    until = reference.rates_until
    if clock.now().date() - until > MAX_RATE_AGE:
        _log.warning(
            "exchange_rates.old",
            file="astrelo/adapters/outbound/reference/exchange_rates.csv",
            until=until.isoformat(),
            action="upgrade Astrelo, or run `make rates` in a checkout and deploy it: until then amounts in other"
            " currencies on records modified over 30 days after that day have none in USD",
        )
