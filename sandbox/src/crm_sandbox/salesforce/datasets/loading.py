"""Load a dataset's records into an org, and export an org's records to a dataset."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Protocol

from crm_sandbox.clock import SandboxClock
from crm_sandbox.datasets import HUBSPOT, Dataset, DatasetError, DatasetRecord
from crm_sandbox.salesforce.datasets.from_hubspot import convert_from_hubspot
from crm_sandbox.salesforce.flags import Flags
from crm_sandbox.salesforce.org import person_accounts
from crm_sandbox.salesforce.org.admin_user import ADMIN_USER_FIELDS, ADMIN_USER_ID, ORG_CREATED_AT
from crm_sandbox.salesforce.org.ids import full_id
from crm_sandbox.salesforce.org.person_accounts import is_person_account
from crm_sandbox.salesforce.org.records import (
    SYSTEM_FIELDS,
    RowBuilder,
    export_properties,
    parse_properties,
    parse_timestamp,
)
from crm_sandbox.salesforce.org.store import Row, Table
from crm_sandbox.salesforce.org.timestamps import format_csv_datetime
from crm_sandbox.salesforce.sobjects.schema import Value

EXPORTED = ("User", "Account", "Contact", "Opportunity", "OpportunityContactRole")


class LoadableOrg(Protocol):
    tables: dict[str, Table]
    clock: SandboxClock
    flags: Flags


def load(org: LoadableOrg, dataset: Dataset, writer: RowBuilder) -> None:
    """Fill an empty org; raise DatasetError for a record that it cannot hold."""
    records = (
        convert_from_hubspot(dataset, person_accounts=org.flags.person_accounts)
        if dataset.record_format is HUBSPOT
        else dataset.records
    )
    with_roles: list[DatasetRecord] = []
    for record in records:
        try:
            _load_record(org, record, writer)
        except ValueError as error:
            raise DatasetError(f"{record.object} {record.id}: {error}") from error
        if record.associations:
            with_roles.append(record)
    for account in [row for row in org.tables["Account"].rows.values() if is_person_account(row)]:
        _complete_person_account(org, account, writer)
    for record in with_roles:
        _load_roles(org, record, writer)
    if ADMIN_USER_ID not in org.tables["User"].rows:
        users = org.tables["User"]
        users.put(
            writer.row(
                users, ADMIN_USER_ID, ADMIN_USER_FIELDS, created=ORG_CREATED_AT, modified=ORG_CREATED_AT
            )
        )


def _load_record(org: LoadableOrg, record: DatasetRecord, writer: RowBuilder) -> None:
    table = org.tables[record.object]
    row_id = full_id(record.id)
    if row_id is None:
        raise ValueError("the last three characters of its id do not belong to the others.")
    values = parse_properties(
        table, {name: value for name, value in record.properties.items() if name not in SYSTEM_FIELDS}
    )
    if record.archived and record.object == "User":
        values["IsActive"] = False
    modified = parse_timestamp(record.updated_at)
    deleted = record.archived and "IsDeleted" in table.fields
    table.put(
        writer.row(
            table,
            row_id,
            values,
            created=parse_timestamp(record.created_at),
            modified=modified,
            deleted_at=org.clock.now() if deleted else None,
        )
    )
    if deleted:
        table.log_deletion(row_id, modified)


def _complete_person_account(org: LoadableOrg, account: Row, writer: RowBuilder) -> None:
    """Give both records of a person account the same values; their timestamps stay."""
    try:
        updates = person_accounts.propagate_change(org.tables, "Account", None, account)
    except ValueError as error:
        raise DatasetError(f"Account {account.id}: {error}") from error
    for name, row_id, values in updates:
        row = org.tables[name].rows.get(row_id) or writer.row(
            org.tables[name],
            row_id,
            values,
            created=account.created_date,
            modified=account.system_modstamp,
            deleted_at=account.deleted_at,
        )
        org.tables[name].put(replace(row, fields={**row.fields, **values}))


def _load_roles(org: LoadableOrg, record: DatasetRecord, writer: RowBuilder) -> None:
    table = org.tables["OpportunityContactRole"]
    modified = parse_timestamp(record.updated_at)
    for association in record.associations.get("Contact", ()):
        values: dict[str, Value] = {
            "OpportunityId": full_id(record.id),
            "ContactId": full_id(association.id),
            "IsPrimary": association.primary,
        }
        deleted_at = org.clock.now() if record.archived else None
        row = writer.row(
            table, table.next_id(), values, created=modified, modified=modified, deleted_at=deleted_at
        )
        table.put(row)


def export_records(org: LoadableOrg) -> Iterator[DatasetRecord]:
    """Export live and deleted records in the order of their ids; contact roles are records of their own."""
    for name in EXPORTED:
        table = org.tables[name]
        for row_id in sorted(table.rows):
            row = table.rows[row_id]
            yield DatasetRecord(
                object=name,
                id=row.id,
                properties=export_properties(table, row),
                created_at=format_csv_datetime(row.created_date),
                updated_at=format_csv_datetime(row.system_modstamp),
                archived=row.is_deleted,
            )
