"""The user whose CRMs they are: connects them, asks for syncs, waits for them."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Self
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

import httpx
from dishka import AsyncContainer

from astrelo.application.connect.connect_crm import ConnectCrm
from astrelo.application.connect.start_authorization import AuthorizationStarted, StartAuthorization
from astrelo.application.read.feed import ChangeFeed
from astrelo.application.sync.run_sync import RunSync
from astrelo.application.sync.schedule_syncs import SyncNow
from astrelo.bootstrap.container import create_container
from astrelo.bootstrap.settings import parse_settings
from astrelo.domain.connection import ConnectionStatus
from astrelo.domain.errors import InvalidTransition
from astrelo.domain.identifiers import Provider, UserId
from astrelo.domain.ports.state import UnitOfWork
from astrelo.domain.ports.system import Clock
from astrelo.domain.sync import RunStatus, SyncMode, SyncRun
from tests.chaos.plan import HEARTBEAT_SECONDS, SETTLE_DELAY_SECONDS
from tests.support.environ import child_environ, needed_settings
from tests.support.feed_consumer import FeedConsumer

_POLL = 0.1
_DONE = frozenset({RunStatus.COMPLETED, RunStatus.PARTIAL, RunStatus.CANCELLED})


def settings_for(dsn: str, port: int, slice_seconds: int, crms: Mapping[str, str]) -> dict[str, str]:
    """Give the environment of the round's processes: everything that takes minutes in production, in seconds.

    `crms` are the settings of the CRMs that are connected.
    """
    return {
        **crms,
        **needed_settings(dsn),
        "ASTRELO_PORT": str(port),
        "ASTRELO_WORKER_HEARTBEAT": f"{HEARTBEAT_SECONDS:g}",
        "ASTRELO_WORKER_POLL": "0.1",
        "ASTRELO_SYNC_EVERY": "10",
        "ASTRELO_SYNC_FULL_EVERY": "600",
        "ASTRELO_SYNC_SETTLE_DELAY": f"{SETTLE_DELAY_SECONDS:g}",
        "ASTRELO_SYNC_SLICE": str(slice_seconds),
        "ASTRELO_LOG_FORMAT": "json",
    }


def process_environ(settings: Mapping[str, str]) -> dict[str, str]:
    return child_environ({"PYTHONUNBUFFERED": "1", **settings})


class NotSettled(Exception):
    """A run did not come to its end although nothing was in its way any more."""


class Customer:
    def __init__(
        self,
        container: AsyncContainer,
        uow: UnitOfWork,
        start: StartAuthorization,
        connect: ConnectCrm,
        sync_now: SyncNow,
    ) -> None:
        self.user_id = UserId(uuid4())
        self._container = container
        self._uow = uow
        self._start = start
        self._connect = connect
        self._sync_now = sync_now

    @classmethod
    @asynccontextmanager
    async def of(cls, settings: Mapping[str, str]) -> AsyncIterator[Self]:
        """Make a user of the deployment with these settings, who has nothing connected yet."""
        container = create_container(parse_settings(dict(settings)))
        try:
            yield cls(
                container,
                await container.get(UnitOfWork),
                await container.get(StartAuthorization),
                await container.get(ConnectCrm),
                await container.get(SyncNow),
            )
        finally:
            await container.close()

    async def consumer(self) -> FeedConsumer:
        """Make a consumer of this user's change feed, who has nothing yet."""
        return FeedConsumer(await self._container.get(ChangeFeed), self.user_id)

    def another(self) -> Self:
        """Make another user of the same deployment."""
        return type(self)(self._container, self._uow, self._start, self._connect, self._sync_now)

    async def connect(self, provider: Provider, **chosen: str) -> None:
        """Go to the CRM and allow what is asked for, with what was `chosen` on its page; a full sync begins."""
        started = await self._start(self.user_id, provider, force=True)
        assert isinstance(started, AuthorizationStarted)
        async with httpx.AsyncClient() as browser:
            answer = await browser.post(started.authorize_url, data={"decision": "allow", **chosen})
        if not answer.has_redirect_location:
            raise httpx.HTTPError(f"{provider} answers {answer.status_code} to consent")
        outcome = dict(parse_qsl(urlsplit(answer.headers["location"]).query))
        await self._connect(
            provider,
            state=outcome.get("state"),
            browser_token=started.browser_token,
            code=outcome.get("code"),
            error=outcome.get("error"),
            session_user=self.user_id,
        )

    async def reconnect(self, provider: Provider) -> str | None:
        """Connect again if the connection asks for it; return the reason that it gave, None without one."""
        async with self._uow(self.user_id) as tx:
            connection = await tx.connections.get(provider)
        if connection is None or connection.status is not ConnectionStatus.NEEDS_REAUTHORIZATION:
            return None
        await self.connect(provider)
        return connection.reason or ""

    async def request(self, provider: Provider, mode: SyncMode) -> SyncRun:
        return await self._sync_now(self.user_id, provider, mode)

    async def sync_here(self, provider: Provider) -> SyncRun:
        """Carry a full run out in this process, undisturbed."""
        run = await self.request(provider, SyncMode.FULL)
        await (await self._container.get(RunSync))(self.user_id, run.id)
        return await self._stored(run)

    async def synced(self, provider: Provider, mode: SyncMode, within: float) -> SyncRun:
        """Ask until a run of this mode that was asked for after now has completed. Raises NotSettled."""
        deadline = time.monotonic() + within
        asked_after = (await self._container.get(Clock)).now()
        run = None
        while True:
            is_it = run is not None and run.mode is mode and run.requested_at >= asked_after
            if run is not None and is_it and run.status in _DONE:
                return run
            if time.monotonic() > deadline:
                raise NotSettled(_is_unsettled(provider, run, within))
            if run is None or run.status is RunStatus.FAILED or run.status in _DONE:
                run = await self._accept(provider, mode)
            await asyncio.sleep(_POLL)
            run = None if run is None else await self._stored(run)

    async def followed_up(self, provider: Provider, within: float) -> None:
        """Wait until every record that was named to be read again has been. Raises NotSettled."""
        deadline = time.monotonic() + within
        while await self._waits_to_be_read(provider):
            if time.monotonic() > deadline:
                raise NotSettled(f"{provider} records wait to be read again for {within:g} s")
            await asyncio.sleep(_POLL)

    async def _waits_to_be_read(self, provider: Provider) -> bool:
        async with self._uow(self.user_id) as tx:
            connection = await tx.connections.get(provider)
            return connection is not None and await tx.pending_refetches.has_waiting(connection.id)

    async def _accept(self, provider: Provider, mode: SyncMode) -> SyncRun | None:
        """Ask for a run; None while the connection waits to be authorized again."""
        try:
            return await self.request(provider, mode)
        except InvalidTransition:
            return None

    async def _stored(self, run: SyncRun) -> SyncRun:
        async with self._uow(self.user_id) as tx:
            return await tx.runs.get(run.id)


def _is_unsettled(provider: Provider, run: SyncRun | None, within: float) -> str:
    if run is None:
        return f"{provider} takes no run for {within:g} s"
    return f"{provider} run {run.id} ({run.mode}) is {run.status} ({run.reason}) after {within:g} s"
