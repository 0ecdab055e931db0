"""From Salesforce's rows to a page of records: contacts of deals read, mapped, deletions and merges told apart."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import aclosing
from itertools import islice
from typing import TypeVar, cast

from astrelo.adapters.outbound.salesforce.api.client import IDS_IN_A_QUERY, Kind
from astrelo.adapters.outbound.salesforce.api.record_ids import full_id
from astrelo.adapters.outbound.salesforce.api.responses import ContactRoleRow
from astrelo.adapters.outbound.salesforce.api.soql import Condition
from astrelo.adapters.outbound.salesforce.api.wire import (
    AccountRow,
    ContactRow,
    OpportunityRow,
    RecordRow,
)
from astrelo.adapters.outbound.salesforce.mapping import RecordMapper
from astrelo.adapters.outbound.salesforce.read.pagination import Group, QueryContext, paginate_rows
from astrelo.domain.identifiers import ObjectType, RecordId
from astrelo.domain.records import CrmRecord, RecordPage, RejectedRecord

T = TypeVar("T")
ContactIds = Mapping[str, Collection[str]]

_ROLES = Kind("OpportunityContactRole", ContactRoleRow, ObjectType.DEALS)


class RecordAssembler:
    """Completes groups of one walk, or of one fetch."""

    def __init__(self, reading: QueryContext[RecordRow], mapper: RecordMapper) -> None:
        self._reading = reading
        self._mapper = mapper

    async def page(self, group: Group[RecordRow]) -> RecordPage:
        """Tell deleted rows as `removed_ids`, or as `merged` where they name the row that they went into.

        What is not said to be deleted lives: windows are read by the same queries as everything else. An account
        that is a person's is removed too: it may have been a company before.
        """
        records: list[CrmRecord] = []
        rejected = list(group.rejected)
        gone: dict[RecordId, RecordId | None] = {}
        persons: list[RecordId] = []
        are_accounts = self._reading.kind.object_type is ObjectType.COMPANIES
        live: list[RecordRow] = []
        for row in group.rows:
            if row.is_deleted:
                gone[row.id] = row.master_id
            elif are_accounts and row.is_person:
                gone[row.id] = None
                persons.append(row.id)
            else:
                live.append(row)
        for outcome in await self._mapped(live):
            if isinstance(outcome, RejectedRecord):
                rejected.append(outcome)
            else:
                records.append(outcome)
        return RecordPage(
            records=records,
            cursor=group.cursor,
            removed_ids=[id_ for id_, survivor in gone.items() if survivor is None],
            merged={id_: survivor for id_, survivor in gone.items() if survivor is not None},
            reclassified_ids=persons,
            rejected=rejected,
            expected_total=group.expected_total,
            are_live=True,
            withheld=self._reading.describing.withheld(self._reading.session, self._reading.kind),
        )

    async def _mapped(self, rows: Sequence[RecordRow]) -> Sequence[CrmRecord | RejectedRecord]:
        contacts = await self._contacts_of([row.id for row in rows if type(row) is OpportunityRow])
        return [self._one(row, contacts) for row in rows]

    def _one(self, row: RecordRow, contacts: ContactIds) -> CrmRecord | RejectedRecord:
        """Look at the class itself: isinstance asks the metaclass of structs, which takes as long as a field."""
        if type(row) is AccountRow:
            return self._mapper.company(row)
        if type(row) is ContactRow:
            return self._mapper.contact(row)
        return self._mapper.deal(cast("OpportunityRow", row), contacts.get(row.id, ()))

    async def _contacts_of(self, deals: Sequence[str]) -> ContactIds:
        """Read the contacts that have a role in these deals, each once. Deleted roles do not count."""
        found: dict[str, set[str]] = {}
        for part in parts([id_ for id_ in dict.fromkeys(deals) if full_id(id_)], IDS_IN_A_QUERY):
            await self._gather(part, found)
        return found

    async def _gather(self, deals: Sequence[str], found: dict[str, set[str]]) -> None:
        roles = paginate_rows(self._reading.of(_ROLES), [Condition("OpportunityId", "IN", deals)])
        async with aclosing(roles):
            async for page in roles:
                for role in page.rows:
                    if role.opportunity_id is not None and role.contact_id is not None:
                        found.setdefault(role.opportunity_id, set()).add(role.contact_id)


def parts(items: Sequence[T], size: int) -> Iterator[list[T]]:
    remaining = iter(items)
    while part := list(islice(remaining, size)):
        yield part
