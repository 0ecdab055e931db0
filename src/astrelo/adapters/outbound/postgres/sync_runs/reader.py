"""Sync runs and their reports, as the API shows them."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from astrelo.adapters.outbound.postgres.session.reads import Reads
from astrelo.application.read import readers, views
from astrelo.application.read.advice import action_for_run, warnings_of
from astrelo.domain.identifiers import Provider, SyncRunId, UserId

REJECTIONS_SHOWN = 100
"""How many rejected records of each object type a report lists; the counts are complete."""

CROWDED = 20
"""A domain with more company records than this is worth a look: one site may have been typed everywhere."""

CROWDED_SHOWN = 50

_STEPS = msgspec.json.Decoder(list[views.StepView])
_OWNERS = msgspec.json.Decoder(views.OwnersStepView)


class PgRunReader(readers.RunReader):
    def __init__(self, reads: Reads) -> None:
        self._reads = reads

    async def list(
        self, user_id: UserId, provider: Provider, before: UUID | None, limit: int
    ) -> Sequence[views.RunView]:
        return await read_runs(self._reads, user_id, provider, before=before, limit=limit)

    async def get(self, user_id: UserId, provider: Provider, run_id: SyncRunId) -> views.RunView | None:
        found = await read_runs(self._reads, user_id, provider, run_id=run_id)
        return found[0] if found else None

    async def report(self, user_id: UserId, provider: Provider, run_id: SyncRunId) -> views.RunReport | None:
        run = await self.get(user_id, provider, run_id)
        if run is None:
            return None
        rejected = await self._reads.views(
            views.RejectedRecordView,
            "read_rejections",
            user_id=user_id,
            run_id=run_id,
            limit=REJECTIONS_SHOWN,
        )
        crowded = await self._reads.views(
            views.CrowdedDomain,
            "read_crowded_domains",
            user_id=user_id,
            provider=provider,
            threshold=CROWDED,
            limit=CROWDED_SHOWN,
        )
        warnings = warnings_of(run, await self.unreadable(user_id, provider, run_id, None), crowded)
        return views.RunReport(run=run, warnings=warnings, rejected_records=rejected, crowded_domains=crowded)

    async def unreadable(
        self, user_id: UserId, provider: Provider, run_id: SyncRunId, field: str | None
    ) -> Sequence[views.UnreadableView]:
        return await self._reads.views(
            views.UnreadableView,
            "read_unreadable",
            user_id=user_id,
            provider=provider,
            run_id=run_id,
            field=field,
        )


async def read_runs(
    reads: Reads,
    user_id: UserId,
    provider: Provider,
    *,
    run_id: UUID | None = None,
    before: UUID | None = None,
    limit: int = 1,
) -> list[views.RunView]:
    """Read a connection's runs, the latest first, or the one with this id."""
    rows = await reads.rows(
        "read_runs", user_id=user_id, provider=provider, run_id=run_id, before=before, limit=limit
    )
    runs = []
    for row in rows:
        decoded = {"steps": _STEPS.decode(row["steps"]), "owners": _OWNERS.decode(row["owners"])}
        run = msgspec.convert(dict(row) | decoded, views.RunView)
        runs.append(msgspec.structs.replace(run, action=action_for_run(run)))
    return runs
