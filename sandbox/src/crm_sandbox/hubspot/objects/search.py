"""Search: filters, one sort, pages by offset, and the cap of ten thousand results."""

import math
import operator
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

import msgspec

from crm_sandbox.clock import parse_milliseconds
from crm_sandbox.http.requests import Request
from crm_sandbox.http.responses import JsonResponse, Response
from crm_sandbox.hubspot.account.account import Account
from crm_sandbox.hubspot.account.store import ObjectTable, Record
from crm_sandbox.hubspot.errors import invalid
from crm_sandbox.hubspot.objects.endpoints import Shape
from crm_sandbox.hubspot.objects.object_types import ObjectType, object_type
from crm_sandbox.hubspot.parameters import json_body
from crm_sandbox.not_simulated import NotSimulated

DEFAULT_PAGE_SIZE = 10
PAGE_LIMIT = 200
RESULT_CAP = 10_000
BODY_CHARACTERS = 3000
MAX_GROUPS = 5
MAX_FILTERS_IN_GROUP = 6
MAX_FILTERS = 18

Value = int | float | str
Reader = Callable[[Record], Value | None]
Predicate = Callable[[Record], bool]
Operator = Literal[
    "EQ", "NEQ", "LT", "LTE", "GT", "GTE", "BETWEEN", "IN", "NOT_IN", "HAS_PROPERTY", "NOT_HAS_PROPERTY",
    "CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN",
]  # fmt: skip
COMPARISONS: dict[str, Callable[[Value, Value], bool]] = {
    "EQ": operator.eq,
    "LT": operator.lt,
    "LTE": operator.le,
    "GT": operator.gt,
    "GTE": operator.ge,
}


class Filter(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    property_name: str
    operator: Operator
    value: str | None = None
    high_value: str | None = None
    values: list[str] | None = None


class FilterGroup(msgspec.Struct, forbid_unknown_fields=True):
    filters: list[Filter]


class Sort(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    property_name: str
    direction: Literal["ASCENDING", "DESCENDING"] = "ASCENDING"


class Search(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    filter_groups: list[FilterGroup] | None = None
    filters: list[Filter] | None = None
    """One group, when there are no `filter_groups`."""
    sorts: list[Sort | str] | None = None
    query: str | None = None
    properties: list[str] | None = None
    limit: int | None = None
    after: str | None = None

    @property
    def groups(self) -> Sequence[FilterGroup]:
        if self.filters and self.filter_groups:
            raise NotSimulated("filters beside filterGroups in one search")
        return [FilterGroup(self.filters)] if self.filters else self.filter_groups or ()

    @property
    def page_size(self) -> int:
        return DEFAULT_PAGE_SIZE if self.limit is None else self.limit


def search(account: Account, request: Request, type_name: str) -> Response:
    kind = object_type(type_name)
    if len(request.content.decode(errors="replace")) > BODY_CHARACTERS:
        raise invalid(f"The request body may have at most {BODY_CHARACTERS} characters.")
    body = json_body(request, Search)
    _check(body)
    offset = _read_offset(body)
    found = _find_matches(account, kind, body)
    shape = Shape(account, kind, body.properties or ())
    page = account.index.page(account.store.tables[kind.plural], found, offset, body.page_size)
    document: dict[str, object] = {
        "total": len(found),
        "results": [shape.document(record) for record in page.records],
    }
    if page.following < len(found):
        document["paging"] = {"next": {"after": str(page.following)}}
    return JsonResponse(document)


def _check(body: Search) -> None:
    sizes = [len(group.filters) for group in body.groups]
    if len(sizes) > MAX_GROUPS or max(sizes, default=0) > MAX_FILTERS_IN_GROUP or sum(sizes) > MAX_FILTERS:
        raise invalid(
            f"A search may have {MAX_GROUPS} filter groups of {MAX_FILTERS_IN_GROUP} filters, "
            f"{MAX_FILTERS} filters in all.",
            code="TOO_MANY_FILTERS",
        )
    if len(body.sorts or ()) > 1:
        raise invalid("A search may have one sort.", code="TOO_MANY_SORTS")
    if not 1 <= body.page_size <= PAGE_LIMIT:
        raise invalid(f"limit must be a number from 1 to {PAGE_LIMIT}.", code="INVALID_LIMIT")


def _read_offset(body: Search) -> int:
    text = str(body.after or 0)
    if not (text.isascii() and text.isdigit()):
        raise invalid(f"after must be a number, not {text}.", code="INVALID_CURSOR")
    if int(text) >= RESULT_CAP or int(text) + body.page_size > RESULT_CAP:
        raise invalid(f"A search cannot go past {RESULT_CAP} results.", code="PAGING_LIMIT")
    return int(text)


def _find_matches(account: Account, kind: ObjectType, body: Search) -> list[Record]:
    table = account.store.tables[kind.plural]
    groups = [[_build_predicate(account, table, one) for one in group.filters] for group in body.groups]
    sort = _read_sort(table, body)
    visible_until = account.clock.now() - account.flags.search_lag_seconds
    found = [
        record
        for record in _preselect(table, body)
        if record.published_at <= visible_until
        and _matches_query(record, kind, body.query)
        and (not groups or any(all(test(record) for test in group) for group in groups))
    ]
    if sort is not None:
        read, reverse = sort
        # records without a value go last, whichever way the others are sorted
        found.sort(key=lambda record: _sort_key(read(record)), reverse=reverse)
        found.sort(key=lambda record: read(record) is None)
    return found


def _preselect(table: ObjectTable, body: Search) -> Iterable[Record]:
    """Return the live records without those that the modified date excludes; the filters are still to be asked."""
    filters = body.groups[0].filters if len(body.groups) == 1 else []
    spans = [_read_time_span(one) for one in filters if one.property_name == table.kind.modified_property]
    if not spans:
        return table.live()
    return table.live_modified(max(low for low, _ in spans), min(high for _, high in spans))


def _read_time_span(one: Filter) -> tuple[float, float]:
    """Return milliseconds that no match of a filter on a moment lies outside of."""
    value = _parse_moment(one.value) if one.value else 0.0
    match one.operator:
        case "EQ":
            return value, value
        case "GT" | "GTE":
            return value, math.inf
        case "LT" | "LTE":
            return -math.inf, value
        case "BETWEEN":
            return value, _parse_moment(one.high_value or "")
    return -math.inf, math.inf


def _sort_key(value: Value | None) -> tuple[float, str]:
    return (0.0, value) if isinstance(value, str) else (value or 0.0, "")


def _matches_query(record: Record, kind: ObjectType, query: str | None) -> bool:
    if not query:
        return True
    wanted = query.lower()
    return any(wanted in (record.properties.get(name) or "").lower() for name in kind.searchable)


def _read_sort(table: ObjectTable, body: Search) -> tuple[Reader, bool] | None:
    if not body.sorts:
        return None
    sort = body.sorts[0]
    if isinstance(sort, str):
        return _build_reader(table, sort.removeprefix("-"))[0], sort.startswith("-")
    return _build_reader(table, sort.property_name)[0], sort.direction == "DESCENDING"


def _build_reader(table: ObjectTable, name: str) -> tuple[Reader, Callable[[str], Value]]:
    """How a property is read from a record and from a filter, both as comparable values."""
    definition = table.schema.get(name)
    if definition is None:
        raise invalid(f"Property '{name}' does not exist", code="PROPERTY_DOESNT_EXIST", propertyName=name)
    parse = _PARSERS.get(definition.type, str.lower)

    def read(record: Record) -> Value | None:
        text = record.properties.get(name)
        try:
            return None if text is None else parse(text)
        except ValueError:
            return None

    return read, parse


def _parse_moment(text: str) -> float:
    return float(text) if text.lstrip("-").isdigit() else float(parse_milliseconds(text))


def _parse_number(text: str) -> Value:
    return int(text) if text.isdecimal() else float(text)


_PARSERS: dict[str, Callable[[str], Value]] = {
    "datetime": _parse_moment,
    "date": _parse_moment,
    "number": _parse_number,
}


def _build_predicate(account: Account, table: ObjectTable, one: Filter) -> Predicate:
    if one.property_name.startswith("associations."):
        return _build_association_predicate(account, table, one)
    read, parse = _build_reader(table, one.property_name)
    if one.operator in {"HAS_PROPERTY", "NOT_HAS_PROPERTY"}:
        wanted = one.operator == "HAS_PROPERTY"
        return lambda record: (record.properties.get(one.property_name) is not None) is wanted
    if one.operator in {"CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN"}:
        return _build_token_predicate(one)
    return _build_comparison(read, one, lambda text: _parse_operand(one, parse, text))


def _build_comparison(read: Reader, one: Filter, operand: Callable[[str | None], Value]) -> Predicate:
    if one.operator in {"IN", "NOT_IN"}:
        if not one.values:
            raise invalid(
                f"{one.operator} needs values.", code="INVALID_FILTER", propertyName=one.property_name
            )
        # HubSpot compares text in lower case, and expects the values to come so
        chosen = {text if isinstance(operand(text), str) else operand(text) for text in one.values}
        wanted = one.operator == "IN"
        return lambda record: (read(record) in chosen) is wanted
    low = operand(one.value)
    if one.operator == "NEQ":
        return lambda record: read(record) != low
    if one.operator == "BETWEEN":
        high = operand(one.high_value)
        return lambda record: (value := read(record)) is not None and low <= value <= high  # type: ignore[operator]
    compare = COMPARISONS[one.operator]
    return lambda record: (value := read(record)) is not None and compare(value, low)


def _parse_operand(one: Filter, parse: Callable[[str], Value], text: str | None) -> Value:
    try:
        if text is not None:
            return parse(text)
    except ValueError:
        pass
    raise invalid(
        f"{one.operator} on {one.property_name} needs a value of the property's type, not {text}.",
        code="INVALID_FILTER",
        propertyName=one.property_name,
    )


def _build_token_predicate(one: Filter) -> Predicate:
    """Find the value as one or more whole tokens, which are runs of letters and digits; `*` is any part of a word.

    HubSpot's example is `*@hubspot.com` for everybody's address there.
    """
    if not one.value:
        raise invalid(f"{one.operator} needs a value.", code="INVALID_FILTER", propertyName=one.property_name)
    words = r"\S*".join(re.escape(piece) for piece in re.split(r"\*+", one.value))
    token = re.compile(rf"(?<![^\W_]){words}(?![^\W_])", re.IGNORECASE)
    contains = one.operator == "CONTAINS_TOKEN"

    def test(record: Record) -> bool:
        text = record.properties.get(one.property_name)
        return bool(text and token.search(text)) is contains

    return test


def _build_association_predicate(account: Account, table: ObjectTable, one: Filter) -> Predicate:
    target = object_type(one.property_name.removeprefix("associations."))
    if one.operator not in {"EQ", "IN"}:
        raise NotSimulated(f"{one.operator} on {one.property_name}")
    chosen = {one.value} if one.operator == "EQ" else set(one.values or ())
    return lambda record: any(
        linked_id in chosen for linked_id, _ in account.store.linked(table.kind, record.id, target)
    )
