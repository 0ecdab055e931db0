"""From answers to rows: pages of JSON from REST, and of CSV from bulk jobs.

A record that is not one is told apart and does not cost its page. Of a page that is cut off nothing is kept:
the same page is asked for again.
"""

import csv
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO, TextIOWrapper
from itertools import islice
from operator import itemgetter
from typing import Generic, NamedTuple, TypeVar, cast

import msgspec

from astrelo.adapters.outbound.crm.decoding import UNREADABLE, convert, repair_json, scalar_as_text, told_id
from astrelo.adapters.outbound.crm.mapping import record_id, rejected
from astrelo.adapters.outbound.crm.transport import Incomplete
from astrelo.adapters.outbound.salesforce.api.wire import QueryAnswer, Row, field_names
from astrelo.domain.errors import CrmRejected
from astrelo.domain.identifiers import Provider
from astrelo.domain.records import RejectedRecord, RejectionReason

R = TypeVar("R", bound=Row)

_REQUIRED = ("Id", "SystemModstamp")
_ESCAPED_NUL = rb"\u0000"


class RowPage(NamedTuple, Generic[R]):
    rows: Sequence[R]
    rejected: Sequence[RejectedRecord]
    next_url: str | None
    """A path, to be followed as it is; None at the end of data."""
    total: int
    """How many records the whole query has."""


class _Sheaf(Generic[R]):
    """Gathers the rows of a page from their values, in the order of the row's fields."""

    def __init__(self, row: type[R]) -> None:
        self._make = cast("Callable[..., R]", row)
        self.rows: list[R] = []
        self.rejected: list[RejectedRecord] = []

    def add(self, values: Sequence[str | None]) -> None:
        if record_id(values[0]) is None:
            self.rejected.append(rejected(values[0], None))
        else:
            self.rows.append(self._make(*values))

    def refuse(self, told: object) -> None:
        self.rejected.append(RejectedRecord(told_id(told), RejectionReason.MALFORMED))


class PageDecoder(Generic[R]):
    """Decodes pages of one object's records from REST."""

    def __init__(self, row: type[R]) -> None:
        self._row = row
        self._names = field_names(row)
        # numbers are kept as they are written: a float would tell another amount than the same record's CSV
        self._typed = msgspec.json.Decoder(QueryAnswer, float_hook=str)

    def __call__(self, body: bytes) -> RowPage[R]:
        """Raise Incomplete for JSON that is cut off, CrmRejected for what is no page."""
        answer = self._answer(body)
        if answer.done is (answer.next_records_url is not None):
            raise CrmRejected(
                Provider.SALESFORCE, None, "a page that does not say whether another one follows"
            )
        sheaf = _Sheaf(self._row)
        for told in answer.records:
            self._read(told, sheaf)
        return RowPage(sheaf.rows, sheaf.rejected, answer.next_records_url, answer.total_size)

    def _answer(self, body: bytes) -> QueryAnswer:
        if _ESCAPED_NUL not in body:
            try:
                return self._typed.decode(body)
            except UNREADABLE:
                pass
        return convert(repair_json(body, parse_float=str), QueryAnswer, Provider.SALESFORCE)

    def _read(self, told: object, sheaf: _Sheaf[R]) -> None:
        if not isinstance(told, dict):
            sheaf.refuse(None)
            return
        try:
            values = [
                value or None if value is None or value.__class__ is str else _as_text(value)
                for value in map(told.get, self._names)
            ]
        except _NoScalar:
            sheaf.refuse(told.get("Id"))
        else:
            sheaf.add(values)


class _NoScalar(Exception):
    """A value that no field of ours can have: a list or an object."""


def _as_text(value: object) -> str:
    scalar = scalar_as_text(value)
    if not isinstance(scalar, str):
        raise _NoScalar
    return scalar


class CsvPage(Generic[R]):
    """A page of a bulk job's results that was read to its end once.

    It keeps the text and makes rows of it as they are wanted: they take more than twice the memory, and several
    pages of ten thousand wait for their reader. Reading twice costs little beside what becomes of a row.
    """

    def __init__(self, row: type[R], body: bytes) -> None:
        self._make = cast("Callable[..., R]", row)
        self._body = body
        lines = self._lines()
        header = next(lines)
        self._columns = _columns(header, field_names(row))
        self._rejected: list[tuple[int, RejectedRecord]] = []
        self._left_out: set[int] = set()
        """Places of the lines behind the header that make no row: blank ones, and those of rejected records."""
        width, id_at, place = len(header), self._columns[0], -1
        for place, values in enumerate(lines):
            if len(values) != width or record_id(values[id_at]) is None:
                self._leave_out(place, values, is_whole=len(values) == width)
        self.count = place + 1 - len(self._left_out)
        """How many rows it has, without those that were rejected."""

    @property
    def rejected(self) -> Sequence[RejectedRecord]:
        return [one for _, one in self._rejected]

    def rejected_among(self, start: int, end: int | None) -> Sequence[RejectedRecord]:
        """Return those in front of a row of this range, or of the page's end where the range has none."""
        return [one for row, one in self._rejected if start <= row and (end is None or row < end)]

    def rows(self, start: int = 0) -> Iterator[R]:
        """Make the rows from one on, once each."""
        wanted, make, left_out = itemgetter(*self._columns), self._make, self._left_out
        lines = self._lines()
        next(lines)
        whole = (values for place, values in enumerate(lines) if place not in left_out)
        for values in islice(whole, start, None):
            values.append("")
            yield make(*[value or None for value in wanted(values)])

    def _lines(self) -> Iterator[list[str]]:
        lines = TextIOWrapper(BytesIO(self._body), "utf-8-sig", "replace", newline="\n")
        return csv.reader(lines, strict=True)

    def _leave_out(self, place: int, values: Sequence[str], *, is_whole: bool) -> None:
        told = values[self._columns[0]] if self._columns[0] < len(values) else None
        rows = place - len(self._left_out)
        self._left_out.add(place)
        if is_whole:
            self._rejected.append((rows, rejected(told, None)))
        elif values:
            self._rejected.append((rows, RejectedRecord(told_id(told), RejectionReason.MALFORMED)))


class CsvDecoder(Generic[R]):
    """Decodes result pages of bulk jobs about one object, each of which begins with a row of field names."""

    def __init__(self, row: type[R]) -> None:
        self._row = row

    def __call__(self, body: bytes) -> CsvPage[R]:
        """Raise Incomplete for a page that is cut off, CrmRejected for one without what no record can lack.

        A quoting error makes it incomplete as well: behind it nobody can tell where the next row begins. So
        does a value longer than the csv module takes, which is four times our longest field.
        """
        body = body.replace(b"\0", b"")
        if not body.endswith(b"\n"):
            raise Incomplete("its last row is cut off")
        try:
            return CsvPage(self._row, body)
        except csv.Error as error:
            raise Incomplete("it is no whole CSV") from error


def _columns(header: Sequence[str], names: Sequence[str]) -> list[int]:
    """Return where each field stands; one that is not there stands behind the last."""
    if len(set(header)) != len(header) or not set(_REQUIRED) <= set(header):
        raise CrmRejected(Provider.SALESFORCE, None, "a result page without Id and SystemModstamp, once each")
    places = {name: place for place, name in enumerate(header)}
    return [places.get(name, len(header)) for name in names]
