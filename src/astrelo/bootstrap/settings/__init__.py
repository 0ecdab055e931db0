"""Everything that can be set, parsed once from the environment."""

from astrelo.bootstrap.settings.model import PREFIX, Environment, LogFormat, Settings
from astrelo.bootstrap.settings.parsing import InvalidSettings, WrongSetting, parse_settings, settings_table
from astrelo.bootstrap.settings.values import KEY_BYTES, EncryptionKey

__all__ = [
    "KEY_BYTES",
    "PREFIX",
    "EncryptionKey",
    "Environment",
    "InvalidSettings",
    "LogFormat",
    "Settings",
    "WrongSetting",
    "parse_settings",
    "settings_table",
]
