"""What happens to an account's records, in the words of HubSpot's webhooks."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from crm_sandbox.hubspot.associations.types import ANY_TYPE_IDS, PRIMARY_TYPE_IDS
from crm_sandbox.hubspot.objects.object_types import ObjectType

KEPT_BY_HUBSPOT = frozenset({"createdate", "hs_lastmodifieddate", "hs_object_id", "lastmodifieddate"})
"""HubSpot sends no propertyChange for these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    portal_id: int
    subscription: str
    """Such as `company.creation`."""
    occurred_at: float
    details: Mapping[str, object] = field(default_factory=dict)
    """The event's own fields, as HubSpot names them."""


Listener = Callable[[Event], None]
Occurrence = tuple[str, dict[str, object]]
"""A subscription and the event's own fields."""


def lifecycle(kind: ObjectType, what: str, record_id: str) -> Occurrence:
    """Return the event of a creation, deletion, restore or privacyDeletion."""
    details: dict[str, object] = {"objectId": int(record_id)}
    if flag := {"creation": "NEW", "deletion": "DELETED"}.get(what):
        details["changeFlag"] = flag
    return f"{kind.singular}.{what}", details


def merge(kind: ObjectType, kept: str, gone: str, new_id: str, moved: int) -> Occurrence:
    return f"{kind.singular}.merge", {
        "objectId": int(kept),
        "primaryObjectId": int(kept),
        "mergedObjectIds": [int(gone)],
        "newObjectId": int(new_id),
        "numberOfPropertiesMoved": moved,
    }


def property_changes(
    kind: ObjectType, record_id: str, old: Mapping[str, str | None], new: Mapping[str, str | None]
) -> Iterator[Occurrence]:
    for name in sorted(new.keys() - KEPT_BY_HUBSPOT):
        if (value := new[name]) != old.get(name):
            yield (
                f"{kind.singular}.propertyChange",
                {"objectId": int(record_id), "propertyName": name, "propertyValue": value or ""},
            )


def association_changes(
    source: ObjectType, source_id: str, target: ObjectType, old: Mapping[str, bool], new: Mapping[str, bool]
) -> Iterator[Occurrence]:
    """Return an event for each link that came, went or changed its primacy, from both of its sides; without an objectId."""
    for target_id in sorted(old.keys() | new.keys()):
        if old.get(target_id) == new.get(target_id):
            continue
        removed = target_id not in new
        primary = bool(old[target_id] if removed else new[target_id])
        for one, one_id, other, other_id in (
            (source, source_id, target, target_id),
            (target, target_id, source, source_id),
        ):
            yield (
                f"{one.singular}.associationChange",
                _ends(one, one_id, other, other_id, primary=primary) | {"associationRemoved": removed},
            )


def _ends(
    one: ObjectType, one_id: str, other: ObjectType, other_id: str, *, primary: bool
) -> dict[str, object]:
    pair = (one.plural, other.plural)
    type_ids = PRIMARY_TYPE_IDS if primary and pair in PRIMARY_TYPE_IDS else ANY_TYPE_IDS
    return {
        "associationType": f"{one.singular}_to_{other.singular}".upper(),
        "associationCategory": "HUBSPOT_DEFINED",
        "associationTypeId": type_ids[pair],
        "fromObjectId": int(one_id),
        "fromObjectTypeId": one.type_id,
        "toObjectId": int(other_id),
        "toObjectTypeId": other.type_id,
        "isPrimaryAssociation": primary,
    }
