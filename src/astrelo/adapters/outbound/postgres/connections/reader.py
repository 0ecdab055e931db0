"""Connections and sync runs, as the API shows them."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg
import msgspec

from astrelo.adapters.outbound.postgres.session.reading import Reads
from astrelo.application.read.advice import action_for_connection, action_for_run, warnings_of
from astrelo.application.read.readers import IntegrationReader, RunReader
from astrelo.application.read.views import (
    CrowdedDomain,
    Freshness,
    IntegrationCounts,
    IntegrationStatus,
    IntegrationView,
    OwnersStepView,
    RejectedRecordView,
    RunReport,
    RunView,
    StepView,
    UnreadableView,
)
from astrelo.domain.identifiers import Provider, SyncRunId, UserId

REJECTIONS_SHOWN = 100
"""How many rejected records of each object type a report lists; the counts are complete."""

CROWDED = 20
"""A domain with more company records than this is worth a look: somebody may have typed one site everywhere."""

CROWDED_SHOWN = 50

_STEPS = msgspec.json.Decoder(list[StepView])
_OWNERS = msgspec.json.Decoder(OwnersStepView)
_FRESHNESS = msgspec.json.Decoder(Freshness)
_COUNTS = msgspec.json.Decoder(IntegrationCounts)


class PgRunReader(RunReader):
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._reads = Reads(pool)

    async def list(
        self, user_id: UserId, provider: Provider, before: UUID | None, limit: int
    ) -> Sequence[RunView]:
        return await _runs(self._reads, user_id, provider, None, before, limit)

    async def get(self, user_id: UserId, provider: Provider, run_id: SyncRunId) -> RunView | None:
        found = await _runs(self._reads, user_id, provider, run_id, None, 1)
        return found[0] if found else None

    async def report(self, user_id: UserId, provider: Provider, run_id: SyncRunId) -> RunReport | None:
        run = await self.get(user_id, provider, run_id)
        if run is None:
            return None
        rejected = await self._reads.views(
            RejectedRecordView, "read_rejections", user_id, run_id, REJECTIONS_SHOWN
        )
        crowded = await self._reads.views(
            CrowdedDomain, "read_crowded_domains", user_id, provider, CROWDED, CROWDED_SHOWN
        )
        warnings = warnings_of(run, await self.unreadable(user_id, provider, run_id, None), crowded)
        return RunReport(run=run, warnings=warnings, rejected_records=rejected, crowded_domains=crowded)

    async def unreadable(
        self, user_id: UserId, provider: Provider, run_id: SyncRunId, field: str | None
    ) -> Sequence[UnreadableView]:
        return await self._reads.views(UnreadableView, "read_unreadable", user_id, provider, run_id, field)


class PgIntegrationReader(IntegrationReader):
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._reads = Reads(pool)

    async def connected(self, user_id: UserId) -> Sequence[IntegrationView]:
        rows = await self._reads.rows("read_connections", user_id)
        return [await self._view(user_id, row) for row in rows]

    async def _view(self, user_id: UserId, row: asyncpg.Record) -> IntegrationView:
        provider, status = Provider(row["provider"]), IntegrationStatus(row["status"])
        # A connection has at most one open run, and it is the latest.
        latest = await _runs(self._reads, user_id, provider, None, None, 2)
        ended = [run for run in latest if not run.status.is_open]
        counts = await self._reads.value("read_counts", user_id, provider)
        return IntegrationView(
            provider=provider,
            status=status,
            connection_id=row["id"],
            stale=status is not IntegrationStatus.ACTIVE,
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
            counts=_COUNTS.decode(counts),
        )


async def _runs(
    reads: Reads, user_id: UserId, provider: Provider, only: UUID | None, before: UUID | None, limit: int
) -> list[RunView]:
    rows = await reads.rows("read_runs", user_id, provider, only, before, limit)
    return [_run(row) for row in rows]


def _run(row: asyncpg.Record) -> RunView:
    decoded = {"steps": _STEPS.decode(row["steps"]), "owners": _OWNERS.decode(row["owners"])}
    run = msgspec.convert(dict(row) | decoded, RunView)
    return msgspec.structs.replace(run, action=action_for_run(run))
