"""An org's rows in tables: live, deleted (in the recycle bin), and not visible to readers yet."""

from bisect import insort
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from random import Random

from crm_sandbox.salesforce.org.ids import number_of, record_id
from crm_sandbox.salesforce.sobjects.schema import Field, Value, custom_field, standard_fields

LONG_AGO = float("-inf")
NO_RAW_VALUE = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One version of a record. A change adds a version, which keeps the previous one while readers may still see it."""

    fields: Mapping[str, Value]
    visible_from: float = LONG_AGO
    """When readers begin to see this version, by the sandbox's clock; the publication lag is added to it."""
    previous: "Row | None" = None
    deleted_at: float | None = None
    deleted_with: str | None = None
    """The id of the record that was deleted together with this one; restoring that one restores this one."""
    raw: object = NO_RAW_VALUE
    """What query pages return instead of the record, for shapes that Salesforce should never send."""

    @property
    def id(self) -> str:
        return str(self.fields["Id"])

    @property
    def is_deleted(self) -> bool:
        return self.deleted_at is not None

    @property
    def created_date(self) -> int:
        """CreatedDate, in seconds since the epoch."""
        return int(self.fields["CreatedDate"] or 0)

    @property
    def system_modstamp(self) -> int:
        """SystemModstamp, in seconds since the epoch."""
        return int(self.fields["SystemModstamp"] or 0)

    def version_at(self, time: float) -> "Row | None":
        """Return the version that readers saw at that time; None when they saw none."""
        row: Row | None = self
        while row is not None and row.visible_from > time:
            row = row.previous
        return row


@dataclass(frozen=True, slots=True, order=True)
class Deletion:
    time: int
    id: str


@dataclass(slots=True)
class Table:
    """The rows of one object, live and deleted, by their ids, and the log of deletions."""

    object_name: str
    rows: dict[str, Row] = field(default_factory=dict)
    deletions: list[Deletion] = field(default_factory=list)
    fields: dict[str, Field] = field(init=False)
    _highest: int = 0
    _live: list[str] = field(default_factory=list)
    """Ids to choose from; one that is not live any more is removed when it is chosen."""
    _deleted: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.fields = dict(standard_fields(self.object_name))

    def put(self, row: Row, oldest_read: float = LONG_AGO) -> None:
        """Replace a record's row; versions that no reader can see at `oldest_read` or later are dropped."""
        old = self.rows.get(row.id)
        if old is not None:
            kept = replace(old, previous=None) if old.visible_from <= oldest_read else old
            row = replace(row, previous=kept)
        self.rows[row.id] = row
        self._highest = max(self._highest, number_of(row.id))
        if old is None or old.is_deleted is not row.is_deleted:
            (self._deleted if row.is_deleted else self._live).append(row.id)

    def find(self, row_id: str, *, deleted: bool = False) -> Row | None:
        row = self.rows.get(row_id)
        return row if row is not None and row.is_deleted is deleted else None

    def live_rows(self) -> Iterator[Row]:
        return (row for row in self.rows.values() if not row.is_deleted)

    def erase(self, row_id: str) -> None:
        del self.rows[row_id]

    def log_deletion(self, row_id: str, time: int) -> None:
        insort(self.deletions, Deletion(time, row_id))

    def forget_deletion(self, row_id: str) -> None:
        self.deletions = [entry for entry in self.deletions if entry.id != row_id]

    def next_id(self) -> str:
        """Return an id greater than every id so far."""
        self._highest += 1
        return record_id(self.object_name, self._highest)

    def get_or_create_field(self, name: str) -> Field:
        """Return a field by its name; an unknown one is created when it ends in `__c`, else ValueError."""
        if name not in self.fields and name.endswith("__c"):
            self.fields[name] = custom_field(name)
        if name not in self.fields:
            raise ValueError(f"{self.object_name} has no field {name}.")
        return self.fields[name]

    def choose(self, rng: Random, *, deleted: bool = False) -> Row | None:
        """Choose a record at random; None when there is none."""
        ids = self._deleted if deleted else self._live
        while ids:
            index = rng.randrange(len(ids))
            if (row := self.find(ids[index], deleted=deleted)) is not None:
                return row
            ids[index] = ids[-1]
            ids.pop()
        return None
