"""The names of things: whose, where from, which."""

from enum import StrEnum
from typing import NewType
from uuid import UUID

UserId = NewType("UserId", UUID)
"""The tenant. Comes from the caller's token; everything we store belongs to exactly one."""

ConnectionId = NewType("ConnectionId", UUID)
SyncRunId = NewType("SyncRunId", UUID)
CompanyId = NewType("CompanyId", UUID)
ContactId = NewType("ContactId", UUID)
DealId = NewType("DealId", UUID)
OwnerId = NewType("OwnerId", UUID)
IcpProfileId = NewType("IcpProfileId", UUID)

RecordId = NewType("RecordId", str)
"""A record's id at the CRM: text, unique only within one account and object type."""

CrmAccountId = NewType("CrmAccountId", str)
"""The account's id at the CRM: text, unique within the provider."""

Cursor = NewType("Cursor", str)
"""Where a walk goes on. Opaque to everyone but the adapter that made it; survives a process."""

MAX_RECORD_ID_LENGTH = 128
"""Longest CRM id we keep. The longest known is 18 characters; a B-tree entry ends near 2,700 bytes."""


class Provider(StrEnum):
    HUBSPOT = "hubspot"
    SALESFORCE = "salesforce"

    @property
    def label(self) -> str:
        """The name as people write it."""
        return _LABELS[self]


_LABELS = {Provider.HUBSPOT: "HubSpot", Provider.SALESFORCE: "Salesforce"}


class ObjectType(StrEnum):
    """The three kinds of record that a sync walks. Owners are read whole, before them."""

    COMPANIES = "companies"
    CONTACTS = "contacts"
    DEALS = "deals"
