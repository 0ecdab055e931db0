"""Webhook endpoints in PostgreSQL, their secrets as ciphertexts that open only in their own row and column."""

from collections.abc import Sequence

import asyncpg

from astrelo.adapters.outbound.postgres.session.queries import Queries
from astrelo.domain import errors
from astrelo.domain.identifiers import UserId, WebhookEndpointId
from astrelo.domain.ports.system import SecretContext, TokenCipher
from astrelo.domain.ports.webhook_endpoints import WebhookEndpoints
from astrelo.domain.webhook_endpoints import endpoints, events


class PgWebhookEndpoints(WebhookEndpoints):
    def __init__(self, connection: asyncpg.Connection, user_id: UserId, cipher: TokenCipher) -> None:
        self._queries = Queries(connection, user_id=user_id)
        self._user_id = user_id
        self._cipher = cipher

    async def lock_count(self) -> int:
        # A statement of its own: the next one sees what the former holder committed.
        await self._queries.execute("lock_webhook_endpoints")
        return int(await self._queries.value("count_webhook_endpoints"))

    async def add(self, endpoint: endpoints.WebhookEndpoint, secrets: endpoints.WebhookSecrets) -> None:
        await self._queries.execute(
            "add_webhook_endpoint",
            endpoint_id=endpoint.id,
            url=endpoint.url,
            topics=sorted(endpoint.topics),
            secret=self._cipher.encrypt(secrets.current, self._context(endpoint.id, "secret")),
            created_at=endpoint.created_at,
        )

    async def lock(self, endpoint_id: WebhookEndpointId) -> endpoints.WebhookEndpoint:
        row = await self._queries.row("lock_webhook_endpoint", endpoint_id=endpoint_id)
        if row is None:
            raise errors.NotFound("webhook endpoint", endpoint_id)
        return endpoints.WebhookEndpoint(
            id=WebhookEndpointId(row["id"]),
            user_id=UserId(row["user_id"]),
            url=row["url"],
            topics=frozenset(events.WebhookTopic(topic) for topic in row["topics"]),
            created_at=row["created_at"],
            disabled_reason=row["disabled_reason"] and endpoints.DisabledReason(row["disabled_reason"]),
            last_success_at=row["last_success_at"],
        )

    async def save(self, endpoint: endpoints.WebhookEndpoint) -> None:
        await self._queries.execute(
            "save_webhook_endpoint",
            endpoint_id=endpoint.id,
            url=endpoint.url,
            topics=sorted(endpoint.topics),
            disabled_reason=endpoint.disabled_reason,
            last_success_at=endpoint.last_success_at,
        )

    async def delete(self, endpoint_id: WebhookEndpointId) -> None:
        if not await self._queries.execute("delete_webhook_endpoint", endpoint_id=endpoint_id):
            raise errors.NotFound("webhook endpoint", endpoint_id)

    async def list_subscribers(self, topic: events.WebhookTopic) -> Sequence[WebhookEndpointId]:
        rows = await self._queries.rows(
            "list_webhook_subscribers", topic=topic, is_coalesced=topic.is_coalesced
        )
        return [WebhookEndpointId(row["id"]) for row in rows]

    async def get_secrets(self, endpoint_id: WebhookEndpointId) -> endpoints.WebhookSecrets:
        row = await self._queries.row("get_webhook_secrets", endpoint_id=endpoint_id)
        if row is None:
            raise errors.NotFound("webhook endpoint", endpoint_id)
        former = row["former_secret"]
        return endpoints.WebhookSecrets(
            current=self._cipher.decrypt(row["secret"], self._context(endpoint_id, "secret")),
            former=former and self._cipher.decrypt(former, self._context(endpoint_id, "former_secret")),
            former_expires_at=row["former_secret_expires_at"],
        )

    async def save_secrets(self, endpoint_id: WebhookEndpointId, secrets: endpoints.WebhookSecrets) -> None:
        former = secrets.former
        await self._queries.execute(
            "save_webhook_secrets",
            endpoint_id=endpoint_id,
            secret=self._cipher.encrypt(secrets.current, self._context(endpoint_id, "secret")),
            former_secret=former
            and self._cipher.encrypt(former, self._context(endpoint_id, "former_secret")),
            former_secret_expires_at=secrets.former_expires_at,
        )

    def _context(self, endpoint_id: WebhookEndpointId, column: str) -> SecretContext:
        return SecretContext(self._user_id, str(endpoint_id), f"webhook_{column}")
