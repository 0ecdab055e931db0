"""Fetch records by id, and distinguish those that were archived, erased for good, or merged away."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from astrelo.adapters.outbound.hubspot.api import wire
from astrelo.adapters.outbound.hubspot.api.client import HubSpotClient, ObjectPage, merged_ids
from astrelo.domain import errors
from astrelo.domain.identifiers import ObjectType, Provider, RecordId
from astrelo.domain.ports.crm import CrmSession
from astrelo.domain.records import RejectedRecord


@dataclass(slots=True)
class FetchResult:
    objects: dict[str, wire.CrmObject] = field(default_factory=dict)
    rejected: dict[str | None, RejectedRecord] = field(default_factory=dict)
    removed: list[RecordId] = field(default_factory=list)
    erased: list[RecordId] = field(default_factory=list)
    merged: dict[RecordId, RecordId] = field(default_factory=dict)


async def fetch_records(
    client: HubSpotClient,
    session: CrmSession,
    object_type: ObjectType,
    ids: Sequence[RecordId],
    into: FetchResult,
) -> None:
    """Find out what became of each id, at most one batch of them.

    A record that was merged away is returned under the survivor's id, in no promised order. Where that leaves
    open which id became which record, the id is requested alone.
    """
    gone = await _find_live(client, session, object_type, ids, into)
    if not gone:
        return
    if object_type is not ObjectType.CONTACTS:
        into.removed += gone
        return
    # Only contacts can be erased; an archived record is kept for 90 days, and can be restored during them. So a
    # contact that is neither live nor archived was deleted as privacy law demands.
    nowhere = _missing_ids(await client.batch_read(session, object_type, gone, archived=True))
    into.erased += [record_id for record_id in gone if record_id in nowhere]
    into.removed += [record_id for record_id in gone if record_id not in nowhere]


async def _find_live(
    client: HubSpotClient,
    session: CrmSession,
    object_type: ObjectType,
    ids: Sequence[RecordId],
    into: FetchResult,
) -> list[RecordId]:
    """Return the ids that HubSpot reports as not being among its live records."""
    page = await client.batch_read(session, object_type, ids)
    into.objects.update({crm_object.id: crm_object for crm_object in page.objects})
    into.rejected.update({record.record_id: record for record in page.rejected})
    survivors = {old: crm_object.id for crm_object in page.objects for old in merged_ids(crm_object)}
    missing = _missing_ids(page)
    gone: list[RecordId] = []
    for requested in ids:
        if requested in into.objects or requested in into.rejected:
            continue
        if requested in survivors:
            into.merged[requested] = RecordId(survivors[requested])
        elif requested in missing:
            gone.append(requested)
        elif len(ids) > 1:
            gone += await _find_live(client, session, object_type, [requested], into)
        elif len(page.objects) == 1:
            into.merged[requested] = RecordId(page.objects[0].id)
        else:  # absence alone is no evidence that a record is gone: HubSpot names those it does not have
            raise errors.CrmRejected(
                Provider.HUBSPOT, None, f"no word about record {requested} in a batch that asked for it"
            )
    return gone


def _missing_ids(page: ObjectPage) -> frozenset[str]:
    contexts = (error.context or {} for error in page.errors)
    return frozenset(record_id for context in contexts for record_id in context.get("ids", []))
