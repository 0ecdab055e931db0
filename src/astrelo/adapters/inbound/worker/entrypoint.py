"""Jobs: messages that name a sync run, or the attempt of a webhook delivery."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import msgspec
import structlog
from dishka import AsyncContainer
from pgqueuer.domain.errors import RetryRequested
from pgqueuer.domain.models import Job

from astrelo.application.sync.run_sync import RunSync
from astrelo.application.webhook_endpoints.deliver import DeliverWebhook
from astrelo.domain.errors import StoreUnavailable
from astrelo.domain.identifiers import SyncRunId, UserId, WebhookDeliveryId, WebhookEndpointId

_log = structlog.get_logger(__name__)
_RETRY_STORE_AFTER = timedelta(seconds=5)
_RETRY_USER_AFTER = timedelta(seconds=1)


class SyncMessage(msgspec.Struct, frozen=True):
    user_id: UUID
    run_id: UUID


class SyncEntrypoint:
    """Take up the run that a job names, in a container scope of its own.

    A job that fails unexpectedly is gone from the queue; the run's row stays open, and the sweep asks
    for it again until the run itself has had enough attempts.
    """

    def __init__(self, container: AsyncContainer, should_stop: Callable[[], bool]) -> None:
        self._container = container
        self._should_stop = should_stop

    async def __call__(self, job: Job) -> None:
        try:
            message = msgspec.json.decode(job.payload or b"", type=SyncMessage)
        except msgspec.DecodeError as error:
            _log.error("sync_job.unreadable", job=job.id, reason=str(error))
            return
        with structlog.contextvars.bound_contextvars(
            user_id=str(message.user_id), run_id=str(message.run_id), job=job.id
        ):
            try:
                async with self._container() as scope:
                    run_sync = await scope.get(RunSync)
                    await run_sync(UserId(message.user_id), SyncRunId(message.run_id), self._should_stop)
            except StoreUnavailable as error:
                _log.warning("sync_job.postponed", reason=error.reason)
                raise RetryRequested(_RETRY_STORE_AFTER, "the database was not available") from error
            except Exception as error:
                _log.error("sync_job.failed", error=type(error).__name__)
                raise


class WebhookMessage(msgspec.Struct, frozen=True):
    user_id: UUID
    endpoint_id: UUID
    delivery_id: UUID
    attempt: int


class WebhookEntrypoint:
    """Make the attempt that a job names. If it fails unexpectedly, the sweep of open deliveries asks for it again.

    Of the jobs of one user a third of the process's places are worked on at a time, the others wait in the queue:
    receivers that do not respond do not keep other users' events back.
    """

    def __init__(self, deliver: DeliverWebhook, concurrency: int) -> None:
        self._deliver = deliver
        self._max_per_user = max(1, concurrency // 3)
        self._under_way: Counter[UUID] = Counter()

    async def __call__(self, job: Job) -> None:
        try:
            message = msgspec.json.decode(job.payload or b"", type=WebhookMessage)
        except msgspec.DecodeError as error:
            _log.error("webhook_job.unreadable", job=job.id, reason=str(error))
            return
        if self._under_way[message.user_id] >= self._max_per_user:
            raise RetryRequested(_RETRY_USER_AFTER, "other deliveries of the user are under way")
        self._under_way[message.user_id] += 1
        try:
            await self._attempt(message, job)
        finally:
            self._under_way[message.user_id] -= 1
            if not self._under_way[message.user_id]:
                del self._under_way[message.user_id]

    async def _attempt(self, message: WebhookMessage, job: Job) -> None:
        with structlog.contextvars.bound_contextvars(
            user_id=str(message.user_id), delivery_id=str(message.delivery_id), job=job.id
        ):
            try:
                await self._deliver(
                    UserId(message.user_id),
                    WebhookEndpointId(message.endpoint_id),
                    WebhookDeliveryId(message.delivery_id),
                    message.attempt,
                )
            except StoreUnavailable as error:
                _log.warning("webhook_job.postponed", reason=error.reason)
                raise RetryRequested(_RETRY_STORE_AFTER, "the database was not available") from error
