"""Reading records by id, and telling apart what was archived, erased for good, or merged away."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from astrelo.adapters.outbound.hubspot.api.client import HubSpotClient, ObjectPage, merged_ids
from astrelo.adapters.outbound.hubspot.api.wire import CrmObject
from astrelo.domain.errors import CrmRejected
from astrelo.domain.identifiers import ObjectType, Provider, RecordId
from astrelo.domain.ports.crm import CrmSession
from astrelo.domain.records import RejectedRecord


@dataclass(slots=True)
class Fetched:
    objects: dict[str, CrmObject] = field(default_factory=dict)
    rejected: dict[str | None, RejectedRecord] = field(default_factory=dict)
    removed: list[RecordId] = field(default_factory=list)
    erased: list[RecordId] = field(default_factory=list)
    merged: dict[RecordId, RecordId] = field(default_factory=dict)


async def fetch(
    client: HubSpotClient,
    session: CrmSession,
    object_type: ObjectType,
    ids: Sequence[RecordId],
    into: Fetched,
) -> None:
    """Find out what became of each id, at most a batch of them.

    A record that was merged away comes under the survivor's id, in no promised order. Where that leaves
    open which id became which record, the id is asked for alone.
    """
    gone = await _find(client, session, object_type, ids, into)
    if gone:
        await _tell_erased(client, session, object_type, gone, into)


async def _find(
    client: HubSpotClient,
    session: CrmSession,
    object_type: ObjectType,
    ids: Sequence[RecordId],
    into: Fetched,
) -> list[RecordId]:
    """Return the ids that HubSpot says are not among its live records."""
    page = await client.batch_read(session, object_type, ids)
    into.objects.update({told.id: told for told in page.objects})
    into.rejected.update({record.record_id: record for record in page.rejected})
    survivors = {old: told.id for told in page.objects for old in merged_ids(told)}
    missing = _missing(page)
    gone: list[RecordId] = []
    for asked in ids:
        if asked in into.objects or asked in into.rejected:
            continue
        if asked in survivors:
            into.merged[asked] = RecordId(survivors[asked])
        elif asked in missing:
            gone.append(asked)
        elif len(ids) > 1:
            gone += await _find(client, session, object_type, [asked], into)
        else:
            into.merged[asked] = _sole_survivor(page, asked)
    return gone


async def _tell_erased(
    client: HubSpotClient,
    session: CrmSession,
    object_type: ObjectType,
    gone: Sequence[RecordId],
    into: Fetched,
) -> None:
    """Sort what is not live: a contact that is not archived either was deleted as privacy law demands.

    Only contacts can be erased; an archived record is kept for 90 days, and may be restored in them.
    """
    if object_type is not ObjectType.CONTACTS:
        into.removed += gone
        return
    nowhere = _missing(await client.batch_read(session, object_type, gone, archived=True))
    into.erased += [asked for asked in gone if asked in nowhere]
    into.removed += [asked for asked in gone if asked not in nowhere]


def _missing(page: ObjectPage) -> frozenset[str]:
    contexts = (error.context or {} for error in page.errors)
    return frozenset(record_id for context in contexts for record_id in context.get("ids", []))


def _sole_survivor(page: ObjectPage, asked: RecordId) -> RecordId:
    """Absence alone is no evidence that a record is gone: HubSpot names those it has not."""
    if len(page.objects) != 1:
        raise CrmRejected(
            Provider.HUBSPOT, None, f"no word about record {asked} in a batch that asked for it"
        )
    return RecordId(page.objects[0].id)
