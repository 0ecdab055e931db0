"""Deals, as the API shows them."""

from collections.abc import Sequence
from uuid import UUID

from astrelo.adapters.outbound.postgres.session.reads import Reads
from astrelo.application.read import readers, views
from astrelo.domain.identifiers import UserId


class PgDealReader(readers.DealReader):
    def __init__(self, reads: Reads) -> None:
        self._reads = reads

    async def list(
        self, user_id: UserId, filters: readers.DealFilter, after: UUID | None, limit: int
    ) -> Sequence[views.DealView]:
        return await self._reads.views(
            views.DealView,
            "read_deals",
            user_id=user_id,
            after=after,
            limit=limit,
            company_id=filters.company_id,
            pipeline=filters.pipeline,
            stage=filters.stage,
            is_closed=filters.is_closed,
            is_won=filters.is_won,
            updated_since=filters.updated_since,
            include_archived=filters.include_archived,
        )

    async def get(self, user_id: UserId, deal_id: UUID) -> views.DealView | None:
        return await self._reads.view(views.DealView, "read_deals_by_id", user_id=user_id, ids=[deal_id])
