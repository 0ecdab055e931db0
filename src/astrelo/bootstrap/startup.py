"""What every process does first."""

from collections.abc import Mapping

import structlog

from astrelo.bootstrap.development.secrets import complete_settings
from astrelo.bootstrap.logging import configure_logging
from astrelo.bootstrap.settings import Settings, parse_settings
from astrelo.domain.ports.reference import MAX_RATE_AGE, MAX_RATES_AGE, ReferenceData
from astrelo.domain.ports.system import Clock

_log = structlog.get_logger(__name__)


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Parse the settings, add the secrets that development may lack, and log as they ask."""
    settings = complete_settings(parse_settings(environ))
    configure_logging(settings.log_level, settings.log_format)
    return settings


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
