"""Where a record is opened at its CRM, out of the accounts that are read with it."""

from functools import lru_cache

import asyncpg
import msgspec

from astrelo.domain.identifiers import ObjectType, Provider
from astrelo.domain.ports.crm import RecordUrls

Accounts = dict[str, tuple[str, str | None]]
"""By CRM: the account's id there, and the address of its pages."""


def with_url(row: asyncpg.Record, object_type: ObjectType, urls: RecordUrls) -> dict[str, object]:
    """Return the row's columns with `external_url` in place of `accounts`; null where the account is not known."""
    fields = dict(row)
    accounts = _decode_accounts(fields.pop("accounts") or "{}")
    source = Provider(fields["external_source"])
    account = accounts.get(source)
    fields["external_url"] = account and urls.url(
        source, *account, object_type, fields["external_provider_id"]
    )
    return fields


@lru_cache(maxsize=256)
def _decode_accounts(accounts: str) -> Accounts:
    """Decode once for all the rows of a page."""
    return msgspec.json.decode(accounts, type=Accounts)
