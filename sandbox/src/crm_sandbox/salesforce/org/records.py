"""Changes of records as they come from outside, and the rows that they make."""

from collections.abc import Mapping

import msgspec

from crm_sandbox.clock import parse_milliseconds
from crm_sandbox.datasets import Association
from crm_sandbox.salesforce.org.opportunity_stages import OpportunityStages
from crm_sandbox.salesforce.org.store import LONG_AGO, Row, Table
from crm_sandbox.salesforce.org.timestamps import format_csv_datetime
from crm_sandbox.salesforce.sobjects.schema import Value, find_object_name

SYSTEM_FIELDS = ("Id", "IsDeleted", "CreatedDate", "LastModifiedDate", "SystemModstamp")
_COMPUTED = {
    "Account": ("PersonContactId",),
    "Contact": ("Name", "IsPersonAccount"),
    "User": ("Name",),
    "Opportunity": ("IsClosed", "IsWon", "ForecastCategoryName"),
}


class RecordChange(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A record to create or to update.

    Properties replace the fields of the same name; values are numbers, booleans or text, datetimes and dates ISO
    text, and a name that ends in `__c` is a custom field of text. An Opportunity's associations replace its contact
    roles; the primary one is first or has the flag. `raw` is any JSON that query pages return instead of the record.
    """

    object_name: str = msgspec.field(name="object")
    id: str | None = None
    properties: Mapping[str, Value] = {}
    associations: dict[str, list[Association]] = {}
    created_at: str | None = None
    updated_at: str | None = None
    archived: bool = False
    raw: object = msgspec.UNSET


def require_object_name(name: str) -> str:
    """Return an object's own spelling; ValueError when there is no such object."""
    found = find_object_name(name)
    if found is None:
        raise ValueError(f"There is no object {name}.")
    return found


def parse_timestamp(text: str) -> int:
    """Return whole seconds since the epoch."""
    return parse_milliseconds(text) // 1000


def parse_properties(table: Table, properties: Mapping[str, Value]) -> dict[str, Value]:
    """Return properties as their fields store them; ValueError for a value that its field cannot hold."""
    for name in properties:
        if name in SYSTEM_FIELDS or name in _COMPUTED.get(table.object_name, ()):
            raise ValueError(f"{table.object_name}.{name} is set by Salesforce alone.")
    return {name: table.get_or_create_field(name).parse(value) for name, value in properties.items()}


def export_properties(table: Table, row: Row) -> dict[str, str | None]:
    """Return a row's fields as text that `parse_properties` reads, without those that Salesforce sets itself."""
    skipped = {*SYSTEM_FIELDS, *_COMPUTED.get(table.object_name, ())}
    return {
        name: _format(table, name, value)
        for name, value in sorted(row.fields.items())
        if name not in skipped and value is not None
    }


def _format(table: Table, name: str, value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if table.fields[name].type == "datetime":
        return format_csv_datetime(int(value or 0))
    return str(value)


class RowBuilder:
    """Builds complete rows: system fields, defaults of required fields, and fields computed from others."""

    def __init__(self, stages: OpportunityStages, default_owner: str) -> None:
        self._stages = stages
        self._default_owner = default_owner

    def row(
        self,
        table: Table,
        row_id: str,
        values: Mapping[str, Value],
        *,
        created: int,
        modified: int,
        deleted_at: float | None = None,
        visible_from: float = LONG_AGO,
    ) -> Row:
        fields = dict(values)
        self._set_defaults(table.object_name, fields, created)
        system: dict[str, Value] = {
            "Id": row_id,
            "CreatedDate": created,
            "LastModifiedDate": modified,
            "SystemModstamp": modified,
        }
        if "IsDeleted" in table.fields:
            system["IsDeleted"] = deleted_at is not None
        return Row(fields=fields | system, deleted_at=deleted_at, visible_from=visible_from)

    def _set_defaults(self, object_name: str, fields: dict[str, Value], created: int) -> None:
        match object_name:
            case "Account":
                fields["OwnerId"] = fields.get("OwnerId") or self._default_owner
                fields["Name"] = fields.get("Name") or "[not provided]"
            case "Contact":
                fields["OwnerId"] = fields.get("OwnerId") or self._default_owner
                fields["LastName"] = fields.get("LastName") or "[not provided]"
                fields["Name"] = _join_name(fields)
            case "User":
                fields.setdefault("IsActive", True)
                fields.setdefault("UserType", "Standard")
                fields["Name"] = _join_name(fields)
            case "Opportunity":
                fields["OwnerId"] = fields.get("OwnerId") or self._default_owner
                fields["Name"] = fields.get("Name") or "[not provided]"
                fields["CloseDate"] = fields.get("CloseDate") or format_csv_datetime(created)[:10]
                self._set_stage(fields)
            case "OpportunityContactRole":
                fields.setdefault("IsPrimary", False)

    def _set_stage(self, fields: dict[str, Value]) -> None:
        stage = self._stages.get_or_add(str(fields.get("StageName") or "Prospecting"))
        fields["StageName"] = stage.name
        if fields.get("Probability") is None:
            fields["Probability"] = float(stage.probability)
        fields |= {
            "IsClosed": stage.is_closed,
            "IsWon": stage.is_won,
            "ForecastCategoryName": stage.forecast,
        }


def _join_name(fields: Mapping[str, Value]) -> str:
    return " ".join(str(part) for name in ("FirstName", "LastName") if (part := fields.get(name)))
