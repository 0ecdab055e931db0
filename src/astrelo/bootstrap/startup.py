"""What every process does first."""

from collections.abc import Mapping

from astrelo.bootstrap.development.secrets import complete_settings
from astrelo.bootstrap.logging import configure_logging
from astrelo.bootstrap.settings import Settings, parse_settings


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Parse the settings, add the secrets that development may lack, and log as they ask."""
    settings = complete_settings(parse_settings(environ))
    configure_logging(settings.log_level, settings.log_format)
    return settings
