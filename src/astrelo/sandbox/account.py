"""One HubSpot account in the sandbox: its records, its owners, its rate limits and its quirks."""

from dataclasses import dataclass, replace

import msgspec

from astrelo.sandbox.clock import SandboxClock, iso, milliseconds
from astrelo.sandbox.limits import REQUESTS_PER_WINDOW, SEARCHES_PER_SECOND, RateLimits
from astrelo.sandbox.object_types import ObjectType, object_type
from astrelo.sandbox.portal import Association, Portal, PortalRecord
from astrelo.sandbox.store import Record, Store

UTC_OFFSET_MILLISECONDS = -14_400_000


@dataclass(slots=True, kw_only=True)
class Switches:
    """What an administrator may change while the sandbox runs; the names are those of the admin call."""

    rotate_refresh_tokens: bool = False
    duplicate_across_pages: bool = False
    string_association_ids: bool = False
    association_page_size: int = 500
    search_lag_seconds: float = 0.0
    requests_per_window: int = REQUESTS_PER_WINDOW
    searches_per_second: int = SEARCHES_PER_SECOND
    latency_ms: float = 0.0


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
    def __init__(self, portal: Portal, clock: SandboxClock, switches: Switches) -> None:
        self.portal_id = portal.account_id
        self.name = portal.name
        self.clock = clock
        self.switches = switches
        self.limits = RateLimits.hubspot(switches.requests_per_window, switches.searches_per_second)
        self.store = Store()
        self.owners: dict[str, PortalRecord] = {}
        self._overrides = portal.account
        self._load(portal)

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
            "portalName": self.name,
            "createdAt": milliseconds("2020-01-01T00:00:00Z"),
        } | dict(self._overrides)

    def record_url(self, kind: ObjectType, record_id: str) -> str:
        return f"https://app.hubspot.com/contacts/{self.portal_id}/record/{kind.type_id}/{record_id}"

    def deal_stages(self) -> set[tuple[str, str]]:
        """Every (pipeline, stage) that a deal is in."""
        told = (record.properties for record in self.store.tables["deals"].live())
        return {
            (pipeline, stage)
            for values in told
            if (pipeline := values.get("pipeline")) and (stage := values.get("dealstage"))
        }

    def upsert(self, change: RecordChange) -> str:
        """Create or change a record, or an owner, now; gives its id."""
        if change.object_name == "owners":
            return self._upsert_owner(change)
        kind = object_type(change.object_name)
        table = self.store.tables[kind.plural]
        record_id = change.id or table.next_id()
        if not (record_id.isascii() and record_id.isdigit()):
            raise ValueError(f"id is {record_id!r}; HubSpot's ids are digits.")
        old = table.find(record_id) or table.find(record_id, archived=True)
        updated_at = change.updated_at or iso(self.clock.now())
        record = Record(
            id=record_id,
            properties=(old.properties if old else {}) | change.properties,
            created_at=change.created_at or (old.created_at if old else updated_at),
            updated_at=updated_at,
            archived_at=updated_at if change.archived else None,
            changed_at=self.clock.now(),
        )
        if change.raw is not msgspec.UNSET:
            record.raw = change.raw
        table.put(record)
        for target, associations in change.associations.items():
            self.store.links.put(kind.plural, record_id, object_type(target).plural, associations)
        return record_id

    def archive(self, object_name: str, record_id: str) -> bool:
        """Archive a live record now; False when there is none."""
        table = self.store.tables[object_type(object_name).plural]
        record = table.find(record_id)
        if record is None:
            return False
        now = iso(self.clock.now())
        table.put(replace(record, archived_at=now, updated_at=now, changed_at=self.clock.now()))
        return True

    def delete(self, object_name: str, record_id: str) -> bool:
        """Remove a record for good, as a privacy deletion does."""
        return self.store.tables[object_type(object_name).plural].remove(record_id)

    def merge(self, object_name: str, primary: str, other: str) -> str:
        """Merge two live records into a third with a new id; both old ids find it from now on."""
        kind = object_type(object_name)
        table = self.store.tables[kind.plural]
        kept, gone = table.find(primary), table.find(other)
        if kept is None or gone is None or kept is gone:
            raise ValueError(f"{primary} and {other} are not two live {kind.plural}.")
        new_id = self.upsert(
            RecordChange(
                object_name=kind.plural,
                properties=gone.properties
                | {name: value for name, value in kept.properties.items() if value is not None}
                | {"hs_merged_object_ids": f"{kept.id};{gone.id}"},
                created_at=min(kept.created_at, gone.created_at),
            )
        )
        for old in (kept, gone):
            self.store.move_links(kind, old.id, new_id, keep_primary=old is kept)
            table.remove(old.id)
            table.alias(old.id, new_id)
        return new_id

    def _upsert_owner(self, change: RecordChange) -> str:
        owner_id = change.id or str(max(map(int, self.owners), default=0) + 1)
        old = self.owners.get(owner_id)
        updated_at = change.updated_at or iso(self.clock.now())
        self.owners[owner_id] = PortalRecord(
            object="owners",
            id=owner_id,
            properties=(old.properties if old else {}) | change.properties,
            created_at=change.created_at or (old.created_at if old else updated_at),
            updated_at=updated_at,
            archived=change.archived,
        )
        return owner_id

    def _load(self, portal: Portal) -> None:
        for name, table in self.store.tables.items():
            mine = [record for record in portal.records if record.object == name]
            table.load(stored(record) for record in mine)
            for record in mine:
                for target, associations in record.associations.items():
                    self.store.links.put(name, record.id, target, associations)
        self.owners = {record.id: record for record in portal.records if record.object == "owners"}


def stored(record: PortalRecord) -> Record:
    return Record(
        id=record.id,
        properties=dict(record.properties),
        created_at=record.created_at,
        updated_at=record.updated_at,
        archived_at=record.updated_at if record.archived else None,
    )
