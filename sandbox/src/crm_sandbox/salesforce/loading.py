"""Records between a dataset and an org: how they are loaded, and told again as they are now."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Protocol

from crm_sandbox.clock import SandboxClock
from crm_sandbox.datasets import HUBSPOT, Dataset, DatasetError, DatasetRecord
from crm_sandbox.salesforce import administrator, persons
from crm_sandbox.salesforce.administrator import ADMINISTRATOR, MADE_AT
from crm_sandbox.salesforce.ids import full_id
from crm_sandbox.salesforce.persons import is_person
from crm_sandbox.salesforce.presentation import as_salesforce
from crm_sandbox.salesforce.records import (
    SYSTEM_FIELDS,
    RowWriter,
    parsed,
    told_properties,
    whole_seconds,
)
from crm_sandbox.salesforce.schema import Value
from crm_sandbox.salesforce.stamps import as_bulk
from crm_sandbox.salesforce.store import Row, Table
from crm_sandbox.salesforce.switches import Flags

EXPORTED = ("User", "Account", "Contact", "Opportunity", "OpportunityContactRole")


class Loaded(Protocol):
    tables: dict[str, Table]
    clock: SandboxClock
    flags: Flags


def load(org: Loaded, dataset: Dataset, writer: RowWriter) -> None:
    """Fill an empty org; DatasetError names the record that it cannot hold."""
    with_persons = org.flags.person_accounts
    told = (
        as_salesforce(dataset, with_persons=with_persons)
        if dataset.record_format is HUBSPOT
        else dataset.records
    )
    roles: list[DatasetRecord] = []
    for record in told:
        try:
            _load_one(org, record, writer)
        except ValueError as error:
            raise DatasetError(f"{record.object} {record.id}: {error}") from error
        if record.associations:
            roles.append(record)
    for account in [row for row in org.tables["Account"].rows.values() if is_person(row)]:
        _complete_person(org, account, writer)
    for record in roles:
        _load_roles(org, record, writer)
    if ADMINISTRATOR not in org.tables["User"].rows:
        users = org.tables["User"]
        users.put(writer.row(users, ADMINISTRATOR, administrator.FIELDS, created=MADE_AT, stamp=MADE_AT))


def _load_one(org: Loaded, record: DatasetRecord, writer: RowWriter) -> None:
    table = org.tables[record.object]
    row_id = full_id(record.id)
    if row_id is None:
        raise ValueError("the last three characters of its id do not belong to the others.")
    values = parsed(
        table, {name: value for name, value in record.properties.items() if name not in SYSTEM_FIELDS}
    )
    if record.archived and record.object == "User":
        values["IsActive"] = False
    stamp = whole_seconds(record.updated_at)
    binned = record.archived and "IsDeleted" in table.fields
    table.put(
        writer.row(
            table,
            row_id,
            values,
            created=whole_seconds(record.created_at),
            stamp=stamp,
            binned_at=org.clock.now() if binned else None,
        )
    )
    if binned:
        table.log_deletion(row_id, stamp)


def _complete_person(org: Loaded, account: Row, writer: RowWriter) -> None:
    """Have both halves of a person say the same, at the stamps that they were told with."""
    try:
        overlays = persons.overlays(org.tables, "Account", None, account)
    except ValueError as error:
        raise DatasetError(f"Account {account.id}: {error}") from error
    for name, row_id, values in overlays:
        row = org.tables[name].rows.get(row_id) or writer.row(
            org.tables[name],
            row_id,
            values,
            created=account.created,
            stamp=account.stamp,
            binned_at=account.binned_at,
        )
        org.tables[name].put(replace(row, fields={**row.fields, **values}))


def _load_roles(org: Loaded, record: DatasetRecord, writer: RowWriter) -> None:
    table = org.tables["OpportunityContactRole"]
    stamp = whole_seconds(record.updated_at)
    for association in record.associations.get("Contact", ()):
        values: dict[str, Value] = {
            "OpportunityId": full_id(record.id),
            "ContactId": full_id(association.id),
            "IsPrimary": association.primary,
        }
        binned_at = org.clock.now() if record.archived else None
        row = writer.row(table, table.next_id(), values, created=stamp, stamp=stamp, binned_at=binned_at)
        table.put(row)


def told_again(org: Loaded) -> Iterator[DatasetRecord]:
    """Tell live and binned records in the order of their ids; contacts' roles as records of their own."""
    for name in EXPORTED:
        table = org.tables[name]
        for row_id in sorted(table.rows):
            yield _told(table, table.rows[row_id])


def _told(table: Table, row: Row) -> DatasetRecord:
    return DatasetRecord(
        object=table.object_name,
        id=row.id,
        properties=told_properties(table, row),
        created_at=as_bulk(row.created),
        updated_at=as_bulk(row.stamp),
        archived=row.is_deleted,
    )
