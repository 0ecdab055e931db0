"""From HubSpot's objects to a page of records: their associations read, mapped, merges noted."""

from collections.abc import Mapping, Sequence
from typing import cast

from astrelo.adapters.outbound.crm.mapping import record_id
from astrelo.adapters.outbound.hubspot.api.client import HubSpotClient, merged_ids
from astrelo.adapters.outbound.hubspot.api.wire import (
    AssociatedObject,
    CompanyObject,
    ContactObject,
    DealObject,
)
from astrelo.adapters.outbound.hubspot.mapping import RecordMapper
from astrelo.adapters.outbound.hubspot.read.pagination import Group
from astrelo.domain.identifiers import ObjectType, RecordId
from astrelo.domain.ports.crm import CrmSession
from astrelo.domain.records import CompanyAssociation, CrmRecord, RecordPage, RejectedRecord

Links = Mapping[str, Sequence[AssociatedObject]]

_HUBSPOTS_OWN = frozenset({"HUBSPOT_DEFINED", None})
_PRIMARY_LABEL = "Primary"
_PRIMARY_OF_CONTACT = 1
_PRIMARY_OF_DEAL = 5


class RecordAssembler:
    """Completes groups of one walk, or of one fetch."""

    def __init__(
        self, client: HubSpotClient, session: CrmSession, object_type: ObjectType, mapper: RecordMapper
    ) -> None:
        self._client = client
        self._session = session
        self._object_type = object_type
        self._mapper = mapper

    async def page(self, group: Group) -> RecordPage:
        records: list[CrmRecord] = []
        rejected = list(group.rejected)
        for outcome in await self._mapped(group):
            if isinstance(outcome, RejectedRecord):
                rejected.append(outcome)
            else:
                records.append(outcome)
        merged = {
            old: survivor
            for told in group.objects
            if (survivor := record_id(told.id)) is not None
            for old in merged_ids(told)
        }
        return RecordPage(
            records=records,
            cursor=group.cursor,
            merged=merged,
            rejected=rejected,
            expected_total=group.expected_total,
        )

    async def _mapped(self, group: Group) -> Sequence[CrmRecord | RejectedRecord]:
        match self._object_type:
            case ObjectType.COMPANIES:
                companies = cast("list[CompanyObject]", group.objects)
                return [self._mapper.company(told) for told in companies]
            case ObjectType.CONTACTS:
                return await self._contacts(cast("list[ContactObject]", group.objects))
            case ObjectType.DEALS:
                return await self._deals(cast("list[DealObject]", group.objects))

    async def _contacts(self, contacts: Sequence[ContactObject]) -> Sequence[CrmRecord | RejectedRecord]:
        companies = await self._links(ObjectType.COMPANIES, contacts)
        return [
            self._mapper.contact(told, *associated_company(companies.get(told.id, ()), _PRIMARY_OF_CONTACT))
            for told in contacts
        ]

    async def _deals(self, deals: Sequence[DealObject]) -> Sequence[CrmRecord | RejectedRecord]:
        companies = await self._links(ObjectType.COMPANIES, deals)
        contacts = await self._links(ObjectType.CONTACTS, deals)
        return [
            self._mapper.deal(
                told,
                *associated_company(companies.get(told.id, ()), _PRIMARY_OF_DEAL),
                [one for linked in contacts.get(told.id, ()) if (one := _id_of(linked)) is not None],
            )
            for told in deals
        ]

    async def _links(self, target: ObjectType, sources: Sequence[ContactObject | DealObject]) -> Links:
        ids = list(dict.fromkeys(told.id for told in sources if record_id(told.id) is not None))
        return await self._client.associations(self._session, self._object_type, target, ids)


def associated_company(
    linked: Sequence[AssociatedObject], type_id: int
) -> tuple[RecordId | None, CompanyAssociation | None]:
    """Choose a record's company: the primary one, or the only one, since nobody need mark what stands alone.

    Several without a mark, or with several of them, make none: the first one would be a guess. A company may be
    listed once for each label. `type_id` is HubSpot's own for "primary", from contacts or from deals.
    """
    if not linked:
        return None, None
    primary = [company for company in linked if _is_marked(company, type_id)]
    candidates = primary or linked
    if len(candidates) > 1 and len({str(company.to_object_id) for company in candidates}) > 1:
        return None, CompanyAssociation.AMBIGUOUS
    company_id = _id_of(candidates[0])
    if company_id is None:
        return None, None
    return company_id, CompanyAssociation.PRIMARY if primary else CompanyAssociation.ONLY


def _is_marked(company: AssociatedObject, type_id: int) -> bool:
    """Only HubSpot's own types count: an account's labels have ids of their own, which may be the same."""
    for kind in company.association_types:
        is_primary = kind.type_id == type_id or kind.label == _PRIMARY_LABEL
        if is_primary and kind.category in _HUBSPOTS_OWN:
            return True
    return False


def _id_of(linked: AssociatedObject) -> RecordId | None:
    """Return None for what can be no id: a record of that name would be refused too."""
    return record_id(str(linked.to_object_id))
