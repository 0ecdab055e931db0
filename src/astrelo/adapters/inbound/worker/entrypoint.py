"""One job: a message that names a sync run."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import msgspec
import structlog
from dishka import AsyncContainer
from pgqueuer.domain.errors import RetryRequested
from pgqueuer.domain.models import Job

from astrelo.application.sync.run_sync import RunSync
from astrelo.domain.errors import StoreUnavailable
from astrelo.domain.identifiers import SyncRunId, UserId

_log = structlog.get_logger(__name__)
_RETRY_STORE_AFTER = timedelta(seconds=5)


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
