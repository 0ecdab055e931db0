"""Disconnecting HubSpot removes our app from the account, but only with the last connection that lives there."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from astrelo.adapters.outbound.postgres.cross_tenant import PgAppUninstalls
from astrelo.application.connect.disconnect_crm import DisconnectCrm
from astrelo.application.tokens import revocation
from astrelo.domain.connection import ConnectionStatus
from astrelo.domain.errors import AuthorizationFailed, StoreUnavailable
from astrelo.domain.identifiers import CrmAccountId, Provider, UserId
from astrelo.domain.ports.crm import CrmProviders, CrmSession
from astrelo.domain.ports.cross_tenant import AppUninstalls
from crm_sandbox import Fault
from tests.support.harness.connect import OTHER_DATASET, ConnectHarness, connect_harness
from tests.support.harness.granting_crm import GrantingCrm

pytestmark = pytest.mark.anyio

HUBSPOT = Provider.HUBSPOT
ACCOUNT, OTHER_ACCOUNT = 101, OTHER_DATASET.account_id
REMOVAL = "DELETE /appinstalls/2026-09/external-install"


@pytest.fixture
async def world(database: str) -> AsyncIterator[ConnectHarness]:
    async with connect_harness(database) as opened:
        yield opened


def send(world: ConnectHarness, part: str) -> int:
    return sum(part in f"{entry.method} {entry.path}" for entry in world.sandbox.journal.entries)


async def connect_as(world: ConnectHarness, user_id: UserId) -> None:
    before, world.user_id = world.user_id, user_id
    await world.connect_account()
    world.user_id = before


async def is_disconnected(world: ConnectHarness) -> bool:
    stored = await world.load_connection()
    tokens = await world.pool.fetchval("select count(*) from crm_tokens where user_id = $1", world.user_id)
    return stored is not None and stored.status is ConnectionStatus.DISCONNECTED and tokens == 0


@pytest.mark.parametrize("purge", [False, True])
async def test_the_last_disconnect_uninstalls_and_has_nothing_to_revoke(
    world: ConnectHarness, *, purge: bool
) -> None:
    await world.connect_account()
    before = world.sandbox.oauth.refreshes
    await world.disconnect(world.user_id, HUBSPOT, purge=purge)
    assert (send(world, REMOVAL), send(world, "/revoke")) == (1, 0)
    assert world.sandbox.oauth.refreshes == before
    assert world.living_grants() == []
    assert (await world.load_connection() is None) if purge else await is_disconnected(world)


async def test_an_account_on_which_another_user_lives_keeps_the_app(world: ConnectHarness) -> None:
    other = UserId(uuid4())
    await connect_as(world, other)
    await world.connect_account()
    await world.disconnect(world.user_id, HUBSPOT)
    assert (send(world, REMOVAL), send(world, "/revoke")) == (0, 1)
    assert await is_disconnected(world)
    assert world.living_grants() == [ACCOUNT]
    await world.disconnect(other, HUBSPOT)
    assert (send(world, REMOVAL), send(world, "/revoke")) == (1, 1)
    assert world.living_grants() == []


@pytest.mark.parametrize("status", ["needs_reauthorization", "disconnected"])
async def test_a_connection_that_is_not_active_does_not_keep_the_app(
    world: ConnectHarness, status: str
) -> None:
    other = UserId(uuid4())
    await connect_as(world, other)
    await world.pool.execute("update crm_connections set status = $1 where user_id = $2", status, other)
    await world.connect_account()
    await world.disconnect(world.user_id, HUBSPOT)
    assert send(world, REMOVAL) == 1


async def test_another_account_keeps_its_app(world: ConnectHarness) -> None:
    before, world.user_id = world.user_id, UserId(uuid4())
    await world.finish(await world.consent(await world.begin(), OTHER_DATASET))
    world.user_id = before
    await world.connect_account()
    await world.disconnect(world.user_id, HUBSPOT)
    assert send(world, REMOVAL) == 1
    assert world.living_grants() == [OTHER_ACCOUNT]


@pytest.mark.parametrize("rotates", [False, True])
async def test_a_token_that_has_expired_is_renewed_once_before(
    world: ConnectHarness, *, rotates: bool
) -> None:
    world.sandbox.flags.rotate_refresh_tokens = rotates
    await world.connect_account()
    world.clock.advance(1800)
    await world.disconnect(world.user_id, HUBSPOT)
    assert (send(world, REMOVAL), world.sandbox.oauth.refreshes, world.sandbox.oauth.replays) == (1, 1, 0)
    assert world.living_grants() == []


async def test_a_token_that_is_refused_before_its_time_is_renewed_once(world: ConnectHarness) -> None:
    await world.connect_account()
    world.sandbox.oauth.expire_access_tokens()
    await world.disconnect(world.user_id, HUBSPOT)
    assert (send(world, REMOVAL), world.sandbox.oauth.refreshes, send(world, "/revoke")) == (2, 1, 0)
    assert world.living_grants() == []


async def test_tokens_that_are_refused_again_and_again_are_renewed_once_and_revoked(
    world: ConnectHarness,
) -> None:
    await world.connect_account()
    world.sandbox.faults.add(Fault(kind="respond", match="/appinstalls", status=401, times=9))
    await world.disconnect(world.user_id, HUBSPOT)
    assert (send(world, REMOVAL), world.sandbox.oauth.refreshes, send(world, "/revoke")) == (2, 1, 1)
    assert await is_disconnected(world)


FAILURES: list[dict[str, Any]] = [
    {"kind": "respond", "status": status}
    for status in (400, 403, 404, 405, 408, 423, 429, 477, 500, 502, 503)
]
FAILURES += [{"kind": kind} for kind in ("drop", "drop_response")]
FAILURES += [
    {
        "kind": "respond",
        "status": 200,
        "body": "<!DOCTYPE html><html></html>",
        "headers": {"content-type": "text/html"},
    }
]


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: "-".join(map(str, failure.values())))
async def test_a_failure_to_uninstall_is_not_repeated_and_the_grant_is_revoked(
    world: ConnectHarness, failure: dict[str, Any]
) -> None:
    await world.connect_account()
    world.sandbox.faults.add(Fault(match="/appinstalls", **failure))
    await world.disconnect(world.user_id, HUBSPOT)
    assert (send(world, REMOVAL), send(world, "/revoke")) == (1, 1)
    assert await is_disconnected(world)
    assert world.living_grants() == []
    await world.connect_account()


@pytest.mark.parametrize("status", [400, 503])
async def test_a_token_that_cannot_be_renewed_is_revoked(world: ConnectHarness, status: int) -> None:
    await world.connect_account()
    world.clock.advance(1800)
    body = {"status": "BAD_REFRESH_TOKEN", "error": "invalid_grant"} if status == 400 else None
    world.sandbox.faults.add(Fault(kind="respond", match="/token", status=status, body=body))
    await world.disconnect(world.user_id, HUBSPOT)
    assert (send(world, REMOVAL), send(world, "/revoke")) == (0, 1)
    assert await is_disconnected(world)


async def test_a_renewed_token_is_the_one_to_be_revoked_where_refresh_tokens_rotate(
    world: ConnectHarness,
) -> None:
    world.sandbox.flags.rotate_refresh_tokens = True
    await world.connect_account()
    world.clock.advance(1800)
    world.sandbox.faults.add(Fault(kind="respond", match="/appinstalls", status=503))
    await world.disconnect(world.user_id, HUBSPOT)
    assert world.living_grants() == []
    assert world.sandbox.oauth.replays == 0


@dataclass
class StalledCrm(GrantingCrm):
    """Can uninstall, and answers when it is let."""

    asked: asyncio.Event = field(default_factory=asyncio.Event)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    uninstalled: int = 0

    @property
    def can_uninstall(self) -> bool:
        return True

    async def uninstall(self, session: CrmSession) -> None:
        await session.access()
        self.asked.set()
        await self.may_answer.wait()
        self.uninstalled += 1


async def test_a_crm_that_does_not_answer_keeps_nobody_connected(
    world: ConnectHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.connect_account()
    monkeypatch.setattr(revocation, "UNINSTALL_TIMEOUT", timedelta(seconds=0.01))
    crm = StalledCrm()
    world.offer(crm)
    await world.disconnect(world.user_id, HUBSPOT)
    assert (crm.uninstalled, len(crm.revoked)) == (0, 1)
    assert await is_disconnected(world)


async def test_who_connects_while_the_app_is_removed_starts_again_and_his_grant_is_revoked(
    world: ConnectHarness,
) -> None:
    """Whichever user it is: the grant may have ended with the app."""
    await world.connect_account()
    mine, theirs = world.user_id, UserId(uuid4())
    callbacks = []
    for world.user_id in (mine, theirs):
        callbacks.append(await world.consent(await world.begin()))
    world.user_id = mine
    crm = StalledCrm()
    world.offer(crm)
    ending = asyncio.create_task(world.disconnect(mine, HUBSPOT))
    await crm.asked.wait()
    for callback in callbacks:
        with pytest.raises(AuthorizationFailed, match="removed from this HubSpot account"):
            await world.finish(callback)
    assert crm.revoked == ["given", "given"]
    crm.may_answer.set()
    await ending
    assert crm.uninstalled == 1
    assert await is_disconnected(world)
    assert await world.pool.fetchval("select count(*) from crm_connections where status = 'active'") == 0
    world.offer(world.hubspot)
    await world.connect_account()
    assert world.living_grants()[-1] == ACCOUNT


async def test_a_grant_from_before_an_uninstall_that_ended_meanwhile_is_not_kept(
    world: ConnectHarness,
) -> None:
    await world.connect_account()
    callback = await world.consent(await world.begin())
    uninstalls = PgAppUninstalls(world.pool)
    account = CrmAccountId(str(ACCOUNT))
    await world.pool.execute("update crm_connections set status = 'disconnected'")

    class RemovedMeanwhile(GrantingCrm):
        async def exchange(self, *args: Any, **kwargs: Any) -> Any:
            grant = await super().exchange(*args, **kwargs)
            number = await uninstalls.begin(HUBSPOT, account, since=0)
            assert number is not None
            await uninstalls.end(HUBSPOT, account, number)
            return grant

    crm = RemovedMeanwhile()
    world.offer(crm)
    with pytest.raises(AuthorizationFailed, match="start again in a minute"):
        await world.finish(callback)
    assert crm.revoked == ["given"]


async def test_a_claim_whose_process_died_holds_for_a_minute(world: ConnectHarness) -> None:
    uninstalls, account = PgAppUninstalls(world.pool), CrmAccountId(str(ACCOUNT))
    number = await uninstalls.begin(HUBSPOT, account, since=0)
    assert number is not None
    assert await uninstalls.begin(HUBSPOT, account, since=number) is None
    with pytest.raises(AuthorizationFailed):
        await world.connect_account()
    await world.pool.execute("update app_uninstalls set begun_at = begun_at - interval '61 seconds'")
    await world.connect_account()
    await world.pool.execute("update crm_connections set status = 'disconnected'")
    assert await uninstalls.begin(HUBSPOT, account, since=number) is not None


async def test_an_end_that_comes_late_does_not_end_the_uninstall_after_it(world: ConnectHarness) -> None:
    uninstalls, account = PgAppUninstalls(world.pool), CrmAccountId(str(ACCOUNT))
    first = await uninstalls.begin(HUBSPOT, account, since=0)
    assert first is not None
    await world.pool.execute("update app_uninstalls set begun_at = begun_at - interval '61 seconds'")
    second = await uninstalls.begin(HUBSPOT, account, since=first)
    assert second is not None
    assert second > first
    await uninstalls.end(HUBSPOT, account, first)
    assert await world.pool.fetchval("select is_under_way from app_uninstalls") is True
    await uninstalls.end(HUBSPOT, account, second)
    assert await world.pool.fetchval("select is_under_way from app_uninstalls") is False


async def test_an_uninstall_that_ended_since_a_user_disconnected_is_not_repeated(
    world: ConnectHarness,
) -> None:
    uninstalls, account = PgAppUninstalls(world.pool), CrmAccountId(str(ACCOUNT))
    first = await uninstalls.begin(HUBSPOT, account, since=0)
    assert first is not None
    await uninstalls.end(HUBSPOT, account, first)
    assert await uninstalls.begin(HUBSPOT, account, since=first) is None
    ended = await world.pool.fetchval("select number from app_uninstalls")
    assert await uninstalls.begin(HUBSPOT, account, since=ended) is not None


async def test_users_of_one_account_who_leave_at_once_leave_no_grant_and_uninstall_once(
    world: ConnectHarness,
) -> None:
    users = [world.user_id, *(UserId(uuid4()) for _ in range(3))]
    for user in users:
        await connect_as(world, user)
    await asyncio.gather(*(world.disconnect(user, HUBSPOT) for user in users))
    assert send(world, REMOVAL) == 1
    assert world.living_grants() == []


async def test_two_disconnects_of_one_user_uninstall_once(world: ConnectHarness) -> None:
    await world.connect_account()
    await asyncio.gather(*(world.disconnect(world.user_id, HUBSPOT) for _ in range(2)))
    assert send(world, REMOVAL) == 1
    assert world.living_grants() == []


async def test_neither_a_replaced_account_nor_a_failed_connect_uninstalls(world: ConnectHarness) -> None:
    await world.connect_account()
    with pytest.raises(AuthorizationFailed):
        await world.finish(await world.consent(await world.begin(), OTHER_DATASET))
    assert world.living_grants() == [ACCOUNT]
    await world.finish(await world.consent(await world.begin(replace=True), OTHER_DATASET))
    assert world.living_grants() == [OTHER_ACCOUNT]
    assert (send(world, REMOVAL), send(world, "/revoke")) == (0, 2)


class UnavailableUninstalls(AppUninstalls):
    async def begin(self, provider: Provider, account_id: CrmAccountId, since: int) -> int | None:
        raise StoreUnavailable("gone")

    async def end(self, provider: Provider, account_id: CrmAccountId, number: int) -> None:
        raise StoreUnavailable("gone")


async def test_who_lives_on_the_account_is_not_known_and_the_grant_alone_is_revoked(
    world: ConnectHarness,
) -> None:
    await world.connect_account()
    providers = CrmProviders({HUBSPOT: world.hubspot})
    disconnect = DisconnectCrm(
        world.uow,
        providers,
        world.tokens,
        UnavailableUninstalls(),
        world.lifecycle,
        world.connections,
        world.clock,
    )
    await disconnect(world.user_id, HUBSPOT)
    assert (send(world, REMOVAL), send(world, "/revoke")) == (0, 1)
    assert await is_disconnected(world)
