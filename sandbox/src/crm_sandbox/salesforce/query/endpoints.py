"""The query endpoints: the first page of a query, and the following pages (queryMore)."""

import re

from crm_sandbox.http.requests import Request
from crm_sandbox.http.responses import JsonResponse, Response
from crm_sandbox.salesforce.api_call import ApiCall
from crm_sandbox.salesforce.errors import invalid_parameter, malformed_query
from crm_sandbox.salesforce.flags import MAX_ROWS_PER_PAGE
from crm_sandbox.salesforce.org.store import NO_RAW_VALUE, Row
from crm_sandbox.salesforce.org.timestamps import format_rest_datetime
from crm_sandbox.salesforce.query.cursors import MIN_ROWS_PER_PAGE, Page
from crm_sandbox.salesforce.query.selection import Selection, select
from crm_sandbox.salesforce.sobjects.schema import Field
from crm_sandbox.salesforce.sobjects.visibility import FieldValue

_BATCH_SIZE = re.compile(r"batchSize\s*=\s*(\d{1,9})", re.IGNORECASE)


def query(call: ApiCall) -> Response:
    return _first_page(call, include_deleted=False)


def query_all(call: ApiCall) -> Response:
    return _first_page(call, include_deleted=True)


def query_more(call: ApiCall, locator: str) -> Response:
    call.allow_only()
    return _page_response(call, call.cursors.read_page(locator))


def _first_page(call: ApiCall, *, include_deleted: bool) -> Response:
    call.allow_only("q")
    text = call.request.query_params.get("q")
    if not text:
        raise malformed_query("A query string has to be specified")
    selection = select(call.org, text, include_deleted=include_deleted)
    if selection.is_count:
        return JsonResponse({"totalSize": len(selection.select_rows()), "done": True, "records": []})
    return _page_response(call, call.cursors.open(selection, _batch_size(call.request)))


def _batch_size(request: Request) -> int:
    """Read `batchSize` of Sforce-Query-Options, a hint that is bounded to between 200 and 2,000."""
    header = request.headers.get("sforce-query-options")
    if header is None:
        return MAX_ROWS_PER_PAGE
    found = _BATCH_SIZE.fullmatch(header.strip())
    if found is None:
        raise invalid_parameter(f"Sforce-Query-Options must be batchSize=number, not {header}")
    return min(max(int(found[1]), MIN_ROWS_PER_PAGE), MAX_ROWS_PER_PAGE)


def _page_response(call: ApiCall, page: Page) -> Response:
    document: dict[str, object] = {"totalSize": len(page.query.ids), "done": page.next_locator is None}
    if page.next_locator is not None:
        document["nextRecordsUrl"] = f"{call.base_path}/query/{page.next_locator}"
    records = [format_record(call, page.query.selection, row) for row in page.rows]
    return JsonResponse(document | {"records": records})


def format_record(call: ApiCall, selection: Selection, row: Row) -> object:
    if row.raw is not NO_RAW_VALUE:
        return row.raw
    name = selection.object_name
    document: dict[str, object] = {
        "attributes": {"type": name, "url": f"{call.base_path}/sobjects/{name}/{row.id}"}
    }
    for field, read in selection.columns:
        document[field.name] = format_value(field, read(row))
    return document


def format_value(field: Field, value: FieldValue) -> object:
    """Return a value as REST writes it: a datetime with `+0000`, everything else unchanged."""
    if field.type != "datetime" or not isinstance(value, int | float):
        return value
    return format_rest_datetime(value)
