"""Where a person opens a HubSpot record."""

import re
from urllib.parse import quote

from astrelo.domain.identifiers import ObjectType

_APP_URL = "https://app.hubspot.com"
"""Of accounts hosted in the United States; from elsewhere HubSpot redirects."""

_TYPE_IDS = {ObjectType.CONTACTS: "0-1", ObjectType.COMPANIES: "0-2", ObjectType.DEALS: "0-3"}

_UI_DOMAIN = re.compile(r"app(-[a-z0-9]+)?\.hubspot\.com")


def app_url(ui_domain: str | None) -> str | None:
    """Return the address of an account's pages from its details; None for a host that is not HubSpot's."""
    return f"https://{ui_domain}" if ui_domain and _UI_DOMAIN.fullmatch(ui_domain) else None


def hubspot_record_url(account_id: str, app_url: str | None, object_type: ObjectType, record_id: str) -> str:
    """Return the record's page, in the region that hosts the account as far as that is known."""
    path = (
        f"contacts/{quote(account_id, safe='')}/record/{_TYPE_IDS[object_type]}/{quote(record_id, safe='')}"
    )
    return f"{app_url or _APP_URL}/{path}"
