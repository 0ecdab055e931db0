"""What is true of a user now, for event streams."""

import asyncpg
import msgspec

from astrelo.adapters.outbound.postgres.session.reads import Reads
from astrelo.adapters.outbound.postgres.sync_runs.reader import read_runs
from astrelo.application.read import events, views
from astrelo.application.read.advice import action_for_connection
from astrelo.domain.identifiers import Provider, UserId

_RUNS = 2
"""Of each CRM: the open one, if there is one, and the last that ended."""


class PgPresentStateReader(events.PresentStateReader):
    def __init__(self, reads: Reads) -> None:
        self._reads = reads

    async def read(self, user_id: UserId) -> events.PresentState:
        head = await self._reads.rows("read_feed_head", user_id=user_id)
        position, revision, _ = head[0] if head else (0, 0, 0)
        rows = await self._reads.rows("read_connections", user_id=user_id)
        connections = {Provider(row["provider"]): to_view(row) for row in rows}
        runs: list[views.RunView] = []
        for provider in connections:
            latest = await read_runs(self._reads, user_id, provider, limit=_RUNS)
            runs += reversed(latest)
        return events.PresentState(
            [connections.get(provider) or not_connected(provider) for provider in Provider],
            runs,
            position,
            revision,
        )


def to_view(row: asyncpg.Record) -> events.ConnectionView:
    provider, status = Provider(row["provider"]), views.IntegrationStatus(row["status"])
    return events.ConnectionView(
        provider=provider,
        status=status,
        connection_id=row["id"],
        stale=status is not views.IntegrationStatus.ACTIVE,
        reason=row["reason"],
        action=action_for_connection(status, provider),
        account_id=row["account_id"],
        account_name=row["account_name"],
        account_domain=row["account_domain"],
        scopes=sorted(row["scopes"]),
        connected_at=row["connected_at"],
        connected_by=row["connected_by"],
        complete_as_of=msgspec.json.decode(row["complete_as_of"], type=views.Freshness),
    )


def not_connected(provider: Provider) -> events.ConnectionView:
    status = views.IntegrationStatus.NOT_CONNECTED
    return events.ConnectionView(
        provider=provider, status=status, action=action_for_connection(status, provider)
    )
