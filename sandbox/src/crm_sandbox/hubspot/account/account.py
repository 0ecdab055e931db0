"""One HubSpot account in the sandbox: its records, its owners, its rate limits and its quirks."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import msgspec

from crm_sandbox.clock import SandboxClock, format_iso, parse_milliseconds
from crm_sandbox.datasets import HUBSPOT, Association, Dataset, DatasetError, DatasetRecord
from crm_sandbox.hubspot.account.snapshot import read_dataset_records, to_record
from crm_sandbox.hubspot.account.store import Record, Store
from crm_sandbox.hubspot.objects.object_types import CONTACTS, ObjectType, object_type
from crm_sandbox.hubspot.objects.search_index import SearchIndex
from crm_sandbox.hubspot.rate_limits import REQUESTS_PER_WINDOW, SEARCHES_PER_SECOND, RateLimits
from crm_sandbox.hubspot.webhooks import events
from crm_sandbox.state import CommonFlags

UTC_OFFSET_MILLISECONDS = -14_400_000
MERGED_IDS = "hs_merged_object_ids"


@dataclass(slots=True, kw_only=True)
class Flags(CommonFlags):
    """What the admin API can change while the sandbox runs, by the same names."""

    rotate_refresh_tokens: bool = False
    duplicate_across_pages: bool = False
    string_association_ids: bool = False
    association_page_size: int = 500
    search_lag_seconds: float = 0.0
    requests_per_window: int = REQUESTS_PER_WINDOW
    searches_per_second: int = SEARCHES_PER_SECOND


class RecordChange(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A record to create or to change.

    Properties are laid over those it has; `associations` replace the ones to the types they name; `raw` is
    any JSON, shown in lists in the record's place.
    """

    object_name: str = msgspec.field(name="object")
    id: str | None = None
    properties: dict[str, str | None] = {}
    associations: dict[str, list[Association]] = {}
    created_at: str | None = None
    updated_at: str | None = None
    archived: bool = False
    raw: object = msgspec.UNSET


class Account:
    def __init__(self, dataset: Dataset, clock: SandboxClock, flags: Flags) -> None:
        self.portal_id = dataset.account_id
        self.name = dataset.name
        self.clock = clock
        self.flags = flags
        self.limits = RateLimits.hubspot(flags.requests_per_window, flags.searches_per_second)
        self.store = Store()
        self.index = SearchIndex()
        self.on_event: events.Listener = lambda _event: None
        self.owners: dict[str, DatasetRecord] = {}
        self._overrides = dataset.account
        self._load(dataset)

    def details(self) -> dict[str, object]:
        """Return the body of the account details endpoint."""
        return {
            "portalId": self.portal_id,
            "accountType": "DEVELOPER_TEST",
            "timeZone": "US/Eastern",
            "companyCurrency": "USD",
            "additionalCurrencies": ["EUR", "GBP"],
            "utcOffset": "-04:00",
            "utcOffsetMilliseconds": UTC_OFFSET_MILLISECONDS,
            "uiDomain": "app.hubspot.com",
            "dataHostingLocation": "na1",
        } | dict(self._overrides)

    def details_v3(self) -> dict[str, object]:
        """Return the body of v3's account details, which alone have the name and the age of an account."""
        return {
            "portalName": self.name,
            "createdAt": parse_milliseconds("2020-01-01T00:00:00Z"),
        } | self.details()

    def record_url(self, kind: ObjectType, record_id: str) -> str:
        return f"https://app.hubspot.com/contacts/{self.portal_id}/record/{kind.type_id}/{record_id}"

    def deal_stages(self) -> set[tuple[str, str]]:
        """Return every (pipeline, stage) that a deal is in."""
        deals = (record.properties for record in self.store.tables["deals"].live())
        return {
            (pipeline, stage)
            for values in deals
            if (pipeline := values.get("pipeline")) and (stage := values.get("dealstage"))
        }

    def upsert(self, change: RecordChange) -> str:
        """Create or change a record, or an owner, now; return its id."""
        if change.object_name == "owners":
            return self._upsert_owner(change)
        kind = object_type(change.object_name)
        table = self.store.tables[kind.plural]
        record_id = change.id or table.next_id()
        if not (record_id.isascii() and record_id.isdigit()):
            raise ValueError(f"id is {record_id!r}; HubSpot's ids are digits.")
        old = table.find(record_id) or table.find(record_id, archived=True)
        record = self._apply_change(change, record_id, old)
        table.put(record)
        self._emit(*_diff_records(kind, old, record))
        for target, associations in change.associations.items():
            self.associate(kind.plural, record_id, target, associations)
        return record_id

    def associate(
        self, source: str, source_id: str, target: str, associations: Iterable[Association]
    ) -> None:
        """Replace a record's associations to one type, without touching its modified date."""
        one, other = object_type(source), object_type(target)
        links = self.store.links
        before = dict(links.of(one.plural, source_id, other.plural))
        links.put(one.plural, source_id, other.plural, associations)
        after = links.of(one.plural, source_id, other.plural)
        self._emit(*events.association_changes(one, source_id, other, before, after))

    def archive(self, object_name: str, record_id: str) -> bool:
        """Archive a live record now; False when there is none."""
        return self._move(object_name, record_id, archived=True)

    def restore(self, object_name: str, record_id: str) -> bool:
        """Bring an archived record back with its associations; False when there is none."""
        return self._move(object_name, record_id, archived=False)

    def delete(self, object_name: str, record_id: str) -> bool:
        """Remove a record from every list, live and archived, with its associations."""
        return self._erase(object_type(object_name), record_id, "deletion")

    def gdpr_delete(self, contact_id: str) -> bool:
        """Delete a contact for good, live or archived; False when there is none."""
        return self._erase(CONTACTS, contact_id, "privacyDeletion")

    def merge(self, object_name: str, primary: str, other: str) -> str:
        """Merge two live records into a third with a new id; both old ids find it from now on."""
        kind = object_type(object_name)
        table = self.store.tables[kind.plural]
        kept, gone = table.find(primary), table.find(other)
        if kept is None or gone is None or kept is gone:
            raise ValueError(f"{primary} and {other} are not two live {kind.plural}.")
        properties = gone.properties | {
            name: value for name, value in kept.properties.items() if value is not None
        }
        survivor = self._apply_change(
            RecordChange(
                object_name=kind.plural,
                properties=properties | {MERGED_IDS: ";".join(_merged_ids(kept) + _merged_ids(gone))},
                created_at=min(kept.created_at, gone.created_at),
            ),
            table.next_id(),
            None,
        )
        table.put(survivor)
        for old in (kept, gone):
            self.store.move_links(kind, old.id, survivor.id, keep_primary=old is kept)
            table.remove(old.id)
            table.alias(old.id, survivor.id)
        moved = sum(
            kept.properties.get(name) is None for name, value in properties.items() if value is not None
        )
        self._emit(events.merge(kind, kept.id, gone.id, survivor.id, moved))
        return survivor.id

    def snapshot(self) -> Dataset:
        """Return what the account holds now, as a dataset to start another sandbox with.

        It has this account's id. Old ids of merged records come back from `hs_merged_object_ids`; what `raw` shows is
        not part of it.
        """
        return Dataset(
            name=self.name,
            account_id=self.portal_id,
            records=(*self.owners.values(), *read_dataset_records(self.store)),
            account=self._overrides,
        )

    def _apply_change(self, change: RecordChange, record_id: str, old: Record | None) -> Record:
        updated_at = change.updated_at or format_iso(self.clock.now())
        record = Record(
            id=record_id,
            properties=(old.properties if old else {}) | change.properties,
            created_at=change.created_at or (old.created_at if old else updated_at),
            updated_at=updated_at,
            archived_at=updated_at if change.archived else None,
            published_at=self._draw_publish_time(),
        )
        if change.raw is not msgspec.UNSET:
            record.raw = change.raw
        return record

    def _move(self, object_name: str, record_id: str, *, archived: bool) -> bool:
        kind = object_type(object_name)
        table = self.store.tables[kind.plural]
        record = table.find(record_id, archived=not archived)
        if record is None:
            return False
        now = format_iso(self.clock.now())
        moved = replace(
            record,
            properties=dict(record.properties),
            archived_at=now if archived else None,
            updated_at=now,
            published_at=self._draw_publish_time(),
        )
        table.put(moved)
        self._emit(*_diff_records(kind, record, moved))
        return True

    def _erase(self, kind: ObjectType, record_id: str, what: str) -> bool:
        table = self.store.tables[kind.plural]
        record = table.find(record_id) or table.find(record_id, archived=True)
        if record is None:
            return False
        self.store.links.drop(kind.plural, record.id)
        table.remove(record.id)
        self._emit(events.lifecycle(kind, what, record.id))
        return True

    def _draw_publish_time(self) -> float:
        return self.clock.now() + self.index.draw_delay()

    def _emit(self, *occurrences: events.Occurrence) -> None:
        now = self.clock.now()
        for subscription, details in occurrences:
            self.on_event(
                events.Event(
                    portal_id=self.portal_id, subscription=subscription, occurred_at=now, details=details
                )
            )

    def _upsert_owner(self, change: RecordChange) -> str:
        owner_id = change.id or str(max(map(int, self.owners), default=0) + 1)
        old = self.owners.get(owner_id)
        updated_at = change.updated_at or format_iso(self.clock.now())
        self.owners[owner_id] = DatasetRecord(
            object="owners",
            id=owner_id,
            properties=(old.properties if old else {}) | change.properties,
            created_at=change.created_at or (old.created_at if old else updated_at),
            updated_at=updated_at,
            archived=change.archived,
        )
        return owner_id

    def _load(self, dataset: Dataset) -> None:
        if dataset.record_format is not HUBSPOT:
            raise DatasetError(
                f"{dataset.name} holds {dataset.record_format.crm}'s records: no HubSpot account can."
            )
        for name, table in self.store.tables.items():
            mine = [record for record in dataset.records if record.object == name]
            table.load(to_record(record) for record in mine)
            for record in mine:
                for old_id in (record.properties.get(MERGED_IDS) or "").split(";"):
                    if old_id and not table.holds(old_id):
                        table.alias(old_id, record.id)
            for record in mine:
                for target, associations in record.associations.items():
                    self.store.links.put(name, record.id, target, associations)
        self.owners = {record.id: record for record in dataset.records if record.object == "owners"}


def _diff_records(kind: ObjectType, old: Record | None, new: Record) -> Iterable[events.Occurrence]:
    if old is None:
        return () if new.archived else (events.lifecycle(kind, "creation", new.id),)
    if old.archived is not new.archived:
        return (events.lifecycle(kind, "deletion" if new.archived else "restore", new.id),)
    return () if new.archived else events.property_changes(kind, new.id, old.properties, new.properties)


def _merged_ids(record: Record) -> list[str]:
    """Return what the survivor of this record's merge lists: the ids it took over itself, and its own."""
    earlier = record.properties.get(MERGED_IDS)
    return [*(earlier.split(";") if earlier else ()), record.id]
