"""Contacts, as the API shows them."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg
import msgspec

from astrelo.adapters.outbound.postgres.feed.written_since import find_written_since
from astrelo.adapters.outbound.postgres.session.columns import MAX_SEARCHED
from astrelo.adapters.outbound.postgres.session.lists import ListStatements, find_facets, read_list
from astrelo.adapters.outbound.postgres.session.ranges import prefix_range
from astrelo.adapters.outbound.postgres.session.reads import Reads
from astrelo.adapters.outbound.postgres.session.record_urls import with_url
from astrelo.application.read import readers, views
from astrelo.domain.identifiers import ObjectType, Provider, UserId
from astrelo.domain.normalization import search_email, search_key
from astrelo.domain.ports.crm import RecordUrls

_LIST = ListStatements(
    records=ObjectType.CONTACTS,
    page="read_contacts",
    end="read_contact_page_end",
    sort_keys="read_contact_sort_keys",
    facets="list_contact_facets",
    facet_filters=frozenset({"linked", "unlinked_reason", "rep", "source"}),
    key_filters=frozenset({"external_id"}),
)
_BEHIND_ALL = chr(0x10FFFF) * 2
"""Of the ends of ranges: no folded name begins with it."""


class PgContactReader(readers.ContactReader):
    def __init__(self, reads: Reads, urls: RecordUrls) -> None:
        self._reads = reads
        self._urls = urls

    async def list(
        self, user_id: UserId, filters: readers.ContactFilter, after: UUID | None, limit: int
    ) -> Sequence[views.ContactView]:
        values = await self._values(user_id, filters)
        rows = await read_list(self._reads, _LIST, values, filters, after=after, limit=limit)
        return [self.to_view(row) for row in rows]

    async def count(self, user_id: UserId, filters: readers.ContactFilter, *, exact: bool) -> int:
        values = await self._values(user_id, filters)
        return await self._reads.count(_LIST.page, exact=exact, **{**values, "sort": "none"})

    async def get(self, user_id: UserId, contact_id: UUID) -> views.ContactView | None:
        rows = await self._reads.rows("read_contacts_by_id", user_id=user_id, ids=[contact_id])
        return self.to_view(rows[0]) if rows else None

    def to_view(self, row: asyncpg.Record) -> views.ContactView:
        return msgspec.convert(with_url(row, ObjectType.CONTACTS, self._urls), views.ContactView)

    async def _values(self, user_id: UserId, filters: readers.ContactFilter) -> dict[str, object]:
        key = filters.name and search_key(filters.name)[:MAX_SEARCHED]
        name, email = prefix_range(key), prefix_range(filters.email and search_email(filters.email))
        return _LIST.narrow_nothing() | {
            "user_id": user_id,
            "name_from": name.start,
            "name_to": name.end,
            **_split_name(key),
            "email_from": email.start,
            "email_to": email.end,
            "company_id": filters.company_id,
            "facets": await find_facets(
                self._reads,
                _LIST,
                user_id,
                {name: getattr(filters, name) for name in _LIST.facet_filters},
                include_archived=filters.include_archived,
            ),
            "external_id": filters.external_id,
            "sources": list(Provider),
            "updated_since": filters.updated_since,
            "ids": await find_written_since(self._reads, user_id, ObjectType.CONTACTS, filters.updated_since),
            "include_archived": filters.include_archived,
        }


def _split_name(key: str | None) -> dict[str, object]:
    """Split a name at each of its blanks into a whole first name and the beginning of the last one."""
    words = (key or "").split(" ")
    if len(words) == 1:
        return {}
    places = range(1, len(words))
    last_names = [prefix_range(" ".join(words[place:])) for place in places]
    return {
        "whole_first_names": [" ".join(words[:place]) for place in places],
        "last_names_from": [last_name.start for last_name in last_names],
        "last_names_to": [last_name.end or _BEHIND_ALL for last_name in last_names],
    }
