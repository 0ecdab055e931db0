"""The user whose portal it is: connects it, asks for syncs, waits for them."""

import asyncio
import base64
import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Self
from uuid import uuid4

from dishka import AsyncContainer

from astrelo.application.run_sync import RunSync
from astrelo.application.schedule_syncs import SyncNow
from astrelo.bootstrap.container import create_container
from astrelo.bootstrap.settings import parse_settings
from astrelo.domain.connection import CrmAccount, CrmConnection, Grant, TokenSet
from astrelo.domain.identifiers import ConnectionId, CrmAccountId, Provider, UserId
from astrelo.domain.ports import Clock
from astrelo.domain.stores import UnitOfWork
from astrelo.domain.sync import RunStatus, SyncMode, SyncRun
from astrelo.sandbox.hubspot import DEVELOPMENT_CLIENT_ID, DEVELOPMENT_CLIENT_SECRET, Sandbox
from tests.chaos.plan import HEARTBEAT_SECONDS, SETTLE_DELAY_SECONDS

_POLL = 0.1


def settings_for(dsn: str, crm_url: str, port: int, slice_seconds: int) -> dict[str, str]:
    """Give the environment of the round's processes: everything that takes minutes in production, in seconds."""
    return {
        "ASTRELO_DATABASE_URL": dsn,
        "ASTRELO_ENCRYPTION_KEYS": f"chaos:{base64.b64encode(bytes(32)).decode()}",
        "ASTRELO_JWT_SECRET": "a secret of more than thirty-two characters",
        "ASTRELO_HUBSPOT_CLIENT_ID": DEVELOPMENT_CLIENT_ID,
        "ASTRELO_HUBSPOT_CLIENT_SECRET": DEVELOPMENT_CLIENT_SECRET,
        "ASTRELO_HUBSPOT_API_URL": crm_url,
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
    foreign = {name: value for name, value in os.environ.items() if not name.startswith("ASTRELO_")}  # noqa: TID251 - a child process needs one
    return foreign | {"PYTHONUNBUFFERED": "1"} | dict(settings)


class Customer:
    def __init__(self, container: AsyncContainer, uow: UnitOfWork, sync_now: SyncNow) -> None:
        self.user_id = UserId(uuid4())
        self._container = container
        self._uow = uow
        self._sync_now = sync_now

    @classmethod
    @asynccontextmanager
    async def connected(cls, settings: Mapping[str, str], sandbox: Sandbox) -> AsyncIterator[Self]:
        """Connect the sandbox's account as if its user had just come back from the consent page."""
        container = create_container(parse_settings(dict(settings)))
        try:
            uow = await container.get(UnitOfWork)
            made = cls(container, uow, await container.get(SyncNow))
            await made.connect(sandbox, sandbox.account.portal_id)
            yield made
        finally:
            await container.close()

    async def connect(self, sandbox: Sandbox, portal_id: int) -> None:
        clock = await self._container.get(Clock)
        issued = sandbox.oauth.connect(portal_id)
        tokens = TokenSet(
            access_token=str(issued["access_token"]),
            refresh_token=str(issued["refresh_token"]),
            expires_at=None,
        )
        account = CrmAccount(account_id=CrmAccountId(str(portal_id)), name="Chaos", currency="USD")
        grant = Grant(tokens=tokens, account=account)
        connection = CrmConnection.establish(
            ConnectionId(uuid4()), self.user_id, Provider.HUBSPOT, grant, clock.now()
        )
        async with self._uow(self.user_id) as tx:
            await tx.connections.save(connection)
            await tx.tokens.put(connection.id, tokens)

    def another(self) -> Self:
        """Make another user of the same deployment."""
        return type(self)(self._container, self._uow, self._sync_now)

    async def request(self, mode: SyncMode) -> SyncRun:
        return await self._sync_now(self.user_id, Provider.HUBSPOT, mode)

    async def sync_here(self) -> SyncRun:
        """Carry a full run out in this process, undisturbed."""
        run = await self.request(SyncMode.FULL)
        await (await self._container.get(RunSync))(self.user_id, run.id)
        return await self.stored(run)

    async def synced(self, mode: SyncMode, within: float) -> SyncRun:
        """Ask until a run of this mode that was asked for after now has completed. Raises NotSettled."""
        deadline = time.monotonic() + within
        asked_after = (await self._container.get(Clock)).now()
        run = await self.request(mode)
        while run.mode is not mode or run.requested_at < asked_after or run.status not in _DONE:
            if time.monotonic() > deadline:
                raise NotSettled(
                    f"run {run.id} ({run.mode}) is {run.status} ({run.reason}) after {within:g} s"
                )
            await asyncio.sleep(_POLL)
            run = await self.stored(run)
            is_another = run.mode is not mode or run.requested_at < asked_after
            if run.status is RunStatus.FAILED or (run.status in _DONE and is_another):
                run = await self.request(mode)
        return run

    async def stored(self, run: SyncRun) -> SyncRun:
        async with self._uow(self.user_id) as tx:
            return await tx.runs.get(run.id)


class NotSettled(Exception):
    """A run did not come to its end although nothing was in its way any more."""


_DONE = frozenset({RunStatus.COMPLETED, RunStatus.PARTIAL, RunStatus.CANCELLED})
