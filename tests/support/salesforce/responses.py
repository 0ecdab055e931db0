"""One record as Salesforce's two ways of reading send it: REST in JSON, a bulk job in CSV."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from astrelo.adapters.outbound.salesforce.api.decoding import CsvDecoder, PageDecoder, R

Row = Mapping[str, Any]


def rest_page(records: Sequence[object], **beside: object) -> bytes:
    """Write a page as query does; `beside` replaces what stands beside the records."""
    answer = {"totalSize": len(records), "done": True, "records": records, **beside}
    return json.dumps(answer).encode()


def csv_page(records: Sequence[Row], fields: Iterable[str]) -> bytes:
    """Write a page of results as bulk jobs do: everything quoted, null as nothing, times with a Z."""
    names = list(fields)
    lines = [names, *([_as_csv(record.get(name)) for name in names] for record in records)]
    return "".join(f"{','.join(map(_quote, line))}\n" for line in lines).encode("utf-8", "surrogatepass")


def _as_csv(value: Any) -> str:
    if value is None:
        return ""
    return value.replace("+0000", "Z") if isinstance(value, str) else json.dumps(value)


def _quote(value: str) -> str:
    return '"{}"'.format(value.replace('"', '""'))


def read_by_rest(row: type[R], fields: Row) -> R:
    (read,) = PageDecoder(row)(rest_page([{"attributes": {"type": "X", "url": "/x"}, **fields}])).rows
    return read


def read_in_bulk(row: type[R], fields: Row) -> R:
    (read,) = CsvDecoder(row)(csv_page([fields], fields)).rows()
    return read
