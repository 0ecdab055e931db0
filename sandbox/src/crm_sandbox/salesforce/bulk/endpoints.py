"""The endpoints of Bulk API 2.0 query jobs: create, get, list, abort, delete, and results as CSV."""

import base64
import binascii
import gzip
from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from crm_sandbox.http.responses import JsonResponse, Response
from crm_sandbox.salesforce.api_call import ApiCall
from crm_sandbox.salesforce.bulk.jobs import FINISHED, Job
from crm_sandbox.salesforce.errors import ApiError, invalid_parameter
from crm_sandbox.salesforce.org.admin_user import ADMIN_USER_ID
from crm_sandbox.salesforce.org.store import Row
from crm_sandbox.salesforce.org.timestamps import format_csv_datetime, format_rest_datetime
from crm_sandbox.salesforce.query.selection import select
from crm_sandbox.salesforce.sobjects.schema import Field
from crm_sandbox.salesforce.sobjects.visibility import FieldValue

MAX_RESULT_PAGES = 5
LAST_LOCATOR = "null"
"""The locator of the last page: this text, not a missing header."""
_DELIMITERS = {"COMMA": ",", "SEMICOLON": ";", "TAB": "\t", "PIPE": "|", "CARET": "^", "BACKQUOTE": "`"}
_LINE_ENDINGS = {"LF": "\n", "CRLF": "\r\n"}


class NewJob(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    operation: Literal["query", "queryAll"]
    query: str
    content_type: Literal["CSV"] = "CSV"
    column_delimiter: Literal["COMMA", "SEMICOLON", "TAB", "PIPE", "CARET", "BACKQUOTE"] = "COMMA"
    line_ending: Literal["LF", "CRLF"] = "LF"


class JobUpdate(msgspec.Struct, forbid_unknown_fields=True):
    state: Literal["Aborted"]


def create_job(call: ApiCall) -> Response:
    call.allow_only()
    wanted = call.json_body(NewJob)
    selection = select(call.org, wanted.query, include_deleted=wanted.operation == "queryAll")
    if selection.is_count:
        raise ApiError(400, "API_ERROR", "Aggregate Relationships not supported in Bulk Query")
    if any(field.type == "address" for field, _ in selection.columns):
        raise ApiError(400, "API_ERROR", "Selecting compound data not supported in Bulk Query")
    job = call.jobs.create(
        selection,
        operation=wanted.operation,
        version=call.version,
        delimiter=wanted.column_delimiter,
        line_ending=wanted.line_ending,
    )
    return JsonResponse(_document(job))


def list_jobs(call: ApiCall) -> Response:
    call.allow_only("jobType", "concurrencyMode")
    records = [_document(job) | {"jobType": "V2Query"} for job in call.jobs.list_all()]
    for name in ("jobType", "concurrencyMode"):
        wanted = (call.request.query_params.get(name) or "").lower()
        records = [one for one in records if wanted in {"", str(one[name]).lower()}]
    return JsonResponse({"done": True, "nextRecordsUrl": None, "records": records})


def get_job(call: ApiCall, job_id: str) -> Response:
    """Return a job's state; every call advances it."""
    call.allow_only()
    job = call.jobs.find(job_id, call.version)
    call.jobs.poll(job)
    progress: dict[str, object] = {
        "jobType": "V2Query",
        "numberRecordsProcessed": len(job.rows),
        "retries": 0,
        "totalProcessingTime": 100 * job.polls,
        "isPkChunkingSupported": job.is_chunked,
    }
    if job.state == "Failed":
        progress["errorMessage"] = "InternalServerError: the query could not be processed."
    return JsonResponse(_document(job) | progress)


def abort_job(call: ApiCall, job_id: str) -> Response:
    call.json_body(JobUpdate)
    job = call.jobs.find(job_id, call.version)
    if job.state in FINISHED:
        raise ApiError(400, "INVALIDJOBSTATE", f"A job in state {job.state} cannot be aborted.")
    job.finish("Aborted")
    return JsonResponse(_document(job))


def delete_job(call: ApiCall, job_id: str) -> Response:
    call.jobs.delete(call.jobs.find(job_id, call.version))
    return Response(status_code=204)


def get_results(call: ApiCall, job_id: str) -> Response:
    """Return a page as CSV, always the same for a locator; 204 while the job has no results."""
    call.allow_only("locator", "maxRecords")
    job = call.jobs.find(job_id, call.version)
    if job.state != "JobComplete":
        return Response(status_code=204)
    start = _read_offset(call, job)
    end = min(start + _page_size(call), len(job.rows))
    content = _format_csv(job, job.rows[start:end])
    headers = {
        "sforce-numberofrecords": str(end - start),
        "sforce-locator": _encode_locator(end) if end < len(job.rows) else LAST_LOCATOR,
    }
    if "gzip" in call.request.headers.get("accept-encoding", ""):
        content = gzip.compress(content, compresslevel=1, mtime=0)
        headers["content-encoding"] = "gzip"
    return Response(content, headers=headers, media_type="text/csv;charset=UTF-8")


def list_result_pages(call: ApiCall, job_id: str) -> Response:
    """Return links to up to five pages, for clients that read them in parallel, and the link to the next five."""
    call.allow_only("locator")
    job = call.jobs.find(job_id, call.version)
    if job.state != "JobComplete":
        return Response(status_code=204)
    size = call.org.flags.bulk_rows_per_page
    starts = list(range(_read_offset(call, job), max(len(job.rows), 1), size))
    base = f"{call.base_path}/jobs/query/{job.id}"
    links = [
        {"resultUrl": f"{base}/results?locator={_encode_locator(start)}"}
        for start in starts[:MAX_RESULT_PAGES]
    ]
    document: dict[str, object] = {"resultPages": links, "done": len(starts) <= MAX_RESULT_PAGES}
    if len(starts) > MAX_RESULT_PAGES:
        next_url = f"{base}/resultPages?locator={_encode_locator(starts[MAX_RESULT_PAGES])}"
        document[call.org.flags.result_pages_link] = next_url
    return JsonResponse(document)


def _document(job: Job) -> dict[str, object]:
    created = format_rest_datetime(job.created_at)
    return {
        "id": job.id,
        "operation": job.operation,
        "object": job.selection.object_name,
        "createdById": ADMIN_USER_ID,
        "createdDate": created,
        "systemModstamp": created,
        "state": job.state,
        "concurrencyMode": "Parallel",
        "contentType": "CSV",
        "apiVersion": float(job.version.removeprefix("v")),
        "lineEnding": job.line_ending,
        "columnDelimiter": job.delimiter,
    }


def _page_size(call: ApiCall) -> int:
    """Read `maxRecords`, a hint that is bounded by the org's page size."""
    text = call.request.query_params.get("maxRecords")
    if text is None:
        return call.org.flags.bulk_rows_per_page
    if not (text.isascii() and text.isdigit() and int(text)):
        raise invalid_parameter(f"maxRecords must be a positive number, not {text}")
    return min(int(text), call.org.flags.bulk_rows_per_page)


def _encode_locator(offset: int) -> str:
    return base64.urlsafe_b64encode(str(offset).encode()).rstrip(b"=").decode()


def _read_offset(call: ApiCall, job: Job) -> int:
    locator = call.request.query_params.get("locator")
    if locator is None:
        return 0
    try:
        decoded = base64.urlsafe_b64decode(locator + "=" * (-len(locator) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        decoded = ""
    if not decoded.isdigit() or int(decoded) > len(job.rows):
        raise ApiError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
    return int(decoded)


def _format_csv(job: Job, rows: Sequence[Row]) -> bytes:
    """Return rows with a header line. Values are quoted, quotes doubled, line feeds kept, null is empty."""
    return "".join(_lines(job, rows)).encode()


def _lines(job: Job, rows: Sequence[Row]) -> Iterator[str]:
    comma, end = _DELIMITERS[job.delimiter], _LINE_ENDINGS[job.line_ending]
    columns = job.selection.columns
    yield comma.join(f'"{field.name}"' for field, _ in columns) + end
    for row in rows:
        yield comma.join(_format_cell(field, read(row)) for field, read in columns) + end


def _format_cell(field: Field, value: FieldValue) -> str:
    if value is None:
        return '""'
    if isinstance(value, bool):
        return '"true"' if value else '"false"'
    if field.type == "datetime" and isinstance(value, int | float):
        return f'"{format_csv_datetime(value)}"'
    quoted = str(value).replace('"', '""')
    return f'"{quoted}"'
