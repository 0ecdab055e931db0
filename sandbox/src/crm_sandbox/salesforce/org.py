"""One Salesforce org in the sandbox: its records and what can happen to them."""

import re
from collections.abc import Iterable
from dataclasses import replace

import msgspec

from crm_sandbox.clock import SandboxClock
from crm_sandbox.datasets import Association, Dataset
from crm_sandbox.faults.failure_profiles import FailureSampler
from crm_sandbox.salesforce import persons
from crm_sandbox.salesforce.administrator import ADMINISTRATOR
from crm_sandbox.salesforce.ids import full_id, numbered_id
from crm_sandbox.salesforce.loading import load, told_again
from crm_sandbox.salesforce.persons import is_person
from crm_sandbox.salesforce.records import RecordChange, RowWriter, object_name, parsed, whole_seconds
from crm_sandbox.salesforce.schema import OBJECT_NAMES, Value
from crm_sandbox.salesforce.setup_objects import SETUP_ROWS
from crm_sandbox.salesforce.stages import Stages
from crm_sandbox.salesforce.store import Row, Table
from crm_sandbox.salesforce.switches import Flags

ROLES = "OpportunityContactRole"
_CHILDREN = {
    "Account": (("Contact", "AccountId"), ("Opportunity", "AccountId")),
    "Contact": ((ROLES, "ContactId"),),
    "Opportunity": ((ROLES, "OpportunityId"),),
}
"""What points to a record, and goes to the recycle bin with it: for an account see the help page "Delete Accounts"."""
_PARENTS: dict[str, list[tuple[str, str]]] = {
    name: [(field, parent) for parent, found in _CHILDREN.items() for child, field in found if child == name]
    for name in ("Account", "Contact", "Opportunity", ROLES)
}
_MERGED = ("Account", "Contact")


class Org:
    def __init__(self, dataset: Dataset, clock: SandboxClock, flags: Flags) -> None:
        self.account_number = dataset.account_id
        self.org_id = numbered_id("00D", dataset.account_id)
        self.name = dataset.name
        words = re.sub(r"[^a-z0-9]+", "-", dataset.name.lower()).strip("-")[:20].strip("-") or "org"
        self.my_domain = f"{words}-{dataset.account_id % 36**4:x}"
        self.clock = clock
        self.flags = flags
        self.publication = FailureSampler()
        self.stages = Stages()
        self.tables = {name: Table(name) for name in OBJECT_NAMES}
        self._writer = RowWriter(self.stages, ADMINISTRATOR)
        load(self, dataset, self._writer)

    def upsert(self, change: RecordChange) -> str:
        """Create or change a record now; gives its id."""
        table = self.tables[object_name(change.object_name)]
        row_id = table.next_id() if change.id is None else full_id(change.id)
        if row_id is None:
            raise ValueError(f"id is {change.id!r}; Salesforce's ids have 15 or 18 characters.")
        old = table.rows.get(row_id)
        values = parsed(table, change.properties)
        if table.object_name == "Opportunity" and "StageName" in values:
            values.setdefault("Probability", None)
        row = self._versioned(table, row_id, {**(old.fields if old else {}), **values}, change, old)
        if change.raw is not msgspec.UNSET:
            row = replace(row, raw=change.raw)
        persons.require_possible(self.tables, table.object_name, old, row)
        table.put(row, self._horizon())
        for name, other_id, told in persons.overlays(self.tables, table.object_name, old, row):
            self._lay(name, other_id, told)
        if "Contact" in change.associations:
            self.set_roles(row_id, change.associations["Contact"])
        return row_id

    def table(self, name: str) -> Table:
        """Return an object's table, with what the org's set-up is at this moment in the ones that tell it."""
        table = self.tables[name]
        if name in SETUP_ROWS:
            table.rows = {
                row.id: row for row in SETUP_ROWS[name](self.account_number, self.name, self.stages)
            }
        return table

    def touch(self, name: str, row_id: str) -> bool:
        """Move SystemModstamp and nothing else, as a background job does; False when there is no live record."""
        table = self.tables[object_name(name)]
        row = table.find(row_id)
        if row is not None:
            self._change(table, row, {})
        return row is not None

    def delete(self, name: str, row_id: str) -> bool:
        """Put a live record into the recycle bin with what hangs on it; False when there is none.

        A person goes whole, whichever half is named.
        """
        table = self.tables[object_name(name)]
        row = table.find(row_id)
        if table.object_name == "Contact" and row is not None and is_person(row):
            return self.delete("Account", str(row.fields["AccountId"]))
        if row is None or "IsDeleted" not in table.fields:
            return False
        self._bin(table, row, None)
        return True

    def undelete(self, name: str, row_id: str) -> bool:
        """Bring a record back from the recycle bin with what went along; False when it is not there by itself.

        What went along with another comes back with that one only, and what a merge has deleted never. A pointer to
        a record that is not live any more is cleared.
        """
        table = self.tables[object_name(name)]
        row = table.find(row_id, deleted=True)
        if row is None or row.binned_with is not None or row.fields.get("MasterRecordId") is not None:
            return False
        return self._unbin(table, row)

    def erase(self, name: str, row_id: str) -> bool:
        """Delete a record for good, live or binned, as emptying the bin does; False when there is none.

        A person goes whole, whichever half is named.
        """
        table = self.tables[object_name(name)]
        row = table.rows.get(row_id)
        if row is None:
            return False
        if table.object_name == "Contact" and is_person(row) and row.fields.get("MasterRecordId") is None:
            account = self.tables["Account"]
            self._erase(account, account.rows[str(row.fields["AccountId"])])
        else:
            self._erase(table, row)
        return True

    def _erase(self, table: Table, row: Row) -> None:
        if not row.is_deleted:
            self.delete(table.object_name, row.id)
        along = [
            (self.tables[other], child)
            for other, _ in _CHILDREN.get(table.object_name, ())
            for child in self.tables[other].rows.values()
            if child.binned_with == row.id
        ]
        for other, child in along:
            self._erase(other, child)
        table.erase(row.id)

    def merge(self, name: str, primary: str, other: str) -> str:
        """Merge two live accounts or contacts: the first survives with its own values, and its id is given.

        The second goes to the recycle bin with MasterRecordId set; what pointed to it points to the survivor, and
        the stamps of all of them move. People merge with people, by their accounts, and so do their contacts.
        """
        kind = object_name(name)
        table = self.tables[kind]
        kept, gone = table.find(primary), table.find(other)
        if kind not in _MERGED or kept is None or gone is None or kept is gone:
            raise ValueError(f"{primary} and {other} are not two live Accounts or Contacts.")
        if is_person(kept) is not is_person(gone) or (is_person(kept) and kind == "Contact"):
            raise ValueError(f"{primary} and {other} are not two Accounts of people, nor two of companies.")
        if is_person(kept):
            contacts = self.tables["Contact"]
            halves = [contacts.rows[str(half.fields["PersonContactId"])] for half in (kept, gone)]
            self._merge_rows(contacts, *halves)
        self._merge_rows(table, kept, gone)
        return primary

    def _merge_rows(self, table: Table, kept: Row, gone: Row) -> None:
        for child_name, field in _CHILDREN[table.object_name]:
            for child in self._children(child_name, field, gone.id):
                self._change(self.tables[child_name], child, {field: kept.id})
        self._one_role_each(kept.id)
        self._change(table, kept, {})
        self._bin(table, gone, None, {"MasterRecordId": kept.id})

    def set_roles(self, opportunity_id: str, contacts: Iterable[Association]) -> None:
        """Replace an opportunity's contacts: a role that goes is deleted, one that stays keeps its row."""
        table = self.tables[ROLES]
        wanted = {found: one.primary for one in contacts if (found := full_id(one.id)) is not None}
        for role in self._children(ROLES, "OpportunityId", opportunity_id):
            primary = wanted.pop(str(role.fields["ContactId"]), None)
            if primary is None:
                self._bin(table, role, None)
            elif primary is not role.fields["IsPrimary"]:
                self._change(table, role, {"IsPrimary": primary})
        for contact_id, primary in wanted.items():
            properties: dict[str, Value] = {
                "OpportunityId": opportunity_id,
                "ContactId": contact_id,
                "IsPrimary": primary,
            }
            self.upsert(RecordChange(object_name=ROLES, properties=properties))

    def snapshot(self) -> Dataset:
        """Return what the org holds now, live and binned, as a dataset to start another sandbox with."""
        return Dataset(name=self.name, account_id=self.account_number, records=tuple(told_again(self)))

    def _versioned(
        self, table: Table, row_id: str, values: dict[str, Value], change: RecordChange, old: Row | None
    ) -> Row:
        stamp = whole_seconds(change.updated_at) if change.updated_at else int(self.clock.now())
        created = stamp if old is None else old.created
        if change.created_at:
            created = whole_seconds(change.created_at)
        binned = change.archived and "IsDeleted" in table.fields
        if change.archived and not binned:
            values["IsActive"] = False
        if old is not None and old.is_deleted:
            table.forget_deletion(row_id)
        if binned:
            table.log_deletion(row_id, stamp)
        return self._writer.row(
            table,
            row_id,
            values,
            created=created,
            stamp=stamp,
            binned_at=self.clock.now() if binned else None,
            shown_at=self._shown_at(),
        )

    def _lay(self, name: str, row_id: str, values: dict[str, Value]) -> None:
        """Lay values over a record, which is made where it is not there."""
        table = self.tables[name]
        row, now = table.rows.get(row_id), int(self.clock.now())
        if row is None:
            row = self._writer.row(table, row_id, values, created=now, stamp=now, shown_at=self._shown_at())
            table.put(row, self._horizon())
        elif {**row.fields, **values} != row.fields:
            self._change(table, row, values)

    def _change(self, table: Table, row: Row, values: dict[str, Value]) -> None:
        """Lay values over a row and move its stamp; LastModifiedDate moves only with a value."""
        stamp = int(self.clock.now())
        moved = dict.fromkeys(
            ("SystemModstamp", "LastModifiedDate") if values else ("SystemModstamp",), stamp
        )
        table.put(
            replace(row, fields={**row.fields, **values, **moved}, shown_at=self._shown_at()), self._horizon()
        )

    def _bin(self, table: Table, row: Row, along: str | None, values: dict[str, Value] | None = None) -> None:
        now = self.clock.now()
        for child_name, field in _CHILDREN.get(table.object_name, ()):
            for child in self._children(child_name, field, row.id):
                self._bin(self.tables[child_name], child, row.id)
        fields = {**row.fields, **(values or {}), "IsDeleted": True, "SystemModstamp": int(now)}
        binned = replace(row, fields=fields, binned_at=now, binned_with=along, shown_at=self._shown_at())
        table.put(binned, self._horizon())
        table.log_deletion(row.id, int(now))

    def _unbin(self, table: Table, row: Row) -> bool:
        lost = [
            field
            for field, other in _PARENTS[table.object_name]
            if self._is_lost(other, row.fields.get(field))
        ]
        if lost and table.object_name == ROLES:
            return False
        stamp = int(self.clock.now())
        fields = {**row.fields, **dict.fromkeys(lost), "IsDeleted": False, "SystemModstamp": stamp}
        back = replace(row, fields=fields, binned_at=None, binned_with=None, shown_at=self._shown_at())
        table.put(back, self._horizon())
        table.forget_deletion(row.id)
        # in the other order than they went: a role went with whichever of its two ends went first
        for other, _ in reversed(_CHILDREN.get(table.object_name, ())):
            gone = [one for one in self.tables[other].rows.values() if one.binned_with == row.id]
            for child in gone:
                self._unbin(self.tables[other], child)
        return True

    def _is_lost(self, name: str, pointer: Value) -> bool:
        return pointer is not None and self.tables[name].find(str(pointer)) is None

    def _children(self, name: str, field: str, parent_id: str) -> list[Row]:
        return [row for row in self.tables[name].live() if row.fields.get(field) == parent_id]

    def _one_role_each(self, contact_id: str) -> None:
        """Leave a merged contact one role in each opportunity."""
        seen: set[Value] = set()
        for role in self._children(ROLES, "ContactId", contact_id):
            opportunity = role.fields["OpportunityId"]
            if opportunity in seen:
                self._bin(self.tables[ROLES], role, None)
            seen.add(opportunity)

    def _shown_at(self) -> float:
        return self.clock.now() + self.publication.draw_delay()

    def _horizon(self) -> float:
        """Return the moment before which every version has been seen by everybody."""
        slowest = max(self.flags.publish_lag_seconds, self.publication.profile.late_seconds[1])
        return self.clock.now() - slowest
