"""Owners, as the API shows them."""

from collections.abc import Sequence
from uuid import UUID

from astrelo.adapters.outbound.postgres.session.reads import Reads
from astrelo.application.read import readers, views
from astrelo.domain.identifiers import UserId


class PgOwnerReader(readers.OwnerReader):
    def __init__(self, reads: Reads) -> None:
        self._reads = reads

    async def list(self, user_id: UserId, after: UUID | None, limit: int) -> Sequence[views.OwnerView]:
        return await self._reads.views(
            views.OwnerView, "read_owners", user_id=user_id, after=after, limit=limit
        )

    async def get(self, user_id: UserId, owner_id: UUID) -> views.OwnerView | None:
        return await self._reads.view(views.OwnerView, "read_owners_by_id", user_id=user_id, ids=[owner_id])
