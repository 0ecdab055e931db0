"""Connections, as the API shows them."""

from collections.abc import Sequence

import asyncpg
import msgspec

from astrelo.adapters.outbound.postgres.session.reads import Reads
from astrelo.adapters.outbound.postgres.sync_runs.reader import read_runs
from astrelo.application.read import readers, views
from astrelo.application.read.advice import action_for_connection
from astrelo.domain.identifiers import Provider, UserId

_FRESHNESS = msgspec.json.Decoder(views.Freshness)
_COUNTS = msgspec.json.Decoder(views.IntegrationCounts)


class PgIntegrationReader(readers.IntegrationReader):
    def __init__(self, reads: Reads) -> None:
        self._reads = reads

    async def connected(self, user_id: UserId) -> Sequence[views.IntegrationView]:
        rows = await self._reads.rows("read_connections", user_id=user_id)
        return [await self._view(user_id, row) for row in rows]

    async def _view(self, user_id: UserId, row: asyncpg.Record) -> views.IntegrationView:
        provider, status = Provider(row["provider"]), views.IntegrationStatus(row["status"])
        # A connection has at most one open run, and it is the latest.
        latest = await read_runs(self._reads, user_id, provider, limit=2)
        ended = [run for run in latest if not run.status.is_open]
        return views.IntegrationView(
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
            current_run=next((run for run in latest if run.status.is_open), None),
            last_run=ended[0] if ended else None,
            complete_as_of=_FRESHNESS.decode(row["complete_as_of"]),
            counts=_COUNTS.decode(row["counts"] or "{}"),
            counted_at=row["counted_at"],
        )
