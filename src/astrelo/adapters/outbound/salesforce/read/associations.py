"""Assemble a page of records from Salesforce's rows: read contacts of deals, map, separate deletions and merges."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import aclosing
from typing import cast

from astrelo.adapters.outbound.crm.pagination import split_batches
from astrelo.adapters.outbound.salesforce.api import record_ids, responses, soql, wire
from astrelo.adapters.outbound.salesforce.api.client import MAX_IDS_PER_QUERY, Kind
from astrelo.adapters.outbound.salesforce.mapping import RecordMapper
from astrelo.adapters.outbound.salesforce.read import pagination
from astrelo.domain.identifiers import ObjectType, RecordId
from astrelo.domain.records import CrmRecord, RecordPage, RejectedRecord

ContactIds = Mapping[str, Collection[str]]

_ROLES = Kind("OpportunityContactRole", responses.ContactRoleRow, ObjectType.DEALS)


class RecordAssembler:
    """Assembles the pages of one record stream, or of one fetch."""

    def __init__(self, context: pagination.QueryContext[wire.RecordRow], mapper: RecordMapper) -> None:
        self._context = context
        self._mapper = mapper

    async def assemble(self, raw_page: pagination.RawPage[wire.RecordRow]) -> RecordPage:
        """Report deleted rows as `removed_ids`, or as `merged` where they name the row that they were merged into.

        A row that is not marked as deleted lives: windows are read by the same queries as everything else. An account
        that is a person's is removed too: it may have been a company before.
        """
        records: list[CrmRecord] = []
        rejected = list(raw_page.rejected)
        gone: dict[RecordId, RecordId | None] = {}
        persons: list[RecordId] = []
        are_accounts = self._context.kind.object_type is ObjectType.COMPANIES
        live: list[wire.RecordRow] = []
        for row in raw_page.rows:
            if row.is_deleted:
                gone[row.id] = row.master_id
            elif are_accounts and row.is_person:
                gone[row.id] = None
                persons.append(row.id)
            else:
                live.append(row)
        contact_ids = await self._read_contact_ids(
            [row.id for row in live if type(row) is wire.OpportunityRow]
        )
        for row in live:
            outcome = self._map_row(row, contact_ids)
            if isinstance(outcome, RejectedRecord):
                rejected.append(outcome)
            else:
                records.append(outcome)
        return RecordPage(
            records=records,
            cursor=raw_page.cursor,
            removed_ids=[id_ for id_, survivor in gone.items() if survivor is None],
            merged={id_: survivor for id_, survivor in gone.items() if survivor is not None},
            reclassified_ids=persons,
            rejected=rejected,
            expected_total=raw_page.expected_total,
            are_live=True,
            withheld=self._context.field_access.withheld_columns(self._context.session, self._context.kind),
        )

    def _map_row(self, row: wire.RecordRow, contact_ids: ContactIds) -> CrmRecord | RejectedRecord:
        """Compare the class itself: isinstance calls the metaclass of structs, which takes as long as a field."""
        if type(row) is wire.AccountRow:
            return self._mapper.company(row)
        if type(row) is wire.ContactRow:
            return self._mapper.contact(row)
        return self._mapper.deal(cast("wire.OpportunityRow", row), contact_ids.get(row.id, ()))

    async def _read_contact_ids(self, deal_ids: Sequence[str]) -> ContactIds:
        """Return the contacts that have a role in these deals, each once. Deleted roles do not count."""
        found: dict[str, set[str]] = {}
        known_ids = [id_ for id_ in dict.fromkeys(deal_ids) if record_ids.full_id(id_)]
        for batch_ids in split_batches(known_ids, MAX_IDS_PER_QUERY):
            condition = soql.Condition("OpportunityId", "IN", batch_ids)
            roles = pagination.paginate_rows(self._context.for_kind(_ROLES), [condition])
            async with aclosing(roles):
                async for page in roles:
                    for role in page.rows:
                        if role.opportunity_id is not None and role.contact_id is not None:
                            found.setdefault(role.opportunity_id, set()).add(role.contact_id)
        return found
