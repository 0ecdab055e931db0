"""Refreshing across real processes, each with pools of its own, against a HubSpot on a socket."""

import asyncio
import hashlib
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from astrelo.domain.connection import ConnectionStatus, CrmConnection
from crm_sandbox import serve_in_thread
from tests.support.harness.connect import ConnectHarness, connect_harness
from tests.support.processes.token_process import Errand

pytestmark = pytest.mark.anyio

PROCESSES = 8


class Scene:
    """A connection whose access token has run out, at a HubSpot that listens at `crm_url`."""

    def __init__(self, world: ConnectHarness, connection: CrmConnection, dsn: str, crm_url: str) -> None:
        self.world = world
        self.connection = connection
        self.errand = Errand(
            dsn=dsn, crm_url=crm_url, user_id=connection.user_id, connection_id=connection.id
        )

    @asynccontextmanager
    async def process(self, **errand_fields: float) -> AsyncIterator[Process]:
        """Start a process and wait until it is ready; it goes at the next line."""
        errand = msgspec.structs.replace(self.errand, **errand_fields)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.support.processes.token_process", stdin=PIPE, stdout=PIPE
        )
        try:
            await send_line(process, msgspec.json.encode(errand).decode())
            assert await read_line(process) == "ready"
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()

    async def token_hash(self) -> str:
        async with self.world.uow(self.world.user_id) as tx:
            stored = await tx.tokens.get(self.connection.id)
        return hashlib.sha256(stored.tokens.access_token.encode()).hexdigest()

    async def stored_connection(self) -> CrmConnection:
        connection = await self.world.load_connection()
        assert connection is not None
        return connection

    def token_calls(self) -> int:
        entries = self.world.sandbox.journal.entries
        return sum(entry.path.endswith("/token") for entry in entries) - 1  # the code's exchange


async def send_line(process: Process, line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(line.encode() + b"\n")
    await process.stdin.drain()


async def read_line(process: Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(60):
        return (await process.stdout.readline()).decode().strip()


@pytest.fixture
async def scene(database: str) -> AsyncIterator[Scene]:
    async with connect_harness(database) as world:
        connection = await world.connect_account()
        await world.pool.execute("update crm_tokens set expires_at = now()")
        with serve_in_thread(world.sandbox) as url:
            yield Scene(world, connection, database, url)


async def test_eight_processes_at_once_make_one_token_call_and_get_one_token(scene: Scene) -> None:
    # A second call with the spent refresh token would end the whole grant.
    scene.world.sandbox.flags.rotate_refresh_tokens = True
    scene.world.sandbox.flags.latency_ms = 300
    async with asyncio.TaskGroup() as group:
        barrier = asyncio.Barrier(PROCESSES)

        async def want_a_token() -> str:
            async with scene.process() as process:
                await barrier.wait()
                await send_line(process, "go")
                return await read_line(process)

        wanting = [group.create_task(want_a_token()) for _ in range(PROCESSES)]
    assert {want.result() for want in wanting} == {await scene.token_hash()}
    assert scene.token_calls() == 1
    assert (await scene.stored_connection()).is_active


async def kill_between_answer_and_commit(scene: Scene) -> None:
    async with scene.process(stop_after_answer=True) as holder:
        await send_line(holder, "go")
        assert await read_line(holder) == "answered"
        holder.kill()
        await holder.wait()


async def refresh_once_more(scene: Scene) -> str:
    async with scene.process() as process:
        await send_line(process, "go")
        return await read_line(process)


async def test_killed_between_answer_and_commit_hubspots_lasting_refresh_token_serves_the_next(
    scene: Scene,
) -> None:
    await kill_between_answer_and_commit(scene)
    assert await refresh_once_more(scene) == await scene.token_hash()
    assert scene.token_calls() == 2
    assert (await scene.stored_connection()).is_active


async def test_killed_between_answer_and_commit_a_single_use_refresh_token_is_lost_and_a_person_is_asked(
    scene: Scene,
) -> None:
    """The one gap that no order of steps closes: the new token died with the process that had it.

    The replayed old one ends the grant, so the connection must say that a user has to connect again.
    """
    scene.world.sandbox.flags.rotate_refresh_tokens = True
    await kill_between_answer_and_commit(scene)
    assert await refresh_once_more(scene) == "ReauthorizationRequired"
    connection = await scene.stored_connection()
    assert connection.status is ConnectionStatus.NEEDS_REAUTHORIZATION
    assert connection.reason is not None
    assert "its renewal was lost" in connection.reason
    assert (await scene.world.connect_account()).id == connection.id


async def test_killed_while_it_asks_when_the_new_access_token_ends_it_has_stored_the_single_use_refresh_token(
    scene: Scene,
) -> None:
    scene.world.sandbox.flags.rotate_refresh_tokens = True
    async with scene.process(stop_while_asking=True) as killed:
        await send_line(killed, "go")
        token_hash, asking = sorted([await read_line(killed), await read_line(killed)], key=len, reverse=True)
        assert asking == "asking"
        killed.kill()
        await killed.wait()
    assert await refresh_once_more(scene) == token_hash == await scene.token_hash()
    assert scene.token_calls() == 1
    await scene.world.pool.execute("update crm_tokens set expires_at = now()")
    assert await refresh_once_more(scene) == await scene.token_hash() != token_hash
    assert (await scene.stored_connection()).is_active


async def test_a_frozen_holder_is_ended_by_the_server_and_when_it_wakes_takes_over_what_came_after(
    scene: Scene,
) -> None:
    async with scene.process(stop_after_answer=True, idle_seconds=0.2) as holder:
        await send_line(holder, "go")
        assert await read_line(holder) == "answered"
        assert await refresh_once_more(scene) == await scene.token_hash()
        await send_line(holder, "wake")
        assert await read_line(holder) == await scene.token_hash()
    assert (await scene.stored_connection()).is_active
