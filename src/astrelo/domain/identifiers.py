"""Types of ids, the CRMs and the object types."""

from enum import StrEnum
from typing import NewType
from uuid import UUID

UserId = NewType("UserId", UUID)
"""The tenant, from the caller's token. Everything stored belongs to exactly one."""

ConnectionId = NewType("ConnectionId", UUID)
SyncRunId = NewType("SyncRunId", UUID)
CompanyId = NewType("CompanyId", UUID)
ContactId = NewType("ContactId", UUID)
DealId = NewType("DealId", UUID)
OwnerId = NewType("OwnerId", UUID)
IcpProfileId = NewType("IcpProfileId", UUID)
WebhookEndpointId = NewType("WebhookEndpointId", UUID)
WebhookDeliveryId = NewType("WebhookDeliveryId", UUID)

RecordId = NewType("RecordId", str)
"""A record's id at the CRM: text, unique only within one account and object type."""

CrmAccountId = NewType("CrmAccountId", str)
"""The account's id at the CRM: text, unique within the provider."""

Cursor = NewType("Cursor", str)
"""The position in a record stream. Opaque except to the adapter that made it; outlives a process."""

MAX_RECORD_ID_LENGTH = 128
"""The longest CRM id that is kept. The longest known has 18 characters; a B-tree entry ends near 2,700 bytes."""


class Provider(StrEnum):
    HUBSPOT = "hubspot"
    SALESFORCE = "salesforce"

    @property
    def label(self) -> str:
        """The CRM's name as it is written."""
        return _LABELS[self]


_LABELS = {Provider.HUBSPOT: "HubSpot", Provider.SALESFORCE: "Salesforce"}


class ObjectType(StrEnum):
    """The record types that a sync streams. Owners are read completely before them."""

    COMPANIES = "companies"
    CONTACTS = "contacts"
    DEALS = "deals"
