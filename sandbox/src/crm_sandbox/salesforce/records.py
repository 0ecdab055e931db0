"""Records in the words of Salesforce: changes told from outside, and rows as their fields make them."""

from collections.abc import Mapping

import msgspec

from crm_sandbox.clock import parse_milliseconds
from crm_sandbox.datasets import Association
from crm_sandbox.salesforce.schema import Value, object_called
from crm_sandbox.salesforce.stages import Stages
from crm_sandbox.salesforce.stamps import as_bulk
from crm_sandbox.salesforce.store import LONG_AGO, Row, Table

SYSTEM_FIELDS = ("Id", "IsDeleted", "CreatedDate", "LastModifiedDate", "SystemModstamp")
_COMPUTED = {
    "Account": ("PersonContactId",),
    "Contact": ("Name", "IsPersonAccount"),
    "User": ("Name",),
    "Opportunity": ("IsClosed", "IsWon", "ForecastCategoryName"),
}


class RecordChange(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A record to create or to change.

    Properties are laid over the fields it has, as numbers, booleans or text; datetimes and dates are ISO text, and
    a name that ends in `__c` is a custom field of text. An Opportunity's associations replace the contacts with a
    role in it, the primary one first or marked. `raw` is any JSON, shown in query pages in the record's place.
    """

    object_name: str = msgspec.field(name="object")
    id: str | None = None
    properties: Mapping[str, Value] = {}
    associations: dict[str, list[Association]] = {}
    created_at: str | None = None
    updated_at: str | None = None
    archived: bool = False
    raw: object = msgspec.UNSET


def object_name(told: str) -> str:
    found = object_called(told)
    if found is None:
        raise ValueError(f"There is no object {told}.")
    return found


def whole_seconds(told: str) -> int:
    return parse_milliseconds(told) // 1000


def parsed(table: Table, told: Mapping[str, Value]) -> dict[str, Value]:
    """Return told properties as their fields keep them; ValueError for what no field can hold."""
    for name in told:
        if name in SYSTEM_FIELDS or name in _COMPUTED.get(table.object_name, ()):
            raise ValueError(f"{table.object_name}.{name} is Salesforce's own to set.")
    return {name: table.define(name).parse(value) for name, value in told.items()}


def told_properties(table: Table, row: Row) -> dict[str, str | None]:
    """Return a row's fields as text that `parsed` reads back, without those that Salesforce sets itself."""
    skipped = {*SYSTEM_FIELDS, *_COMPUTED.get(table.object_name, ())}
    return {
        name: _as_text(table, name, value)
        for name, value in sorted(row.fields.items())
        if name not in skipped and value is not None
    }


def _as_text(table: Table, name: str, value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if table.fields[name].type == "datetime":
        return as_bulk(int(value or 0))
    return str(value)


class RowWriter:
    """Makes rows whole: Salesforce's own fields, the required ones, and those that follow from others."""

    def __init__(self, stages: Stages, default_owner: str) -> None:
        self._stages = stages
        self._default_owner = default_owner

    def row(
        self,
        table: Table,
        row_id: str,
        values: Mapping[str, Value],
        *,
        created: int,
        stamp: int,
        binned_at: float | None = None,
        shown_at: float = LONG_AGO,
    ) -> Row:
        fields = dict(values)
        self._complete(table.object_name, fields, created)
        own: dict[str, Value] = {
            "Id": row_id,
            "CreatedDate": created,
            "LastModifiedDate": stamp,
            "SystemModstamp": stamp,
        }
        if "IsDeleted" in table.fields:
            own["IsDeleted"] = binned_at is not None
        return Row(fields=fields | own, binned_at=binned_at, shown_at=shown_at)

    def _complete(self, object_name: str, fields: dict[str, Value], created: int) -> None:
        match object_name:
            case "Account":
                fields["OwnerId"] = fields.get("OwnerId") or self._default_owner
                fields["Name"] = fields.get("Name") or "[not provided]"
            case "Contact":
                fields["OwnerId"] = fields.get("OwnerId") or self._default_owner
                fields["LastName"] = fields.get("LastName") or "[not provided]"
                fields["Name"] = _full_name(fields)
            case "User":
                fields.setdefault("IsActive", True)
                fields.setdefault("UserType", "Standard")
                fields["Name"] = _full_name(fields)
            case "Opportunity":
                fields["OwnerId"] = fields.get("OwnerId") or self._default_owner
                fields["Name"] = fields.get("Name") or "[not provided]"
                fields["CloseDate"] = fields.get("CloseDate") or as_bulk(created)[:10]
                self._stage(fields)
            case "OpportunityContactRole":
                fields.setdefault("IsPrimary", False)

    def _stage(self, fields: dict[str, Value]) -> None:
        stage = self._stages.named(str(fields.get("StageName") or "Prospecting"))
        fields["StageName"] = stage.name
        if fields.get("Probability") is None:
            fields["Probability"] = float(stage.probability)
        fields |= {
            "IsClosed": stage.is_closed,
            "IsWon": stage.is_won,
            "ForecastCategoryName": stage.forecast,
        }


def _full_name(fields: Mapping[str, Value]) -> str:
    return " ".join(str(part) for name in ("FirstName", "LastName") if (part := fields.get(name)))
