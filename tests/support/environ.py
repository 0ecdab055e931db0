"""The environment of processes that tests start, and the settings that most of them need."""

import base64
import os
from collections.abc import Mapping

from crm_sandbox.hubspot import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET

JWT_SECRET = "a secret of more than thirty-two characters"


def child_environ(settings: Mapping[str, str]) -> dict[str, str]:
    """Return ours, in which these settings of Astrelo's are the only ones."""
    foreign = {name: value for name, value in os.environ.items() if not name.startswith("ASTRELO_")}  # noqa: TID251 - a child process needs one
    return foreign | dict(settings)


def needed_settings(database: str) -> dict[str, str]:
    """Return the settings without which no process starts that uses the database."""
    return {
        "ASTRELO_DATABASE_URL": database,
        "ASTRELO_ENCRYPTION_KEYS": f"test:{base64.b64encode(bytes(32)).decode()}",
        "ASTRELO_JWT_SECRET": JWT_SECRET,
    }


def hubspot_settings(database: str, url: str) -> dict[str, str]:
    """Return them with those of the HubSpot that a sandbox plays at `url`."""
    return needed_settings(database) | {
        "ASTRELO_HUBSPOT_CLIENT_ID": DEFAULT_CLIENT_ID,
        "ASTRELO_HUBSPOT_CLIENT_SECRET": DEFAULT_CLIENT_SECRET,
        "ASTRELO_HUBSPOT_API_URL": url,
    }
