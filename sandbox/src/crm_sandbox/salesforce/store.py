"""An org's rows: what is, what a transaction has not yet shown, and what is in the recycle bin."""

from bisect import insort
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from random import Random

from crm_sandbox.salesforce.ids import number_of, record_id
from crm_sandbox.salesforce.schema import Field, Value, custom_field, standard_fields

LONG_AGO = float("-inf")
NOT_RAW = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One version of a record. A change makes another row, which knows the one before it while readers may need it."""

    fields: Mapping[str, Value]
    shown_at: float = LONG_AGO
    """From when on readers see this version, by the sandbox's clock; a lag is added to it."""
    earlier: "Row | None" = None
    binned_at: float | None = None
    binned_with: str | None = None
    """The record whose deletion took this one along, and whose return brings it back."""
    raw: object = NOT_RAW
    """What query pages show in the record's place, for shapes that Salesforce should never send."""

    @property
    def id(self) -> str:
        return str(self.fields["Id"])

    @property
    def is_deleted(self) -> bool:
        return self.binned_at is not None

    @property
    def created(self) -> int:
        """CreatedDate, in seconds since the epoch."""
        return int(self.fields["CreatedDate"] or 0)

    @property
    def stamp(self) -> int:
        """SystemModstamp, in seconds since the epoch."""
        return int(self.fields["SystemModstamp"] or 0)

    def seen_at(self, horizon: float) -> "Row | None":
        """Return the version that was there at a moment; None when there was none."""
        row: Row | None = self
        while row is not None and row.shown_at > horizon:
            row = row.earlier
        return row


@dataclass(frozen=True, slots=True, order=True)
class Deletion:
    at: int
    id: str


@dataclass(slots=True)
class Table:
    """The rows of one object, live and binned, by their ids, and the log of deletions."""

    object_name: str
    rows: dict[str, Row] = field(default_factory=dict)
    deletions: list[Deletion] = field(default_factory=list)
    fields: dict[str, Field] = field(init=False)
    _highest: int = 0
    _live: list[str] = field(default_factory=list)
    """Ids to draw from; some may be dead, and are taken out when they are drawn."""
    _binned: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.fields = dict(standard_fields(self.object_name))

    def put(self, row: Row, horizon: float = LONG_AGO) -> None:
        """Replace a record's row; what nobody can see any more, at `horizon` or later, is forgotten."""
        old = self.rows.get(row.id)
        if old is not None:
            kept = replace(old, earlier=None) if old.shown_at <= horizon else old
            row = replace(row, earlier=kept)
        self.rows[row.id] = row
        self._highest = max(self._highest, number_of(row.id))
        if old is None or old.is_deleted is not row.is_deleted:
            (self._binned if row.is_deleted else self._live).append(row.id)

    def find(self, row_id: str, *, deleted: bool = False) -> Row | None:
        row = self.rows.get(row_id)
        return row if row is not None and row.is_deleted is deleted else None

    def live(self) -> Iterator[Row]:
        return (row for row in self.rows.values() if not row.is_deleted)

    def erase(self, row_id: str) -> None:
        del self.rows[row_id]

    def log_deletion(self, row_id: str, at: int) -> None:
        insort(self.deletions, Deletion(at, row_id))

    def forget_deletion(self, row_id: str) -> None:
        self.deletions = [entry for entry in self.deletions if entry.id != row_id]

    def next_id(self) -> str:
        """Return an id above every one there was."""
        self._highest += 1
        return record_id(self.object_name, self._highest)

    def define(self, name: str) -> Field:
        """Return a field by its name; one that ends in `__c` is made when it is first told."""
        if name not in self.fields and name.endswith("__c"):
            self.fields[name] = custom_field(name)
        if name not in self.fields:
            raise ValueError(f"{self.object_name} has no field {name}.")
        return self.fields[name]

    def some(self, rng: Random, *, deleted: bool = False) -> Row | None:
        """Draw a record; None when there is none."""
        ids = self._binned if deleted else self._live
        while ids:
            place = rng.randrange(len(ids))
            if (row := self.find(ids[place], deleted=deleted)) is not None:
                return row
            ids[place] = ids[-1]
            ids.pop()
        return None
