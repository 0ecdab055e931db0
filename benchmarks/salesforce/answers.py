"""Just enough Salesforce for syncs: describes, queries, and bulk jobs that are done as soon as they are asked about."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import NamedTuple

import msgspec

from benchmarks import account
from benchmarks.answering import NOT_FOUND, OK, Answers, response
from benchmarks.salesforce import org
from benchmarks.salesforce.org import API, BIG_OBJECTS, FIELDS
from benchmarks.salesforce.queries import Asked, parse_query

PAGE_SIZE = 2_000
_LISTED_AT_A_TIME = 5
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_USAGE = b"Sforce-Limit-Info: api-usage=1/1000000\r\n"
_JSON = b"Content-Type: application/json;charset=UTF-8\r\n" + _USAGE
_BAD_REQUEST = b"400 Bad Request"
_VERSION = re.compile(rb"/services/data/v[\d.]+(?=/)")
_LOCATOR = re.compile(rb"[?&]locator=([^& ]*)")
_NAMES = {"Account": "Name", "Contact": "LastName", "Opportunity": "Name"}


class _JobRequest(msgspec.Struct):
    query: str


class _Changed(NamedTuple):
    id: str
    stamp: str
    """As a literal in a query has it."""
    record: bytes


_decode_job = msgspec.json.Decoder(_JobRequest).decode
_encode = msgspec.json.Encoder().encode


class SalesforceAnswers(Answers):
    """Of the large objects REST has the first page, and how many there are: the rest is read in bulk."""

    def __init__(self, records: int) -> None:
        self._records = records
        self._changed: dict[str, Sequence[_Changed]] = {}
        self._found: dict[str, Sequence[bytes]] = {}
        self._fixed = {_describe(name): _describe_object(name) for name in FIELDS}
        self._csv: dict[bytes, dict[bytes, bytes]] = {}
        self._first: dict[str, Sequence[bytes]] = {}
        for name in BIG_OBJECTS.values():
            numbers = range(min(records, PAGE_SIZE))
            self._first[name] = [org.json_record(name, number) for number in numbers]
            job = _job_id(name).encode()
            self._csv[job] = _result_pages(name, records)
            self._fixed[b"GET /jobs/query/" + job] = _answer({"id": job.decode(), "state": "JobComplete"})
        self._small = {
            "Organization": [org.json_record("Organization", 0)],
            "OpportunityStage": [org.json_record("OpportunityStage", n) for n in range(len(org.STAGES))],
            "User": [org.json_record("User", number) for number in range(account.OWNERS)],
        }
        self._roles = {org.record_id("Opportunity", deal): org.roles(deal) for deal in range(records)}

    def answer(self, method: bytes, target: bytes, body: bytes) -> bytes:
        path, _, query = target.partition(b"?")
        endpoint = method + b" " + _VERSION.sub(b"", path, count=1)
        if (fixed := self._fixed.get(endpoint)) is not None:
            return fixed
        if endpoint in {b"GET /query", b"GET /queryAll"}:
            return self._query(query.removeprefix(b"q=").decode())
        if endpoint.startswith(b"GET /query/"):
            return self._more(endpoint.rpartition(b"/")[2].decode())
        if endpoint == b"POST /jobs/query":
            return self._start(_decode_job(body).query)
        return self._of_job(endpoint, target)

    def change(self, every: int, now_ms: int) -> None:
        for name in BIG_OBJECTS.values():
            numbers = range(0, self._records, every)
            self._changed[name] = [
                _rename(name, number, _EPOCH + timedelta(milliseconds=now_ms - place))
                for place, number in enumerate(numbers)
            ]

    def _query(self, query: str) -> bytes:
        asked = parse_query(query)
        if (refusal := _refusal(asked)) is not None or asked is None:
            return refusal or _UNKNOWN
        if asked.object == "OpportunityContactRole":
            roles = (self._roles.get(deal, []) for deal in asked.ids)
            return self._page(list(chain.from_iterable(roles)))
        if asked.object in self._small:
            return self._page(self._small[asked.object])
        if asked.first is None:
            return _rest_page(self._first[asked.object], self._records, 0, "unread")
        return self._page(list(self._within(asked)))

    def _within(self, asked: Asked) -> Sequence[bytes]:
        first, last = asked.first or "", asked.last or "~"
        return [
            changed.record
            for changed in self._changed.get(asked.object, ())
            if first <= changed.stamp <= last and changed.id > asked.after
        ]

    def _page(self, records: Sequence[bytes]) -> bytes:
        """Answer a query, and keep what it found for its links."""
        name = str(len(self._found))
        if len(records) > PAGE_SIZE:
            self._found[name] = records
        return _rest_page(records, len(records), 0, name)

    def _more(self, locator: str) -> bytes:
        name, _, start = locator.removeprefix(_LOCATOR_PREFIX).partition("-")
        records = self._found.get(name)
        return _UNKNOWN if records is None else _rest_page(records, len(records), int(start), name)

    def _start(self, query: str) -> bytes:
        asked = parse_query(query)
        if (refusal := _refusal(asked)) is not None or asked is None:
            return refusal or _UNKNOWN
        if asked.conditions or asked.object not in self._first:
            return _MALFORMED
        return _answer({"id": _job_id(asked.object), "state": "UploadComplete"})

    def _of_job(self, endpoint: bytes, target: bytes) -> bytes:
        job, _, what = endpoint.removeprefix(b"GET /jobs/query/").partition(b"/")
        pages, located = self._csv.get(job), _LOCATOR.search(target)
        if pages is None:
            return _UNKNOWN
        locator = located[1] if located else _locator(0)
        return _list(job, list(pages), locator) if what == b"resultPages" else pages.get(locator, _UNKNOWN)


def _answer(document: object, status: bytes = OK) -> bytes:
    return response(_encode(document), _JSON, status)


_UNKNOWN = _answer([{"errorCode": "NOT_FOUND", "message": "not served here"}], NOT_FOUND)
_MALFORMED = _answer([{"errorCode": "MALFORMED_QUERY", "message": "not rendered so here"}], _BAD_REQUEST)
_LOCATOR_PREFIX = "0r8xx0000000"


def _describe(name: str) -> bytes:
    return f"GET /sobjects/{name}/describe".encode()


def _describe_object(name: str) -> bytes:
    return _answer({"name": name, "fields": [{"name": field} for field in FIELDS[name]]})


def _refusal(asked: Asked | None) -> bytes | None:
    """Refuse a query for other fields than were rendered: answers to it would be those of another query."""
    if asked is None or asked.object not in FIELDS:
        return _MALFORMED
    if list(asked.fields) != list(FIELDS[asked.object]):
        return _answer([{"errorCode": "INVALID_FIELD", "message": "not rendered so here"}], _BAD_REQUEST)
    return None


def _rest_page(records: Sequence[bytes], total: int, start: int, query: str) -> bytes:
    end = min(start + PAGE_SIZE, total)
    link = b""
    if end < total:
        link = f',"nextRecordsUrl":"{API}/query/{_LOCATOR_PREFIX}{query}-{end}"'.encode()
    return response(
        b'{"totalSize":%d,"done":%s%s,"records":[%s]}'
        % (total, b"false" if link else b"true", link, b",".join(records[start:end])),
        _JSON,
    )


def _job_id(name: str) -> str:
    return org.record_id("QueryJob", list(BIG_OBJECTS.values()).index(name))


def _locator(page: int) -> bytes:
    return b"MTAw%d" % page


def _result_pages(name: str, records: int) -> dict[bytes, bytes]:
    """Render a job's results, by their locators."""
    rendered = list(org.csv_pages(name, records))
    pages = {}
    for page, (rows, csv) in enumerate(rendered):
        following = _locator(page + 1) if page + 1 < len(rendered) else b"null"
        headers = (
            b"Content-Type: text/csv;charset=UTF-8\r\n%sSforce-NumberOfRecords: %d\r\nSforce-Locator: %s\r\n"
        )
        pages[_locator(page)] = response(csv, headers % (_USAGE, rows, following))
    return pages


def _list(job: bytes, locators: Sequence[bytes], first: bytes) -> bytes:
    place = locators.index(first)
    path = f"{API}/jobs/query/{job.decode()}"
    links = [
        {"resultUrl": f"{path}/results?locator={locator.decode()}"}
        for locator in locators[place : place + _LISTED_AT_A_TIME]
    ]
    behind = locators[place + _LISTED_AT_A_TIME :]
    document: dict[str, object] = {"resultPages": links, "done": not behind}
    if behind:
        document["nextRecordsUrl"] = f"{path}/resultPages?locator={behind[0].decode()}"
    return _answer(document)


def _rename(name: str, number: int, at: datetime) -> _Changed:
    changed: dict[str, org.Value] = {
        _NAMES[name]: f"renamed {number}",
        "SystemModstamp": org.rest_time(at),
    }
    return _Changed(
        org.record_id(name, number),
        at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        org.json_record(name, number, changed),
    )
