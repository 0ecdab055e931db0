"""The events that webhook endpoints are sent, and their form."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

ANNOUNCEMENT_DELAY = timedelta(seconds=5)
"""How long the announcement of changes waits for further ones."""


class WebhookTopic(StrEnum):
    SYNC_COMPLETED = "sync.completed"
    SYNC_FAILED = "sync.failed"
    CONNECTION_NEEDS_REAUTHORIZATION = "connection.needs_reauthorization"
    CONNECTION_DISCONNECTED = "connection.disconnected"
    CHANGES_AVAILABLE = "changes.available"
    TEST = "webhook_endpoint.test"
    """Sent on request, to any endpoint: no endpoint subscribes to it."""

    @property
    def is_coalesced(self) -> bool:
        """Whether an endpoint has one pending delivery of it at most: one says as much as many."""
        return self in {WebhookTopic.CHANGES_AVAILABLE, WebhookTopic.TEST}


def encode_event(topic: WebhookTopic, at: datetime, data: Mapping[str, object]) -> str:
    """Return the payload of an event as Standard Webhooks has it: `type`, `timestamp` and `data`."""
    event = {"type": topic, "timestamp": at.isoformat().replace("+00:00", "Z"), "data": data}
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False)
