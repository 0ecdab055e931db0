"""Bulk API 2.0 query jobs over HTTP: create, watch, read as CSV, abort, delete."""

import base64
import binascii
import gzip
from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from crm_sandbox.http.responses import JsonResponse, Response
from crm_sandbox.salesforce.administrator import ADMINISTRATOR
from crm_sandbox.salesforce.bulk_jobs import FINISHED, Job
from crm_sandbox.salesforce.errors import ApiRefusal, bad_parameter
from crm_sandbox.salesforce.parameters import Call
from crm_sandbox.salesforce.schema import Field
from crm_sandbox.salesforce.selection import select
from crm_sandbox.salesforce.stamps import as_bulk, as_rest
from crm_sandbox.salesforce.store import Row
from crm_sandbox.salesforce.visibility import Shown

LINKS_PER_ANSWER = 5
LAST_LOCATOR = "null"
"""The last page's locator is this text, not an absent header."""
_DELIMITERS = {"COMMA": ",", "SEMICOLON": ";", "TAB": "\t", "PIPE": "|", "CARET": "^", "BACKQUOTE": "`"}
_LINE_ENDINGS = {"LF": "\n", "CRLF": "\r\n"}


class NewJob(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    operation: Literal["query", "queryAll"]
    query: str
    content_type: Literal["CSV"] = "CSV"
    column_delimiter: Literal["COMMA", "SEMICOLON", "TAB", "PIPE", "CARET", "BACKQUOTE"] = "COMMA"
    line_ending: Literal["LF", "CRLF"] = "LF"


class Change(msgspec.Struct, forbid_unknown_fields=True):
    state: Literal["Aborted"]


def create(call: Call) -> Response:
    call.allow_only()
    wanted = call.json_body(NewJob)
    selection = select(call.org, wanted.query, include_deleted=wanted.operation == "queryAll")
    if selection.is_count:
        raise ApiRefusal(400, "API_ERROR", "Aggregate Relationships not supported in Bulk Query")
    if any(field.type == "address" for field, _ in selection.columns):
        raise ApiRefusal(400, "API_ERROR", "Selecting compound data not supported in Bulk Query")
    job = call.jobs.create(
        selection,
        operation=wanted.operation,
        version=call.version,
        delimiter=wanted.column_delimiter,
        line_ending=wanted.line_ending,
    )
    return JsonResponse(_document(job))


def list_jobs(call: Call) -> Response:
    call.allow_only("jobType", "concurrencyMode")
    records = [_document(job) | {"jobType": "V2Query"} for job in call.jobs.all()]
    for name in ("jobType", "concurrencyMode"):
        wanted = (call.request.query_params.get(name) or "").lower()
        records = [one for one in records if wanted in {"", str(one[name]).lower()}]
    return JsonResponse({"done": True, "nextRecordsUrl": None, "records": records})


def watch(call: Call, job_id: str) -> Response:
    """Tell where a job is; it moves on by being asked."""
    call.allow_only()
    job = call.jobs.find(job_id, call.version)
    call.jobs.poll(job)
    told: dict[str, object] = {
        "jobType": "V2Query",
        "numberRecordsProcessed": len(job.rows),
        "retries": 0,
        "totalProcessingTime": 100 * job.polls,
        "isPkChunkingSupported": job.is_chunked,
    }
    if job.state == "Failed":
        told["errorMessage"] = "InternalServerError: the query could not be processed."
    return JsonResponse(_document(job) | told)


def abort(call: Call, job_id: str) -> Response:
    call.json_body(Change)
    job = call.jobs.find(job_id, call.version)
    if job.state in FINISHED:
        raise ApiRefusal(400, "INVALIDJOBSTATE", f"A job in state {job.state} cannot be aborted.")
    job.finish("Aborted")
    return JsonResponse(_document(job))


def delete(call: Call, job_id: str) -> Response:
    call.jobs.delete(call.jobs.find(job_id, call.version))
    return Response(status_code=204)


def results(call: Call, job_id: str) -> Response:
    """Give a page as CSV, the same one for the same locator; 204 for a job that has none, or none yet."""
    call.allow_only("locator", "maxRecords")
    job = call.jobs.find(job_id, call.version)
    if job.state != "JobComplete":
        return Response(status_code=204)
    start = _offset(call, job)
    end = min(start + _page_size(call), len(job.rows))
    page = _csv(job, job.rows[start:end])
    headers = {
        "sforce-numberofrecords": str(end - start),
        "sforce-locator": _locator(end) if end < len(job.rows) else LAST_LOCATOR,
    }
    if "gzip" in call.request.headers.get("accept-encoding", ""):
        page = gzip.compress(page, compresslevel=1, mtime=0)
        headers["content-encoding"] = "gzip"
    return Response(page, headers=headers, media_type="text/csv;charset=UTF-8")


def result_pages(call: Call, job_id: str) -> Response:
    """Give up to five links to pages, for clients that read them side by side, and the link to the next five."""
    call.allow_only("locator")
    job = call.jobs.find(job_id, call.version)
    if job.state != "JobComplete":
        return Response(status_code=204)
    size = call.org.flags.bulk_rows_per_page
    starts = list(range(_offset(call, job), max(len(job.rows), 1), size))
    base = f"{call.base_path}/jobs/query/{job.id}"
    links = [
        {"resultUrl": f"{base}/results?locator={_locator(start)}"} for start in starts[:LINKS_PER_ANSWER]
    ]
    document: dict[str, object] = {"resultPages": links, "done": len(starts) <= LINKS_PER_ANSWER}
    if len(starts) > LINKS_PER_ANSWER:
        following = f"{base}/resultPages?locator={_locator(starts[LINKS_PER_ANSWER])}"
        document[call.org.flags.result_pages_link] = following
    return JsonResponse(document)


def _document(job: Job) -> dict[str, object]:
    made = as_rest(job.created_at)
    return {
        "id": job.id,
        "operation": job.operation,
        "object": job.selection.object_name,
        "createdById": ADMINISTRATOR,
        "createdDate": made,
        "systemModstamp": made,
        "state": job.state,
        "concurrencyMode": "Parallel",
        "contentType": "CSV",
        "apiVersion": float(job.version.removeprefix("v")),
        "lineEnding": job.line_ending,
        "columnDelimiter": job.delimiter,
    }


def _page_size(call: Call) -> int:
    """Read `maxRecords`, a hint that the org's own page size bounds."""
    told = call.request.query_params.get("maxRecords")
    if told is None:
        return call.org.flags.bulk_rows_per_page
    if not (told.isascii() and told.isdigit() and int(told)):
        raise bad_parameter(f"maxRecords must be a positive number, not {told}")
    return min(int(told), call.org.flags.bulk_rows_per_page)


def _locator(offset: int) -> str:
    return base64.urlsafe_b64encode(str(offset).encode()).rstrip(b"=").decode()


def _offset(call: Call, job: Job) -> int:
    told = call.request.query_params.get("locator")
    if told is None:
        return 0
    try:
        decoded = base64.urlsafe_b64decode(told + "=" * (-len(told) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        decoded = ""
    if not decoded.isdigit() or int(decoded) > len(job.rows):
        raise ApiRefusal(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
    return int(decoded)


def _csv(job: Job, rows: Sequence[Row]) -> bytes:
    """Write every page with its header; values are quoted, quotes doubled, line feeds kept, null is empty."""
    return "".join(_lines(job, rows)).encode()


def _lines(job: Job, rows: Sequence[Row]) -> Iterator[str]:
    comma, end = _DELIMITERS[job.delimiter], _LINE_ENDINGS[job.line_ending]
    columns = job.selection.columns
    yield comma.join(f'"{field.name}"' for field, _ in columns) + end
    for row in rows:
        yield comma.join(_cell(field, read(row)) for field, read in columns) + end


def _cell(field: Field, value: Shown) -> str:
    if value is None:
        return '""'
    if isinstance(value, bool):
        return '"true"' if value else '"false"'
    if field.type == "datetime" and isinstance(value, int | float):
        return f'"{as_bulk(value)}"'
    quoted = str(value).replace('"', '""')
    return f'"{quoted}"'
