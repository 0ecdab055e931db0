"""An account's records and the links between them, indexed for the endpoints."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from operator import itemgetter
from random import Random

from crm_sandbox.clock import parse_milliseconds
from crm_sandbox.datasets import Association
from crm_sandbox.hubspot.objects.object_types import OBJECT_TYPES, ObjectType
from crm_sandbox.hubspot.objects.schema import Property, custom_property, standard_properties

LONG_AGO = float("-inf")
NOT_RAW = object()


@dataclass(slots=True, kw_only=True)
class Record:
    id: str
    properties: dict[str, str | None]
    created_at: str
    updated_at: str
    archived_at: str | None = None
    published_at: float = LONG_AGO
    """When the index took the change over, by the sandbox's clock; search shows it after its lag."""
    raw: object = NOT_RAW
    """What lists show in this record's place, for shapes that HubSpot should never send."""

    @property
    def archived(self) -> bool:
        return self.archived_at is not None

    @property
    def updated_ms(self) -> int:
        return parse_milliseconds(self.updated_at)


def id_order(record_id: str) -> tuple[int, str]:
    """Return a sort key of decimal ids by their number, without a limit on their length."""
    return len(record_id), record_id


def _by_modification(record: Record) -> tuple[int, tuple[int, str]]:
    return record.updated_ms, id_order(record.id)


_milliseconds_of = itemgetter(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    records: list[Record]
    after: str | None


class ObjectTable:
    """The records of one type, live and archived apart, each in the order of their ids."""

    def __init__(self, kind: ObjectType) -> None:
        self.kind = kind
        self.schema: dict[str, Property] = dict(standard_properties(kind.plural))
        self.version = 0
        self._records: dict[str, Record] = {}
        self._order: dict[bool, list[tuple[int, str]]] = {False: [], True: []}
        self._aliases: dict[str, str] = {}
        self._highest = (0, "0")
        self._modified: list[tuple[int, tuple[int, str]]] | None = None
        """Live records by their modified date; made when it is first asked for, kept from then on."""

    def load(self, records: Iterable[Record]) -> None:
        """Fill an empty table at once; later changes go through `put`."""
        for record in records:
            self._keep(record)
        for archived, order in self._order.items():
            order.extend(sorted(id_order(r.id) for r in self._records.values() if r.archived is archived))

    def put(self, record: Record) -> None:
        self.remove(record.id)
        self._keep(record)
        insort(self._order[record.archived], id_order(record.id))
        if self._modified is not None and not record.archived:
            insort(self._modified, _by_modification(record))
        self.version += 1

    def remove(self, record_id: str) -> bool:
        record = self._records.pop(record_id, None)
        if record is None:
            return False
        order = self._order[record.archived]
        del order[bisect_left(order, id_order(record_id))]
        if self._modified is not None and not record.archived:
            del self._modified[bisect_left(self._modified, _by_modification(record))]
        self.version += 1
        return True

    def alias(self, old_id: str, new_id: str) -> None:
        """Let `old_id` find the record of `new_id` from now on, as after a merge."""
        self._aliases[old_id] = new_id

    def find(self, record_id: str, *, archived: bool = False) -> Record | None:
        while record_id in self._aliases:
            record_id = self._aliases[record_id]
        record = self._records.get(record_id)
        return record if record is not None and record.archived is archived else None

    def is_live(self, record_id: str) -> bool:
        record = self._records.get(record_id)
        return record is not None and not record.archived

    def holds(self, record_id: str) -> bool:
        """Return whether a record, live or archived, has this very id."""
        return record_id in self._records

    def live(self) -> Iterator[Record]:
        return (self._records[record_id] for _, record_id in self._order[False])

    def live_modified(self, low: float, high: float) -> Iterator[Record]:
        """Return live records modified between two moments in milliseconds, both included, in the order of their ids."""
        if self._modified is None:
            self._modified = sorted(map(_by_modification, self.live()))
        start = bisect_left(self._modified, low, key=_milliseconds_of)
        end = bisect_right(self._modified, high, key=_milliseconds_of)
        return (self._records[order[1]] for order in sorted(order for _, order in self._modified[start:end]))

    def all(self) -> Iterator[Record]:
        """Return live and archived records in the order of their ids."""
        return (self._records[record_id] for _, record_id in sorted(chain(*self._order.values())))

    def pick(self, rng: Random, *, archived: bool = False) -> Record | None:
        """Draw a record; None when there is none."""
        order = self._order[archived]
        return self._records[rng.choice(order)[1]] if order else None

    def next_id(self) -> str:
        """Return an id above every one there was: HubSpot never gives an id twice."""
        return str(int(self._highest[1]) + 1)

    def page(self, after: str | None, limit: int, *, archived: bool, overlap: int = 0) -> Page:
        """Return up to `limit` records from the id `after` on; `overlap` repeats that many of the page before."""
        order = self._order[archived]
        start = 0 if after is None else bisect_left(order, id_order(after))
        end = start + limit
        records = [self._records[record_id] for _, record_id in order[max(start - overlap, 0) : end]]
        return Page(records=records, after=order[end][1] if end < len(order) else None)

    def _keep(self, record: Record) -> None:
        self._complete(record)
        self._records[record.id] = record
        self._highest = max(self._highest, id_order(record.id))

    def _complete(self, record: Record) -> None:
        """Add the properties HubSpot keeps itself, and define the ones it has not seen."""
        record.properties |= {
            "createdate": record.created_at,
            "hs_lastmodifieddate": record.updated_at,
            "hs_object_id": record.id,
        }
        if self.kind.modified_property == "lastmodifieddate":
            record.properties["lastmodifieddate"] = record.updated_at
        for name in record.properties.keys() - self.schema.keys():
            self.schema[name] = custom_property(name)


@dataclass(slots=True)
class Links:
    """Associations: given once, readable from both sides."""

    _to: dict[tuple[str, str], dict[str, dict[str, bool]]] = field(default_factory=dict)

    def put(self, source: str, source_id: str, target: str, associations: Iterable[Association]) -> None:
        """Replace what `source_id` is associated with among `target` (both are plural type names)."""
        for gone in self._side(source, target).pop(source_id, {}):
            self._side(target, source).get(gone, {}).pop(source_id, None)
        for association in associations:
            self.add(source, source_id, target, association)

    def add(self, source: str, source_id: str, target: str, association: Association) -> None:
        known = self._side(source, target).setdefault(source_id, {})
        primary = association.primary or known.get(association.id, False)
        known[association.id] = primary
        self._side(target, source).setdefault(association.id, {})[source_id] = primary

    def drop(self, source: str, source_id: str) -> None:
        """Forget every association of a record, on both sides."""
        for known, target in list(self._to):
            if known == source:
                self.put(source, source_id, target, ())

    def of(self, source: str, source_id: str, target: str) -> Mapping[str, bool]:
        """Return ids among `target`, each with whether the association is primary."""
        return self._side(source, target).get(source_id, {})

    def _side(self, source: str, target: str) -> dict[str, dict[str, bool]]:
        return self._to.setdefault((source, target), {})


class Store:
    def __init__(self) -> None:
        self.tables = {kind.plural: ObjectTable(kind) for kind in OBJECT_TYPES}
        self.links = Links()

    def linked(self, source: ObjectType, source_id: str, target: ObjectType) -> list[tuple[str, bool]]:
        """Return live targets of a live record in id order, each with whether it is primary."""
        if not self.tables[source.plural].is_live(source_id):
            return []
        table = self.tables[target.plural]
        found = self.links.of(source.plural, source_id, target.plural).items()
        return sorted((pair for pair in found if table.is_live(pair[0])), key=lambda pair: id_order(pair[0]))

    def move_links(self, source: ObjectType, old_id: str, new_id: str, *, keep_primary: bool) -> None:
        """Give one record's associations to another; the primary ones stay primary only with `keep_primary`."""
        for target in self.tables:
            moved = dict(self.links.of(source.plural, old_id, target))
            self.links.put(source.plural, old_id, target, ())
            for target_id, primary in moved.items():
                association = Association(id=target_id, primary=primary and keep_primary)
                self.links.add(source.plural, new_id, target, association)
