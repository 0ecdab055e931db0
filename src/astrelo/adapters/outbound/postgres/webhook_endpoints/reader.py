"""Webhook endpoints and deliveries to them, as the API shows them."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from astrelo.adapters.outbound.postgres.session.reads import Reads
from astrelo.application import messages
from astrelo.application.read import webhook_endpoints
from astrelo.domain.identifiers import UserId
from astrelo.domain.webhook_endpoints import deliveries, endpoints


class PgWebhookEndpointReader(webhook_endpoints.WebhookEndpointReader):
    def __init__(self, reads: Reads) -> None:
        self._reads = reads

    async def list(
        self, user_id: UserId, after: UUID | None, limit: int
    ) -> Sequence[webhook_endpoints.WebhookEndpointView]:
        return await self._endpoints(user_id, after=after, limit=limit)

    async def get(self, user_id: UserId, endpoint_id: UUID) -> webhook_endpoints.WebhookEndpointView | None:
        found = await self._endpoints(user_id, endpoint_id=endpoint_id)
        return found[0] if found else None

    async def list_deliveries(
        self, user_id: UserId, endpoint_id: UUID, before: UUID | None, limit: int
    ) -> Sequence[webhook_endpoints.WebhookDeliveryView]:
        return await self._deliveries(user_id, endpoint_id, before=before, limit=limit)

    async def get_delivery(
        self, user_id: UserId, endpoint_id: UUID, delivery_id: UUID
    ) -> webhook_endpoints.WebhookDeliveryView | None:
        found = await self._deliveries(user_id, endpoint_id, delivery_id=delivery_id)
        return found[0] if found else None

    async def _endpoints(
        self,
        user_id: UserId,
        *,
        endpoint_id: UUID | None = None,
        after: UUID | None = None,
        limit: int = 1,
    ) -> Sequence[webhook_endpoints.WebhookEndpointView]:
        rows = await self._reads.rows(
            "read_webhook_endpoints", user_id=user_id, endpoint_id=endpoint_id, after=after, limit=limit
        )
        views = []
        for row in rows:
            shown: dict[str, object] = {"enabled": row["disabled_reason"] is None}
            if row["disabled_reason"] is not None:
                message = messages.ENDPOINTS_DISABLED[endpoints.DisabledReason(row["disabled_reason"])]
                shown |= {"reason": message.reason, "action": message.to_do}
            views.append(msgspec.convert(dict(row) | shown, webhook_endpoints.WebhookEndpointView))
        return views

    async def _deliveries(
        self,
        user_id: UserId,
        endpoint_id: UUID,
        *,
        delivery_id: UUID | None = None,
        before: UUID | None = None,
        limit: int = 1,
    ) -> Sequence[webhook_endpoints.WebhookDeliveryView]:
        rows = await self._reads.rows(
            "read_webhook_deliveries",
            user_id=user_id,
            endpoint_id=endpoint_id,
            delivery_id=delivery_id,
            before=before,
            limit=limit,
        )
        views = []
        for row in rows:
            shown: dict[str, object] = {}
            if row["error"] is not None:
                message = messages.DELIVERY_ERRORS[deliveries.DeliveryError(row["error"])]
                shown = {"reason": message.reason, "action": message.to_do}
            views.append(msgspec.convert(dict(row) | shown, webhook_endpoints.WebhookDeliveryView))
        return views
