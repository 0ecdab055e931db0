"""One Salesforce org in the sandbox: its records, and every operation that changes them."""

import re
from collections.abc import Iterable
from dataclasses import replace

import msgspec

from crm_sandbox.clock import SandboxClock
from crm_sandbox.datasets import Association, Dataset
from crm_sandbox.faults.failure_profiles import FailureSampler
from crm_sandbox.salesforce.datasets.loading import export_records, load
from crm_sandbox.salesforce.flags import Flags
from crm_sandbox.salesforce.org.admin_user import ADMIN_USER_ID
from crm_sandbox.salesforce.org.ids import full_id, numbered_id
from crm_sandbox.salesforce.org.opportunity_stages import OpportunityStages
from crm_sandbox.salesforce.org.person_accounts import (
    FieldUpdate,
    is_person_account,
    propagate_change,
    validate_account_id,
)
from crm_sandbox.salesforce.org.records import (
    RecordChange,
    RowBuilder,
    parse_properties,
    parse_timestamp,
    require_object_name,
)
from crm_sandbox.salesforce.org.setup_objects import SETUP_ROWS
from crm_sandbox.salesforce.org.store import Row, Table
from crm_sandbox.salesforce.sobjects.schema import OBJECT_NAMES, Value

ROLES = "OpportunityContactRole"
_CHILDREN = {
    "Account": (("Contact", "AccountId"), ("Opportunity", "AccountId")),
    "Contact": ((ROLES, "ContactId"),),
    "Opportunity": ((ROLES, "OpportunityId"),),
}
"""Records that refer to a record and are deleted with it (for accounts: Salesforce Help, "Delete Accounts")."""
_PARENTS: dict[str, list[tuple[str, str]]] = {
    name: [
        (field, parent)
        for parent, children in _CHILDREN.items()
        for child, field in children
        if child == name
    ]
    for name in ("Account", "Contact", "Opportunity", ROLES)
}
_MERGEABLE = ("Account", "Contact")


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
        self.stages = OpportunityStages()
        self.tables = {name: Table(name) for name in OBJECT_NAMES}
        self._row_builder = RowBuilder(self.stages, ADMIN_USER_ID)
        load(self, dataset, self._row_builder)

    def upsert(self, change: RecordChange) -> str:
        """Create or update a record and return its id."""
        table = self.tables[require_object_name(change.object_name)]
        row_id = table.next_id() if change.id is None else full_id(change.id)
        if row_id is None:
            raise ValueError(f"id is {change.id!r}; Salesforce's ids have 15 or 18 characters.")
        old = table.rows.get(row_id)
        values = parse_properties(table, change.properties)
        if table.object_name == "Opportunity" and "StageName" in values:
            values.setdefault("Probability", None)
        row = self._build_row(table, row_id, {**(old.fields if old else {}), **values}, change, old)
        if change.raw is not msgspec.UNSET:
            row = replace(row, raw=change.raw)
        validate_account_id(self.tables, table.object_name, old, row)
        table.put(row, self._oldest_read())
        for update in propagate_change(self.tables, table.object_name, old, row):
            self._apply(update)
        if "Contact" in change.associations:
            self.set_roles(row_id, change.associations["Contact"])
        return row_id

    def table(self, name: str) -> Table:
        """Return an object's table; those of the org's set-up are built anew at each call."""
        table = self.tables[name]
        if name in SETUP_ROWS:
            table.rows = {
                row.id: row for row in SETUP_ROWS[name](self.account_number, self.name, self.stages)
            }
        return table

    def touch(self, name: str, row_id: str) -> bool:
        """Move SystemModstamp alone, as a background job does; False when there is no live record."""
        table = self.tables[require_object_name(name)]
        row = table.find(row_id)
        if row is not None:
            self._update(table, row, {})
        return row is not None

    def delete(self, name: str, row_id: str) -> bool:
        """Move a live record and its children to the recycle bin; False when there is none.

        Account and contact of a person account are deleted together, whichever of them is named.
        """
        table = self.tables[require_object_name(name)]
        row = table.find(row_id)
        if table.object_name == "Contact" and row is not None and is_person_account(row):
            return self.delete("Account", str(row.fields["AccountId"]))
        if row is None or "IsDeleted" not in table.fields:
            return False
        self._move_to_bin(table, row, None)
        return True

    def undelete(self, name: str, row_id: str) -> bool:
        """Restore a record and the children that were deleted with it; False when it cannot be restored by itself.

        A child that was deleted with its parent is restored with that parent only, and a record that a merge deleted
        never. A reference to a record that is not live any more is cleared.
        """
        table = self.tables[require_object_name(name)]
        row = table.find(row_id, deleted=True)
        if row is None or row.deleted_with is not None or row.fields.get("MasterRecordId") is not None:
            return False
        return self._restore(table, row)

    def erase(self, name: str, row_id: str) -> bool:
        """Delete a record for good, live or in the recycle bin; False when there is none.

        Account and contact of a person account are erased together, whichever of them is named.
        """
        table = self.tables[require_object_name(name)]
        row = table.rows.get(row_id)
        if row is None:
            return False
        if (
            table.object_name == "Contact"
            and is_person_account(row)
            and row.fields.get("MasterRecordId") is None
        ):
            account = self.tables["Account"]
            self._erase(account, account.rows[str(row.fields["AccountId"])])
        else:
            self._erase(table, row)
        return True

    def _erase(self, table: Table, row: Row) -> None:
        if not row.is_deleted:
            self.delete(table.object_name, row.id)
        deleted_with_it = [
            (self.tables[child_name], child)
            for child_name, _ in _CHILDREN.get(table.object_name, ())
            for child in self.tables[child_name].rows.values()
            if child.deleted_with == row.id
        ]
        for child_table, child in deleted_with_it:
            self._erase(child_table, child)
        table.erase(row.id)

    def merge(self, name: str, primary: str, other: str) -> str:
        """Merge two live accounts or contacts; return the id of the first, which survives with its own values.

        The second moves to the recycle bin with MasterRecordId set. References to it are changed to the survivor, and
        SystemModstamp moves on all of them. Person accounts merge with person accounts only, named by their Accounts;
        their contacts are merged as well.
        """
        kind = require_object_name(name)
        table = self.tables[kind]
        survivor, merged = table.find(primary), table.find(other)
        if kind not in _MERGEABLE or survivor is None or merged is None or survivor is merged:
            raise ValueError(f"{primary} and {other} are not two live Accounts or Contacts.")
        if is_person_account(survivor) is not is_person_account(merged) or (
            is_person_account(survivor) and kind == "Contact"
        ):
            raise ValueError(
                f"{primary} and {other} are not two person accounts, nor two business accounts or contacts."
            )
        if is_person_account(survivor):
            contacts = self.tables["Contact"]
            pair = [contacts.rows[str(account.fields["PersonContactId"])] for account in (survivor, merged)]
            self._merge_rows(contacts, *pair)
        self._merge_rows(table, survivor, merged)
        return primary

    def _merge_rows(self, table: Table, survivor: Row, merged: Row) -> None:
        for child_name, field in _CHILDREN[table.object_name]:
            for child in self._children(child_name, field, merged.id):
                self._update(self.tables[child_name], child, {field: survivor.id})
        self._delete_duplicate_roles(survivor.id)
        self._update(table, survivor, {})
        self._move_to_bin(table, merged, None, {"MasterRecordId": survivor.id})

    def set_roles(self, opportunity_id: str, contacts: Iterable[Association]) -> None:
        """Replace an opportunity's contact roles; one that is in both sets keeps its row."""
        table = self.tables[ROLES]
        wanted = {found: one.primary for one in contacts if (found := full_id(one.id)) is not None}
        for role in self._children(ROLES, "OpportunityId", opportunity_id):
            primary = wanted.pop(str(role.fields["ContactId"]), None)
            if primary is None:
                self._move_to_bin(table, role, None)
            elif primary is not role.fields["IsPrimary"]:
                self._update(table, role, {"IsPrimary": primary})
        for contact_id, primary in wanted.items():
            properties: dict[str, Value] = {
                "OpportunityId": opportunity_id,
                "ContactId": contact_id,
                "IsPrimary": primary,
            }
            self.upsert(RecordChange(object_name=ROLES, properties=properties))

    def snapshot(self) -> Dataset:
        """Return all records, live and deleted, as a dataset to start another sandbox with."""
        return Dataset(name=self.name, account_id=self.account_number, records=tuple(export_records(self)))

    def _build_row(
        self, table: Table, row_id: str, values: dict[str, Value], change: RecordChange, old: Row | None
    ) -> Row:
        modified = parse_timestamp(change.updated_at) if change.updated_at else int(self.clock.now())
        created = modified if old is None else old.created_date
        if change.created_at:
            created = parse_timestamp(change.created_at)
        deleted = change.archived and "IsDeleted" in table.fields
        if change.archived and not deleted:
            values["IsActive"] = False
        if old is not None and old.is_deleted:
            table.forget_deletion(row_id)
        if deleted:
            table.log_deletion(row_id, modified)
        return self._row_builder.row(
            table,
            row_id,
            values,
            created=created,
            modified=modified,
            deleted_at=self.clock.now() if deleted else None,
            visible_from=self._visible_from(),
        )

    def _apply(self, update: FieldUpdate) -> None:
        table = self.tables[update.object_name]
        row, now = table.rows.get(update.id), int(self.clock.now())
        if row is None:
            row = self._row_builder.row(
                table, update.id, update.values, created=now, modified=now, visible_from=self._visible_from()
            )
            table.put(row, self._oldest_read())
        elif {**row.fields, **update.values} != row.fields:
            self._update(table, row, update.values)

    def _update(self, table: Table, row: Row, values: dict[str, Value]) -> None:
        """Set values and move SystemModstamp; LastModifiedDate moves only when there are values."""
        now = int(self.clock.now())
        moved = dict.fromkeys(("SystemModstamp", "LastModifiedDate") if values else ("SystemModstamp",), now)
        table.put(
            replace(row, fields={**row.fields, **values, **moved}, visible_from=self._visible_from()),
            self._oldest_read(),
        )

    def _move_to_bin(
        self, table: Table, row: Row, deleted_with: str | None, values: dict[str, Value] | None = None
    ) -> None:
        now = self.clock.now()
        for child_name, field in _CHILDREN.get(table.object_name, ()):
            for child in self._children(child_name, field, row.id):
                self._move_to_bin(self.tables[child_name], child, row.id)
        fields = {**row.fields, **(values or {}), "IsDeleted": True, "SystemModstamp": int(now)}
        deleted = replace(
            row, fields=fields, deleted_at=now, deleted_with=deleted_with, visible_from=self._visible_from()
        )
        table.put(deleted, self._oldest_read())
        table.log_deletion(row.id, int(now))

    def _restore(self, table: Table, row: Row) -> bool:
        dangling = [
            field
            for field, other in _PARENTS[table.object_name]
            if self._is_dangling(other, row.fields.get(field))
        ]
        if dangling and table.object_name == ROLES:
            return False
        now = int(self.clock.now())
        fields = {**row.fields, **dict.fromkeys(dangling), "IsDeleted": False, "SystemModstamp": now}
        restored = replace(
            row, fields=fields, deleted_at=None, deleted_with=None, visible_from=self._visible_from()
        )
        table.put(restored, self._oldest_read())
        table.forget_deletion(row.id)
        # in the reverse order of deletion: a role was deleted with the first of its two parents
        for child_name, _ in reversed(_CHILDREN.get(table.object_name, ())):
            children = [one for one in self.tables[child_name].rows.values() if one.deleted_with == row.id]
            for child in children:
                self._restore(self.tables[child_name], child)
        return True

    def _is_dangling(self, name: str, reference: Value) -> bool:
        return reference is not None and self.tables[name].find(str(reference)) is None

    def _children(self, name: str, field: str, parent_id: str) -> list[Row]:
        return [row for row in self.tables[name].live_rows() if row.fields.get(field) == parent_id]

    def _delete_duplicate_roles(self, contact_id: str) -> None:
        """Keep one role of a merged contact in each opportunity."""
        seen: set[Value] = set()
        for role in self._children(ROLES, "ContactId", contact_id):
            opportunity = role.fields["OpportunityId"]
            if opportunity in seen:
                self._move_to_bin(self.tables[ROLES], role, None)
            seen.add(opportunity)

    def _visible_from(self) -> float:
        return self.clock.now() + self.publication.draw_delay()

    def _oldest_read(self) -> float:
        """Return the earliest time that a query may still read as of; newer versions are visible to every reader."""
        slowest = max(self.flags.publish_lag_seconds, self.publication.profile.late_seconds[1])
        return self.clock.now() - slowest
