"""Everything that can be set, parsed once from the environment."""

from astrelo.bootstrap.settings.model import (
    Environment,
    HubSpotApp,
    LogFormat,
    SalesforceApp,
    Settings,
    WorkerSettings,
)
from astrelo.bootstrap.settings.parsing import InvalidSettings, WrongSetting, parse_settings
from astrelo.bootstrap.settings.values import KEY_BYTES, EncryptionKey
from astrelo.bootstrap.settings.variables import PREFIX, VARIABLES, Variable, settings_table

__all__ = [
    "KEY_BYTES",
    "PREFIX",
    "VARIABLES",
    "EncryptionKey",
    "Environment",
    "HubSpotApp",
    "InvalidSettings",
    "LogFormat",
    "SalesforceApp",
    "Settings",
    "Variable",
    "WorkerSettings",
    "WrongSetting",
    "parse_settings",
    "settings_table",
]
