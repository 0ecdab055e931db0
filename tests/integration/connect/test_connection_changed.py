"""ConnectionChanged is published for each change of a connection, in the transaction that makes it."""

from dataclasses import replace

import pytest

from astrelo.application.connection_lifecycle import ConnectionChanged, ConnectionChangedSubscribers
from astrelo.domain.connection import ConnectionStatus
from astrelo.domain.errors import ReauthorizationRequired
from astrelo.domain.identifiers import ObjectType, Provider
from astrelo.domain.ports.state import Transaction
from tests.support.harness.connect import OTHER_DATASET, connect_harness
from tests.support.harness.scenarios import Play
from tests.support.harness.sync import ScriptedCrm, SyncHarness
from tests.support.harness.tokens import token_harness

ACTIVE, REFUSED, ENDED = (
    ConnectionStatus.ACTIVE,
    ConnectionStatus.NEEDS_REAUTHORIZATION,
    ConnectionStatus.DISCONNECTED,
)
HUBSPOT = Provider.HUBSPOT


class Changes:
    """Keeps how connections changed, as their own transactions see them."""

    def __init__(self) -> None:
        self.statuses: list[tuple[ConnectionStatus | None, ConnectionStatus]] = []
        self.subscribers = ConnectionChangedSubscribers((self.note,))

    async def note(self, tx: Transaction, event: ConnectionChanged) -> None:
        stored = await tx.connections.get_by_id(event.connection.id)
        assert stored == event.connection
        self.statuses.append((event.former_status, stored.status))


@pytest.mark.anyio
async def test_connecting_again_replacing_and_disconnecting_are_published(database: str) -> None:
    changes = Changes()
    async with connect_harness(database, changes.subscribers) as world:
        await world.connect_account()
        world.clock.advance(60)
        await world.connect_account()
        await world.connect_account(OTHER_DATASET, replace=True)
        await world.disconnect(world.user_id, HUBSPOT)
        await world.disconnect(world.user_id, HUBSPOT)
    assert changes.statuses == [
        (None, ACTIVE),
        (ACTIVE, ACTIVE),
        (ACTIVE, ENDED),
        (None, ACTIVE),
        (ACTIVE, ENDED),
    ]


@pytest.mark.anyio
async def test_a_refused_refresh_is_published_once(database: str) -> None:
    changes = Changes()
    async with token_harness(database, changes.subscribers) as scene:
        scene.crm.next_answers = [ReauthorizationRequired(HUBSPOT, "BAD_REFRESH_TOKEN")]
        for _ in range(2):
            with pytest.raises(ReauthorizationRequired):
                await scene.tokens.get_access(scene.connection)
    assert changes.statuses == [(None, ACTIVE), (ACTIVE, REFUSED)]


def test_a_refused_fresh_token_is_published(play: Play) -> None:
    refusal = ReauthorizationRequired(HUBSPOT, "revoked")

    async def scenario(made: SyncHarness) -> None:
        changes = Changes()
        made.connection_changed = changes.subscribers
        await made.sync()
        assert changes.statuses == [(ACTIVE, REFUSED)]

    play(ScriptedCrm(pages={ObjectType.COMPANIES: [refusal]}), scenario)


def test_a_subscriber_that_raises_undoes_the_change(play: Play) -> None:
    async def refuse(tx: Transaction, event: ConnectionChanged) -> None:
        raise RuntimeError("a test")

    async def scenario(made: SyncHarness) -> None:
        made.connection_changed = ConnectionChangedSubscribers((refuse,))
        with pytest.raises(RuntimeError):
            await made.disconnect(HUBSPOT)
        async with made.uow(made.user_id) as tx:
            stored = await tx.connections.get(HUBSPOT)
        assert stored is not None
        assert stored == replace(stored, status=ACTIVE)

    play(ScriptedCrm(), scenario)
