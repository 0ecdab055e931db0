"""Decode pages of rows: JSON from REST, and CSV from bulk jobs.

A malformed record is rejected by itself and does not cost its page. Of a page that is cut off nothing is kept:
the same page is requested again.
"""

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from io import BytesIO, TextIOWrapper
from itertools import islice
from operator import itemgetter
from typing import Generic, NamedTuple, TypeVar, cast

import msgspec

from astrelo.adapters.outbound.crm import decoding, transport
from astrelo.adapters.outbound.crm.mapping import record_id, reject_record
from astrelo.adapters.outbound.salesforce.api import wire
from astrelo.domain import errors
from astrelo.domain.identifiers import Provider
from astrelo.domain.records import RejectedRecord, RejectionReason

R = TypeVar("R", bound=wire.Row)

_REQUIRED = ("Id", "SystemModstamp")
_ESCAPED_NUL = rb"\u0000"


class RowPage(NamedTuple, Generic[R]):
    rows: Sequence[R]
    rejected: Sequence[RejectedRecord]
    next_url: str | None
    """A path, to be requested unchanged; None at the end of the data."""
    total: int
    """How many records the whole query has."""


class PageDecoder(Generic[R]):
    """Decodes pages of one object's records from REST."""

    def __init__(self, row: type[R]) -> None:
        self._make = cast("Callable[..., R]", row)
        self._names = wire.field_names(row)
        # Numbers are kept as they are written: a float would give another amount than the same record's CSV.
        self._typed = msgspec.json.Decoder(wire.QueryResponse, float_hook=str)

    def __call__(self, body: bytes) -> RowPage[R]:
        """Raise IncompleteResponse for JSON that is cut off, CrmRejected for JSON of another shape."""
        response = self._decode(body)
        if response.done is (response.next_records_url is not None):
            raise errors.CrmRejected(
                Provider.SALESFORCE, None, "a page that does not say whether another one follows"
            )
        rows, rejected = self._convert_each(response.records)
        return RowPage(rows, rejected, response.next_records_url, response.total_size)

    def _decode(self, body: bytes) -> wire.QueryResponse:
        if _ESCAPED_NUL not in body:
            with suppress(*decoding.UNREADABLE):
                return self._typed.decode(body)
        return decoding.convert(
            decoding.repair_json(body, parse_float=str), wire.QueryResponse, Provider.SALESFORCE
        )

    def _convert_each(self, records: Sequence[object]) -> tuple[list[R], list[RejectedRecord]]:
        rows: list[R] = []
        rejected: list[RejectedRecord] = []
        for record in records:
            if not isinstance(record, dict):
                rejected.append(RejectedRecord(None, RejectionReason.MALFORMED))
                continue
            try:
                values = [
                    value or None if value is None or value.__class__ is str else _require_scalar(value)
                    for value in map(record.get, self._names)
                ]
            except _NotScalar:
                raw_id = decoding.raw_record_id(record.get("Id"))
                rejected.append(RejectedRecord(raw_id, RejectionReason.MALFORMED))
                continue
            if record_id(values[0]) is None:
                rejected.append(reject_record(values[0], None))
            else:
                rows.append(self._make(*values))
        return rows, rejected


class _NotScalar(Exception):
    """A list or an object, which none of our fields can have as its value."""


def _require_scalar(value: object) -> str:
    scalar = decoding.stringify_scalar(value)
    if not isinstance(scalar, str):
        raise _NotScalar
    return scalar


class CsvPage(Generic[R]):
    """A page of a bulk job's results, checked to its end once.

    It keeps the text and makes rows as they are requested: rows take more than twice the memory, and several
    pages of ten thousand wait to be read. Parsing twice costs little beside the mapping of a row.
    """

    def __init__(self, row: type[R], body: bytes) -> None:
        self._make = cast("Callable[..., R]", row)
        self._body = body
        lines = self._lines()
        header = next(lines)
        self._columns = _column_numbers(header, wire.field_names(row))
        self._rejected: list[tuple[int, RejectedRecord]] = []
        self._left_out: set[int] = set()
        """Numbers of the lines after the header that make no row: blank ones, and those of rejected records."""
        width, id_at, number = len(header), self._columns[0], -1
        for number, values in enumerate(lines):
            if len(values) != width or record_id(values[id_at]) is None:
                self._leave_out(number, values, is_whole=len(values) == width)
        self.count = number + 1 - len(self._left_out)
        """How many rows it has, without rejected records."""

    @property
    def rejected(self) -> Sequence[RejectedRecord]:
        return [record for _, record in self._rejected]

    def rejected_among(self, start: int, end: int | None) -> Sequence[RejectedRecord]:
        """Return the rejected records that stand before a row of this range; without `end`, up to the page's end."""
        return [record for row, record in self._rejected if start <= row and (end is None or row < end)]

    def rows(self, start: int = 0) -> Iterator[R]:
        """Make the rows from number `start` on, each once."""
        wanted, make, left_out = itemgetter(*self._columns), self._make, self._left_out
        lines = self._lines()
        next(lines)
        whole = (values for number, values in enumerate(lines) if number not in left_out)
        for values in islice(whole, start, None):
            values.append("")
            yield make(*[value or None for value in wanted(values)])

    def _lines(self) -> Iterator[list[str]]:
        lines = TextIOWrapper(BytesIO(self._body), "utf-8-sig", "replace", newline="\n")
        return csv.reader(lines, strict=True)

    def _leave_out(self, number: int, values: Sequence[str], *, is_whole: bool) -> None:
        raw_id = values[self._columns[0]] if self._columns[0] < len(values) else None
        rows = number - len(self._left_out)
        self._left_out.add(number)
        if is_whole:
            self._rejected.append((rows, reject_record(raw_id, None)))
        elif values:
            self._rejected.append(
                (rows, RejectedRecord(decoding.raw_record_id(raw_id), RejectionReason.MALFORMED))
            )


class CsvDecoder(Generic[R]):
    """Decodes result pages of bulk jobs about one object, each of which begins with a row of field names."""

    def __init__(self, row: type[R]) -> None:
        self._row = row

    def __call__(self, body: bytes) -> CsvPage[R]:
        """Raise IncompleteResponse for a page that is cut off, CrmRejected for one without the required columns.

        A quoting error makes it incomplete as well: after it the next row's beginning is unknown. So
        does a value longer than the csv module accepts, which is four times our longest field.
        """
        body = body.replace(b"\0", b"")
        if not body.endswith(b"\n"):
            raise transport.IncompleteResponse("its last row is cut off")
        try:
            return CsvPage(self._row, body)
        except csv.Error as error:
            raise transport.IncompleteResponse("its CSV is cut off") from error


def _column_numbers(header: Sequence[str], names: Sequence[str]) -> list[int]:
    """Return each field's column number; a missing field gets the number after the last."""
    if len(set(header)) != len(header) or not set(_REQUIRED) <= set(header):
        raise errors.CrmRejected(
            Provider.SALESFORCE, None, "a result page without Id and SystemModstamp, once each"
        )
    numbers = {name: number for number, name in enumerate(header)}
    return [numbers.get(name, len(header)) for name in names]
