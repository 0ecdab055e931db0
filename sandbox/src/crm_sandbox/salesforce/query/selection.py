"""A SOQL statement bound to an org: the rows that it selects, their order, and the values of its columns."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from zlib import crc32

from crm_sandbox.not_simulated import NotSimulated
from crm_sandbox.salesforce.errors import ApiError, malformed_query
from crm_sandbox.salesforce.org.ids import full_id
from crm_sandbox.salesforce.org.org import Org
from crm_sandbox.salesforce.org.store import Row
from crm_sandbox.salesforce.query.soql import Condition, Literal, Statement, parse
from crm_sandbox.salesforce.sobjects.schema import Field, Value
from crm_sandbox.salesforce.sobjects.visibility import (
    FieldValue,
    Reader,
    get_visible_fields,
    make_reader,
    require_queryable_object,
)
from crm_sandbox.salesforce.unsimulated import is_unsimulated_field

Test = Callable[[Row], bool]
Column = tuple[Field, Reader]
_LITERALS = {"int": "number", "double": "number", "currency": "number", "percent": "number"}
_LITERALS |= {"boolean": "boolean", "date": "date", "datetime": "datetime"}
_COMPARISONS: Mapping[str, Callable[[Value, Value], bool]] = {
    "<": lambda one, other: one < other,  # type: ignore[operator] # both are of the field's type
    "<=": lambda one, other: one <= other,  # type: ignore[operator]
    ">": lambda one, other: one > other,  # type: ignore[operator]
    ">=": lambda one, other: one >= other,  # type: ignore[operator]
}


@dataclass(slots=True)
class Selection:
    org: Org
    statement: Statement
    object_name: str
    columns: Sequence[Column]
    include_deleted: bool
    _tests: Sequence[Test]
    _keys: Sequence[tuple[Callable[[Row], tuple[bool, Value]], bool]]

    @property
    def is_count(self) -> bool:
        return not self.statement.fields

    def select_rows(self) -> list[Row]:
        """Select the rows as they are now. Without ORDER BY their order is arbitrary, as at Salesforce."""
        table = self.org.table(self.object_name)
        visible = (self._visible_version(row) for row in table.rows.values())
        found = [row for row in visible if row is not None and all(test(row) for test in self._tests)]
        if not self._keys:
            found.sort(key=lambda row: crc32(row.id.encode()))
        for key, descending in reversed(self._keys):
            found.sort(key=key, reverse=descending)
        return found if self.statement.limit is None else found[: self.statement.limit]

    def find_row(self, row_id: str) -> Row | None:
        """Return a row as it is now, without testing the conditions; None when it is not visible."""
        row = self.org.table(self.object_name).rows.get(row_id)
        return None if row is None else self._visible_version(row)

    def _visible_version(self, row: Row) -> Row | None:
        """Return the version of a row that readers see now; None when user or operation cannot see the row."""
        if row.id in self.org.flags.hidden_records:
            return None
        now = self.org.clock.now()
        version = row.version_at(now - self.org.flags.publish_lag_seconds)
        if version is None or version.deleted_at is None:
            return version
        in_bin = now - version.deleted_at < self.org.flags.bin_seconds
        return version if self.include_deleted and in_bin else None


def select(org: Org, text: str, *, include_deleted: bool) -> Selection:
    """Parse a statement and bind it to the org."""
    return bind(org, parse(text), text, include_deleted=include_deleted)


def bind(org: Org, statement: Statement, text: str = "", *, include_deleted: bool) -> Selection:
    """Bind a statement; raise ApiError for what the org, the user or a field's type does not allow.

    Error messages quote `text` around a wrong name.
    """
    object_name = require_queryable_object(org, statement.object_name)
    binder = _Binder(org, object_name, text)
    if len({name.lower() for name in statement.fields}) < len(statement.fields):
        raise malformed_query("duplicate field selected")
    return Selection(
        org=org,
        statement=statement,
        object_name=object_name,
        columns=[binder.bind_column(name) for name in statement.fields],
        include_deleted=include_deleted,
        _tests=[binder.bind_condition(condition) for condition in statement.conditions],
        _keys=[(binder.bind_sort_key(one.field), one.descending) for one in statement.ordering],
    )


class _Binder:
    def __init__(self, org: Org, object_name: str, text: str) -> None:
        self._org = org
        self._object_name = object_name
        self._text = text

    @cached_property
    def _fields(self) -> Mapping[str, Field]:
        return get_visible_fields(self._org, self._object_name)

    def bind_column(self, name: str) -> Column:
        field = self._fields.get(name.lower())
        if field is None and is_unsimulated_field(self._object_name, name):
            raise NotSimulated(f"the field {self._object_name}.{name}")
        if field is None:
            raise ApiError(
                400,
                "INVALID_FIELD",
                f"{_point_at(self._text, name)}No such column '{name}' on entity '{self._object_name}'. If you are attempting to use a custom "
                "field, be sure to append the '__c' after the custom field name. Please reference your WSDL or "
                "the describe call for the appropriate names.",
            )
        return field, make_reader(self._org, field)

    def bind_sort_key(self, name: str) -> Callable[[Row], tuple[bool, Value]]:
        """Return a sort key: null first, text without its case, ids by their characters."""
        field, read = self.bind_column(name)
        if not field.filterable:
            raise malformed_query(f"field '{field.name}' can not be sorted in a query call")
        fold = field.is_text

        def key(row: Row) -> tuple[bool, Value]:
            value = _scalar(read(row))
            return (value is not None, "" if value is None else _fold_case(value) if fold else value)

        return key

    def bind_condition(self, condition: Condition) -> Test:
        field, read = self.bind_column(condition.field)
        if not field.filterable:
            raise ApiError(400, "INVALID_FIELD", f"field '{field.name}' can not be filtered in a query call")
        fold = _fold_case if field.is_text else _identity
        literals = [fold(_convert_literal(field, literal)) for literal in condition.literals]
        if condition.operator in {"=", "IN"}:
            allowed = frozenset(literals)
            return lambda row: fold(_scalar(read(row))) in allowed
        if condition.operator == "!=":
            return lambda row: fold(_scalar(read(row))) != literals[0]
        return self._bind_comparison(field, read, condition, literals[0], fold)

    def _bind_comparison(
        self, field: Field, read: Reader, condition: Condition, literal: Value, fold: Callable[[Value], Value]
    ) -> Test:
        if field.type == "boolean" or literal is None:
            kind = "null" if literal is None else field.type
            raise ApiError(
                400,
                "INVALID_QUERY_FILTER_OPERATOR",
                f"invalid operator on {kind} field: {condition.operator}",
            )
        compare = _COMPARISONS[condition.operator]

        def test(row: Row) -> bool:
            value = fold(_scalar(read(row)))
            return value is not None and compare(value, literal)

        return test


def _point_at(text: str, name: str) -> str:
    """Return the excerpt of the query that Salesforce puts before the message about a wrong name."""
    place = max(text.find(name), 0)
    return f"\n{text[max(place - 20, 0) : place + 40]}\n{' ' * min(place, 20)}^\nERROR at Row:1:Column:{place + 1}\n"


def _convert_literal(field: Field, literal: Literal) -> Value:
    """Return a literal as the field stores its values; raise ApiError when it is of another type."""
    if literal.kind == "null":
        return None
    expected = _LITERALS.get(field.type, "text")
    if literal.kind != expected:
        quotes = "should be enclosed in quotes" if expected == "text" else "should not be enclosed in quotes"
        raise ApiError(
            400,
            "INVALID_FIELD",
            f"value of filter criterion for field '{field.name}' must be of type "
            f"{'dateTime' if field.type == 'datetime' else field.type} and {quotes}",
        )
    if field.is_id:
        found = full_id(literal.text)
        if found is None:
            raise ApiError(400, "INVALID_QUERY_FILTER_OPERATOR", f"invalid ID field: {literal.text}")
        return found
    return _parse_literal(literal)


def _parse_literal(literal: Literal) -> Value:
    try:
        match literal.kind:
            case "number":
                return float(literal.text)
            case "boolean":
                return literal.text == "true"
            case "date":
                return dt.date.fromisoformat(literal.text).isoformat()
            case "datetime":
                return dt.datetime.fromisoformat(literal.text).timestamp()
    except ValueError:
        raise malformed_query(f"line 1: invalid {literal.kind}: {literal.text}") from None
    return literal.text


def _scalar(value: FieldValue) -> Value:
    return None if isinstance(value, dict) else value


def _fold_case(value: Value) -> Value:
    """Return text as SOQL compares it: case folded, empty text as null."""
    return value.casefold() or None if isinstance(value, str) else value


def _identity(value: Value) -> Value:
    return value
