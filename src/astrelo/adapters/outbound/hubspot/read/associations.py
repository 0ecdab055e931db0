"""Assemble a page of records from HubSpot's objects: read their associations, map them, note merges."""

from collections.abc import Mapping, Sequence
from typing import cast

from astrelo.adapters.outbound.crm.mapping import record_id
from astrelo.adapters.outbound.hubspot.api import wire
from astrelo.adapters.outbound.hubspot.api.client import HubSpotClient, merged_ids
from astrelo.adapters.outbound.hubspot.mapping import RecordMapper
from astrelo.adapters.outbound.hubspot.read import pagination
from astrelo.domain.identifiers import ObjectType, RecordId
from astrelo.domain.ports.crm import CrmSession
from astrelo.domain.records import CompanyAssociation, CrmRecord, RecordPage, RejectedRecord

Associations = Mapping[str, Sequence[wire.AssociatedObject]]

_DEFINED_BY_HUBSPOT = frozenset({"HUBSPOT_DEFINED", None})
_PRIMARY_LABEL = "Primary"
_PRIMARY_OF_CONTACT = 1
_PRIMARY_OF_DEAL = 5


class RecordAssembler:
    """Assembles the pages of one record stream, or of one fetch."""

    def __init__(
        self, client: HubSpotClient, session: CrmSession, object_type: ObjectType, mapper: RecordMapper
    ) -> None:
        self._client = client
        self._session = session
        self._object_type = object_type
        self._mapper = mapper

    async def assemble(self, raw_page: pagination.RawPage) -> RecordPage:
        records: list[CrmRecord] = []
        rejected = list(raw_page.rejected)
        for outcome in await self._map_objects(raw_page.objects):
            if isinstance(outcome, RejectedRecord):
                rejected.append(outcome)
            else:
                records.append(outcome)
        merged = {
            old: survivor
            for crm_object in raw_page.objects
            if (survivor := record_id(crm_object.id)) is not None
            for old in merged_ids(crm_object)
        }
        return RecordPage(
            records=records,
            cursor=raw_page.cursor,
            merged=merged,
            rejected=rejected,
            expected_total=raw_page.expected_total,
        )

    async def _map_objects(self, objects: Sequence[wire.CrmObject]) -> Sequence[CrmRecord | RejectedRecord]:
        if self._object_type is ObjectType.COMPANIES:
            return [
                self._mapper.company(company) for company in cast("Sequence[wire.CompanyObject]", objects)
            ]
        companies = await self._read_associations(ObjectType.COMPANIES, objects)
        if self._object_type is ObjectType.CONTACTS:
            return [
                self._mapper.contact(
                    contact, *associated_company(companies.get(contact.id, ()), _PRIMARY_OF_CONTACT)
                )
                for contact in cast("Sequence[wire.ContactObject]", objects)
            ]
        contacts = await self._read_associations(ObjectType.CONTACTS, objects)
        return [
            self._mapper.deal(
                deal,
                *associated_company(companies.get(deal.id, ()), _PRIMARY_OF_DEAL),
                [
                    contact_id
                    for contact in contacts.get(deal.id, ())
                    if (contact_id := _associated_id(contact)) is not None
                ],
            )
            for deal in cast("Sequence[wire.DealObject]", objects)
        ]

    async def _read_associations(self, target: ObjectType, sources: Sequence[wire.CrmObject]) -> Associations:
        ids = list(dict.fromkeys(source.id for source in sources if record_id(source.id) is not None))
        return await self._client.associations(self._session, self._object_type, target, ids)


def associated_company(
    associated: Sequence[wire.AssociatedObject], type_id: int
) -> tuple[RecordId | None, CompanyAssociation | None]:
    """Choose a record's company: the primary one, or the only one, which needs no mark.

    Several companies of which none, or more than one, is marked give None: the first one would be a guess. A company
    may be listed once for each label. `type_id` is HubSpot's own for "primary", from contacts or from deals.
    """
    if not associated:
        return None, None
    primary = _select_primary(associated, type_id)
    candidates = primary or associated
    if len(candidates) > 1 and len({str(company.to_object_id) for company in candidates}) > 1:
        return None, CompanyAssociation.AMBIGUOUS
    company_id = _associated_id(candidates[0])
    if company_id is None:
        return None, None
    return company_id, CompanyAssociation.PRIMARY if primary else CompanyAssociation.ONLY


def _select_primary(
    associated: Sequence[wire.AssociatedObject], type_id: int
) -> Sequence[wire.AssociatedObject]:
    """Only HubSpot's own types count: an account's own labels have ids of their own, which may be the same."""
    primary = []
    for company in associated:
        for kind in company.association_types:
            if (
                kind.type_id == type_id or kind.label == _PRIMARY_LABEL
            ) and kind.category in _DEFINED_BY_HUBSPOT:
                primary.append(company)
                break
    return primary


def _associated_id(associated: wire.AssociatedObject) -> RecordId | None:
    """Return None for what can be no id: a record with such an id would be rejected too."""
    return record_id(str(associated.to_object_id))
