"""What every process does first."""

import gc
import resource
import sys
from collections.abc import Mapping
from contextlib import suppress

import structlog

from astrelo.bootstrap.development.secrets import complete_settings
from astrelo.bootstrap.logging import configure_logging
from astrelo.bootstrap.settings import Settings, parse_settings
from astrelo.domain.ports.reference import MAX_RATE_AGE, MAX_RATES_AGE, ReferenceData
from astrelo.domain.ports.system import Clock

_OBJECTS_BETWEEN_COLLECTIONS = 5_000
"""A batch of a thousand records is a few thousand. More measured no faster, and takes more memory."""

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


def raise_open_file_limit() -> int:
    """Raise the process's limit on open files as far as it may be raised; return how many it may open now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS names no limit, and refuses to be asked for none
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft


def warn_of_unpatched_interpreter(version: tuple[int, int, int]) -> None:
    """Log a warning when the standard library's cookie parser takes quadratic time (CVE-2024-7592).

    Cookies of requests are read by our own parser; a library may still use that one.
    """
    patched = {(3, 11): (3, 11, 10), (3, 12): (3, 12, 6)}.get(version[:2])
    if patched is not None and version < patched:
        _log.warning(
            "python.unpatched",
            version=".".join(map(str, version)),
            action=f"upgrade Python to {'.'.join(map(str, patched))} or newer: http.cookies has CVE-2024-7592",
        )


def spare_the_collector() -> None:
    """Leave what lives as long as the process out of every garbage collection, and collect less often.

    Syncs and lists make and drop objects by the million. Going through all modules and reference data again and
    again on their account was a seventh of what a first sync costs, and going through the records of the
    batches under way, which are hardly ever garbage, a tenth of what was left.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
