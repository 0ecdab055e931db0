"""A SOQL statement bound to an org: which rows it selects, in which order, and what it shows of them."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from zlib import crc32

from crm_sandbox.not_simulated import NotSimulated
from crm_sandbox.salesforce.errors import ApiRefusal, malformed
from crm_sandbox.salesforce.ids import full_id
from crm_sandbox.salesforce.org import Org
from crm_sandbox.salesforce.schema import Field, Value
from crm_sandbox.salesforce.soql import Condition, Literal, Statement, parse
from crm_sandbox.salesforce.store import Row
from crm_sandbox.salesforce.unsimulated import is_unheld_field
from crm_sandbox.salesforce.visibility import Reader, Shown, reader, visible_fields, visible_object

Test = Callable[[Row], bool]
Column = tuple[Field, Reader]
_LITERALS = {"int": "number", "double": "number", "currency": "number", "percent": "number"}
_LITERALS |= {"boolean": "boolean", "date": "date", "datetime": "datetime"}
_SORTED: Mapping[str, Callable[[Value, Value], bool]] = {
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

    def rows(self) -> list[Row]:
        """Select now. Without an order they come in none that could be leant on."""
        found = [row for row in self._seen() if all(test(row) for test in self._tests)]
        if not self._keys:
            found.sort(key=lambda row: crc32(row.id.encode()))
        for key, descending in reversed(self._keys):
            found.sort(key=key, reverse=descending)
        return found if self.statement.limit is None else found[: self.statement.limit]

    def again(self, row_id: str) -> Row | None:
        """Return what a row is by now, whatever the conditions are; None when it is gone."""
        row = self.org.table(self.object_name).rows.get(row_id)
        return None if row is None else self._visible(row)

    def _seen(self) -> list[Row]:
        table = self.org.table(self.object_name)
        return [seen for row in table.rows.values() if (seen := self._visible(row)) is not None]

    def _visible(self, row: Row) -> Row | None:
        """Return the version of a row that readers see at this moment, if user and operation may see it at all."""
        if row.id in self.org.flags.hidden_records:
            return None
        now = self.org.clock.now()
        seen = row.seen_at(now - self.org.flags.publish_lag_seconds)
        if seen is None or seen.binned_at is None:
            return seen
        kept = self.include_deleted and now - seen.binned_at < self.org.flags.bin_seconds
        return seen if kept else None


def select(org: Org, text: str, *, include_deleted: bool) -> Selection:
    """Parse a statement and bind it."""
    return bind(org, parse(text), text, include_deleted=include_deleted)


def bind(org: Org, statement: Statement, text: str = "", *, include_deleted: bool) -> Selection:
    """Bind a statement; refuse what the org, the user or the field's type does not allow.

    `text` is where a refusal shows the place of a wrong name.
    """
    object_name = visible_object(org, statement.object_name)
    binder = _Binder(org, object_name, text)
    if len({name.lower() for name in statement.fields}) < len(statement.fields):
        raise malformed("duplicate field selected")
    return Selection(
        org=org,
        statement=statement,
        object_name=object_name,
        columns=[binder.column(name) for name in statement.fields],
        include_deleted=include_deleted,
        _tests=[binder.test(condition) for condition in statement.conditions],
        _keys=[(binder.key(one.field), one.descending) for one in statement.ordering],
    )


class _Binder:
    def __init__(self, org: Org, object_name: str, text: str) -> None:
        self._org = org
        self._object_name = object_name
        self._text = text

    @cached_property
    def _fields(self) -> Mapping[str, Field]:
        return visible_fields(self._org, self._object_name)

    def column(self, name: str) -> Column:
        field = self._fields.get(name.lower())
        if field is None and is_unheld_field(self._object_name, name):
            raise NotSimulated(f"the field {self._object_name}.{name}")
        if field is None:
            raise ApiRefusal(
                400,
                "INVALID_FIELD",
                f"{_marked(self._text, name)}No such column '{name}' on entity '{self._object_name}'. If you are attempting to use a custom "
                "field, be sure to append the '__c' after the custom field name. Please reference your WSDL or "
                "the describe call for the appropriate names.",
            )
        return field, reader(self._org, field)

    def key(self, name: str) -> Callable[[Row], tuple[bool, Value]]:
        """Return what sorts rows: null first, text without its case, ids by their characters."""
        field, read = self.column(name)
        if not field.filterable:
            raise malformed(f"field '{field.name}' can not be sorted in a query call")
        fold = field.is_text

        def key(row: Row) -> tuple[bool, Value]:
            value = _scalar(read(row))
            return (value is not None, "" if value is None else _folded(value) if fold else value)

        return key

    def test(self, condition: Condition) -> Test:
        field, read = self.column(condition.field)
        if not field.filterable:
            raise ApiRefusal(
                400, "INVALID_FIELD", f"field '{field.name}' can not be filtered in a query call"
            )
        fold = _folded if field.is_text else _as_is
        wanted = [fold(_typed(field, literal)) for literal in condition.literals]
        if condition.operator in {"=", "IN"}:
            among = frozenset(wanted)
            return lambda row: fold(_scalar(read(row))) in among
        if condition.operator == "!=":
            return lambda row: fold(_scalar(read(row))) != wanted[0]
        return self._comparison(field, read, condition, wanted[0], fold)

    def _comparison(
        self, field: Field, read: Reader, condition: Condition, wanted: Value, fold: Callable[[Value], Value]
    ) -> Test:
        if field.type == "boolean" or wanted is None:
            kind = "null" if wanted is None else field.type
            raise ApiRefusal(
                400,
                "INVALID_QUERY_FILTER_OPERATOR",
                f"invalid operator on {kind} field: {condition.operator}",
            )
        compares = _SORTED[condition.operator]

        def test(row: Row) -> bool:
            value = fold(_scalar(read(row)))
            return value is not None and compares(value, wanted)

        return test


def _marked(text: str, name: str) -> str:
    """Return the lines that Salesforce shows before it says what is wrong with a name."""
    place = max(text.find(name), 0)
    return f"\n{text[max(place - 20, 0) : place + 40]}\n{' ' * min(place, 20)}^\nERROR at Row:1:Column:{place + 1}\n"


def _typed(field: Field, literal: Literal) -> Value:
    """Return a literal as the field keeps its values; refuse it when it is of another type."""
    if literal.kind == "null":
        return None
    expected = _LITERALS.get(field.type, "text")
    if literal.kind != expected:
        quotes = "should be enclosed in quotes" if expected == "text" else "should not be enclosed in quotes"
        raise ApiRefusal(
            400,
            "INVALID_FIELD",
            f"value of filter criterion for field '{field.name}' must be of type "
            f"{'dateTime' if field.type == 'datetime' else field.type} and {quotes}",
        )
    if field.is_id:
        found = full_id(literal.text)
        if found is None:
            raise ApiRefusal(400, "INVALID_QUERY_FILTER_OPERATOR", f"invalid ID field: {literal.text}")
        return found
    return _converted(literal)


def _converted(literal: Literal) -> Value:
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
        raise malformed(f"line 1: invalid {literal.kind}: {literal.text}") from None
    return literal.text


def _scalar(value: Shown) -> Value:
    return None if isinstance(value, dict) else value


def _folded(value: Value) -> Value:
    """Return text as SOQL compares it: without its case; empty text is null."""
    return value.casefold() or None if isinstance(value, str) else value


def _as_is(value: Value) -> Value:
    return value
