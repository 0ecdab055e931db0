"""When an access token ends is learned after its tokens are stored, and nobody waits for it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from astrelo.application.tokens.access_tokens import AccessTokens
from astrelo.domain.connection import CrmAccount, CrmConnection, Grant, TokenSet
from astrelo.domain.errors import StoreUnavailable
from astrelo.domain.identifiers import ConnectionId, CrmAccountId, Provider
from astrelo.domain.ports.crm import CrmProviders
from astrelo.domain.ports.state import StoredTokens
from crm_sandbox import Dataset, Fault, SandboxTransport
from crm_sandbox.salesforce import create_sandbox
from tests.support.harness.connect import ConnectHarness, connect_harness
from tests.support.harness.tokens import LIFE, MARGIN, RefreshingCrm, TokenHarness
from tests.support.salesforce.sandbox import salesforce_over, tokens_of

pytestmark = pytest.mark.anyio

SECONDS_IN_A_SESSION = 7_200


@dataclass
class ForetellingCrm(RefreshingCrm):
    """Gives new tokens without their expiry; `fetch_expiry` waits until `may_answer`."""

    life: timedelta | None = None
    end: datetime | None = None
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    shown: list[TokenSet] = field(default_factory=list)
    stored_by_then: list[StoredTokens] = field(default_factory=list)
    scene: "ForetellingHarness" = field(init=False)

    async def fetch_expiry(self, tokens: TokenSet) -> datetime | None:
        self.shown.append(tokens)
        self.stored_by_then.append(await self.scene.load_tokens())
        self.asked.set()
        await self.may_answer.wait()
        return self.end


class ForetellingHarness(TokenHarness):
    def __init__(self, world: ConnectHarness, connection: CrmConnection) -> None:
        self.foretelling = ForetellingCrm(world=world)
        self.foretelling.scene = self
        super().__init__(world, connection, self.foretelling)

    async def expiry(self) -> datetime | None:
        return (await self.load_tokens()).tokens.expires_at


@pytest.fixture
async def world(database: str) -> AsyncIterator[ConnectHarness]:
    async with connect_harness(database) as opened:
        yield opened


@pytest.fixture
async def scene(world: ConnectHarness) -> AsyncIterator[ForetellingHarness]:
    made = ForetellingHarness(world, await world.connect_account())
    await made.put("access-0", timedelta(seconds=0))
    yield made
    await made.tokens.close()


async def test_the_crm_is_shown_a_new_access_token_only_when_its_refresh_token_is_stored(
    scene: ForetellingHarness,
) -> None:
    await scene.tokens.get_access(scene.connection)
    await scene.foretelling.asked.wait()
    (stored,) = scene.foretelling.stored_by_then
    assert [stored.tokens] == scene.foretelling.shown
    assert (stored.tokens.refresh_token, stored.attempts) == ("refresh-1", 0)


async def test_nobody_waits_for_the_end_and_neither_lock_nor_flight_is_held_for_it(
    scene: ForetellingHarness,
) -> None:
    assert (await scene.tokens.get_access(scene.connection)).token == "access-1"
    await scene.foretelling.asked.wait()
    assert (await scene.tokens.get_access(scene.connection)).token == "access-1"
    assert (await scene.tokens.get_access(scene.connection, rejected="access-1")).token == "access-2"
    assert (await scene.process().get_access(scene.connection, rejected="access-2")).token == "access-3"
    assert not scene.foretelling.may_answer.is_set()


async def test_a_process_that_dies_while_the_end_is_asked_for_leaves_a_connection_that_works(
    scene: ForetellingHarness,
) -> None:
    await scene.tokens.get_access(scene.connection)
    await scene.foretelling.asked.wait()
    await scene.tokens.close()
    successor = scene.process()
    assert (await successor.get_access(scene.connection)).token == "access-1"
    scene.world.clock.advance(SECONDS_IN_A_SESSION)
    assert (await successor.get_access(scene.connection, rejected="access-1")).token == "access-2"
    assert scene.crm.asked_with == ["refresh-0", "refresh-1"]
    assert scene.crm.checked == []


async def test_an_end_that_was_learned_renews_the_token_before_the_crm_refuses_it(
    scene: ForetellingHarness,
) -> None:
    end = scene.foretelling.end = scene.world.clock.now() + timedelta(seconds=LIFE)
    await scene.tokens.get_access(scene.connection)
    before = await scene.load_tokens()
    scene.foretelling.may_answer.set()
    while await scene.expiry() is None:
        pass
    after = await scene.load_tokens()
    assert (after.tokens.expires_at, after.generation) == (end, before.generation)
    scene.world.clock.advance(LIFE - MARGIN)
    assert (await scene.tokens.get_access(scene.connection)).token == "access-2"


async def test_an_end_that_came_with_the_tokens_is_not_asked_for(scene: ForetellingHarness) -> None:
    scene.crm.life = timedelta(seconds=LIFE)
    await scene.tokens.get_access(scene.connection)
    await scene.tokens.close()
    assert scene.foretelling.shown == []


async def test_an_end_is_not_noted_on_tokens_that_came_after_those_it_belongs_to(
    scene: ForetellingHarness,
) -> None:
    scene.foretelling.end = scene.world.clock.now() + timedelta(seconds=LIFE)
    stored = await scene.load_tokens()
    await scene.put("reconnected", None)
    async with scene.world.uow(scene.world.user_id) as tx:
        await tx.tokens.note_expiry(scene.connection.id, stored.generation, scene.foretelling.end)
    assert await scene.expiry() is None


async def test_noting_an_end_does_not_wait_for_a_refresh_of_the_tokens(scene: ForetellingHarness) -> None:
    await scene.put("endless", None)
    stored = await scene.load_tokens()
    async with scene.world.uow(scene.world.user_id) as holder:
        await holder.tokens.lock(scene.connection.id)
        async with asyncio.timeout(5), scene.world.uow(scene.world.user_id) as tx:
            await tx.tokens.note_expiry(scene.connection.id, stored.generation, scene.world.clock.now())
    assert await scene.expiry() is None


async def test_an_end_that_cannot_be_stored_is_not_known_and_the_log_says_so(
    scene: ForetellingHarness,
) -> None:
    async def fail() -> None:
        raise StoreUnavailable("out of order")

    scene.foretelling.end = scene.world.clock.now() + timedelta(seconds=LIFE)
    await scene.tokens.get_access(scene.connection)
    await scene.foretelling.asked.wait()
    scene.uow.before = fail
    with capture_logs() as logs:
        scene.foretelling.may_answer.set()
        while not logs:
            await scene.load_tokens()
    assert [(entry["event"], entry["reason"]) for entry in logs] == [
        ("token.expiry_not_stored", "out of order")
    ]
    assert await scene.expiry() is None


async def test_at_salesforce_a_worker_cut_off_in_the_introspection_has_kept_the_new_refresh_token(
    world: ConnectHarness,
) -> None:
    dataset = Dataset(name="Acme", account_id=101, records=())
    sandbox = create_sandbox(dataset, clock=lambda: world.clock.now().timestamp())
    org_id = sandbox.org.org_id
    grant = Grant(
        tokens=tokens_of(sandbox.oauth.connect(org_id)),
        account=CrmAccount(account_id=CrmAccountId(org_id), name="Acme"),
    )
    connection = CrmConnection.establish(
        ConnectionId(uuid4()), world.user_id, Provider.SALESFORCE, grant, world.clock.now()
    )
    async with world.uow(world.user_id) as tx:
        await tx.connections.save(connection)
        generation = await tx.tokens.put(connection.id, grant.tokens)
    crms = CrmProviders({Provider.SALESFORCE: salesforce_over(SandboxTransport(sandbox), world.clock)})
    killed, successor = (
        AccessTokens(world.uow, world.refresh_uow, crms, world.connections, world.clock) for _ in range(2)
    )
    sandbox.faults.add(Fault(kind="delay", match="/introspect", delay_ms=60_000))

    async def wait_until_stored() -> StoredTokens:
        async with world.uow(world.user_id) as tx:
            return await tx.tokens.get(connection.id)

    renewed = await killed.get_access(connection, rejected=grant.tokens.access_token)
    while not any(entry.path.endswith("/introspect") for entry in sandbox.journal.entries):
        await wait_until_stored()
    kept = await wait_until_stored()
    assert kept.generation == generation + 1
    assert kept.tokens.access == renewed
    assert kept.tokens.refresh_token != grant.tokens.refresh_token
    await killed.close()

    assert await successor.get_access(connection) == renewed
    sandbox.oauth.expire_access_tokens()
    again = await successor.get_access(connection, rejected=renewed.token)
    assert sandbox.oauth.find_session(again.token)
    assert (sandbox.oauth.refreshes, sandbox.oauth.replays) == (2, 0)
    while (await wait_until_stored()).tokens.expires_at is None:
        pass
    expiry = (await wait_until_stored()).tokens.expires_at
    assert expiry is not None
    assert 0 <= SECONDS_IN_A_SESSION - (expiry - world.clock.now()).total_seconds() < 1
