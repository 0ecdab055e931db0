"""Records of the made-up account that were modified since it was rendered, as search finds them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec

from benchmarks.hubspot import portal

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MODIFIED = {
    "companies": "hs_lastmodifieddate",
    "contacts": "lastmodifieddate",
    "deals": "hs_lastmodifieddate",
}
_NAMES = {"companies": "name", "contacts": "lastname", "deals": "dealname"}


class _Filter(msgspec.Struct, rename="camel"):
    property_name: str
    operator: str
    value: str


class _FilterGroup(msgspec.Struct):
    filters: list[_Filter]


class _Search(msgspec.Struct, rename="camel"):
    filter_groups: list[_FilterGroup] = []
    limit: int = 10
    after: str = "0"


_decode = msgspec.json.Decoder(_Search).decode


class ChangeSet:
    """What was changed, by object type: (milliseconds since 1970, id, JSON), one millisecond apart."""

    def __init__(self) -> None:
        self._changed: dict[str, list[tuple[int, int, bytes]]] = {name: [] for name in _MODIFIED}

    def make(self, records: int, every: int, now_ms: int) -> None:
        """Give every so-manieth record of each type a new name, just now."""
        for name, changed in self._changed.items():
            numbers = range(0, records, every)
            changed[:] = [
                (now_ms - place, int(portal.object_id(name, number)), _rename(name, number, now_ms - place))
                for place, number in enumerate(numbers)
            ]

    def find(self, object_type: str, body: bytes) -> bytes | None:
        """Answer a search for a window; None for one without filters, which counts the whole account."""
        search = _decode(body)
        if not search.filter_groups:
            return None
        bounds = {(f.property_name, f.operator): int(f.value) for f in search.filter_groups[0].filters}
        matching = list(self._find_matching(object_type, bounds))
        start = int(search.after)
        end = start + search.limit
        paging = b',"paging":{"next":{"after":"%d"}}' % end if end < len(matching) else b""
        return b'{"total":%d,"results":[%s]%s}' % (len(matching), b",".join(matching[start:end]), paging)

    def _find_matching(self, object_type: str, bounds: dict[tuple[str, str], int]) -> Iterator[bytes]:
        modified = _MODIFIED[object_type]
        earliest, latest = bounds[modified, "GTE"], bounds[modified, "LTE"]
        lowest, highest = bounds.get(("hs_object_id", "GTE"), 0), bounds.get(("hs_object_id", "LTE"), 2**63)
        return (
            document
            for moment, record_id, document in self._changed[object_type]
            if earliest <= moment <= latest and lowest <= record_id <= highest
        )


def _rename(object_type: str, number: int, at_ms: int) -> bytes:
    document = msgspec.json.decode(portal.record(object_type, number))
    stamp = (_EPOCH + timedelta(milliseconds=at_ms)).isoformat(timespec="milliseconds")
    modified = stamp.replace("+00:00", "Z")
    document["updatedAt"] = document["properties"][_MODIFIED[object_type]] = modified
    document["properties"][_NAMES[object_type]] = f"renamed {number}"
    return msgspec.json.encode(document)
