"""The query endpoints over REST: a statement's first page, and the pages behind it."""

import re

from crm_sandbox.http.requests import Request
from crm_sandbox.http.responses import JsonResponse, Response
from crm_sandbox.salesforce.cursors import LEAST_ROWS_PER_PAGE, Page
from crm_sandbox.salesforce.errors import bad_parameter, malformed
from crm_sandbox.salesforce.parameters import Call
from crm_sandbox.salesforce.schema import Field
from crm_sandbox.salesforce.selection import Selection, select
from crm_sandbox.salesforce.stamps import as_rest
from crm_sandbox.salesforce.store import NOT_RAW, Row
from crm_sandbox.salesforce.switches import MOST_ROWS_PER_PAGE
from crm_sandbox.salesforce.visibility import Shown

_BATCH_SIZE = re.compile(r"batchSize\s*=\s*(\d{1,9})", re.IGNORECASE)


def query(call: Call) -> Response:
    return _first_page(call, include_deleted=False)


def query_all(call: Call) -> Response:
    return _first_page(call, include_deleted=True)


def read_on(call: Call, locator: str) -> Response:
    call.allow_only()
    return _answer(call, call.cursors.read_on(locator))


def _first_page(call: Call, *, include_deleted: bool) -> Response:
    call.allow_only("q")
    text = call.request.query_params.get("q")
    if not text:
        raise malformed("A query string has to be specified")
    selection = select(call.org, text, include_deleted=include_deleted)
    if selection.is_count:
        return JsonResponse({"totalSize": len(selection.rows()), "done": True, "records": []})
    return _answer(call, call.cursors.begin(selection, _batch_size(call.request)))


def _batch_size(request: Request) -> int:
    """Read the header, a hint that is kept within 200 and 2,000."""
    told = request.headers.get("sforce-query-options")
    if told is None:
        return MOST_ROWS_PER_PAGE
    found = _BATCH_SIZE.fullmatch(told.strip())
    if found is None:
        raise bad_parameter(f"Sforce-Query-Options must be batchSize=number, not {told}")
    return min(max(int(found[1]), LEAST_ROWS_PER_PAGE), MOST_ROWS_PER_PAGE)


def _answer(call: Call, page: Page) -> Response:
    document: dict[str, object] = {"totalSize": len(page.query.ids), "done": page.next_locator is None}
    if page.next_locator is not None:
        document["nextRecordsUrl"] = f"{call.base_path}/query/{page.next_locator}"
    records = [show_record(call, page.query.selection, row) for row in page.rows]
    return JsonResponse(document | {"records": records})


def show_record(call: Call, selection: Selection, row: Row) -> object:
    if row.raw is not NOT_RAW:
        return row.raw
    name = selection.object_name
    shown: dict[str, object] = {
        "attributes": {"type": name, "url": f"{call.base_path}/sobjects/{name}/{row.id}"}
    }
    for field, read in selection.columns:
        shown[field.name] = as_json(field, read(row))
    return shown


def as_json(field: Field, value: Shown) -> object:
    """Show a value as REST does: a datetime with `+0000`, everything else as JSON has it."""
    if field.type != "datetime" or not isinstance(value, int | float):
        return value
    return as_rest(value)
