"""Contacts, as the API shows them."""

from collections.abc import Sequence
from uuid import UUID

from astrelo.adapters.outbound.postgres.session.queries import like_prefix
from astrelo.adapters.outbound.postgres.session.reads import Reads
from astrelo.application.read import readers, views
from astrelo.domain.identifiers import UserId
from astrelo.domain.normalization import search_email, search_key


class PgContactReader(readers.ContactReader):
    def __init__(self, reads: Reads) -> None:
        self._reads = reads

    async def list(
        self, user_id: UserId, filters: readers.ContactFilter, after: UUID | None, limit: int
    ) -> Sequence[views.ContactView]:
        return await self._reads.views(
            views.ContactView,
            "read_contacts",
            user_id=user_id,
            after=after,
            limit=limit,
            name_pattern=like_prefix(filters.name and search_key(filters.name)),
            email_pattern=like_prefix(filters.email and search_email(filters.email)),
            company_id=filters.company_id,
            linked=filters.linked,
            unlinked_reason=filters.unlinked_reason,
            updated_since=filters.updated_since,
            include_archived=filters.include_archived,
        )

    async def get(self, user_id: UserId, contact_id: UUID) -> views.ContactView | None:
        return await self._reads.view(
            views.ContactView, "read_contacts_by_id", user_id=user_id, ids=[contact_id]
        )
