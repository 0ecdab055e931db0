"""Records without SOQL: by id, by time of change (getUpdated), and recently viewed."""

from collections.abc import Sequence
from operator import itemgetter

import msgspec

from crm_sandbox.http.responses import JsonResponse, Response
from crm_sandbox.not_simulated import NotSimulated
from crm_sandbox.salesforce.api_call import ApiCall
from crm_sandbox.salesforce.errors import ApiError, error_for_status, invalid_parameter
from crm_sandbox.salesforce.org.ids import PREFIXES, full_id
from crm_sandbox.salesforce.org.timestamps import format_csv_datetime, format_rest_datetime
from crm_sandbox.salesforce.query.endpoints import format_record
from crm_sandbox.salesforce.query.selection import Selection, bind
from crm_sandbox.salesforce.query.soql import Condition, Literal, Ordering, Statement
from crm_sandbox.salesforce.sobjects.deleted import read_period
from crm_sandbox.salesforce.sobjects.describe import describe_briefly
from crm_sandbox.salesforce.sobjects.visibility import (
    get_visible_fields,
    list_visible_objects,
    require_object,
)
from crm_sandbox.salesforce.unsimulated import OBJECT_RESOURCES

MAX_UPDATED_DAYS = 30
MAX_RECENT = 200
MAX_RETRIEVED = 2_000
VIEWED_OBJECTS = ("Account", "Contact", "Opportunity")


class RetrieveRequest(msgspec.Struct, forbid_unknown_fields=True):
    ids: list[str]
    fields: list[str]


def retrieve(call: ApiCall, object_name: str, row_id: str) -> Response:
    """Return one record with Id and the fields that `fields` names, or with every field."""
    call.allow_only("fields")
    name = require_object(call.org, object_name)
    if row_id in OBJECT_RESOURCES:
        raise NotSimulated(f"GET /sobjects/{name}/{row_id}")
    full = full_id(row_id)
    if full is None or not full.startswith(PREFIXES[name]):
        message = f"Provided external ID field does not exist or is not accessible: {row_id}"
        raise ApiError(404, "NOT_FOUND", message)
    selection = _select_fields(call, name, call.request.list_parameter("fields"))
    row = selection.find_row(full)
    if row is None:
        raise error_for_status(404)
    if row.is_deleted:
        raise ApiError(404, "ENTITY_IS_DELETED", "entity is deleted")
    return JsonResponse(format_record(call, selection, row))


def retrieve_many(call: ApiCall, object_name: str) -> Response:
    """Return records in the order of the `ids` in body or query; a missing record is null."""
    name = require_object(call.org, object_name)
    if call.request.method == "POST":
        call.allow_only()
        wanted = call.json_body(RetrieveRequest)
    else:
        call.allow_only("ids", "fields")
        wanted = RetrieveRequest(
            ids=call.request.list_parameter("ids"), fields=call.request.list_parameter("fields")
        )
    if not wanted.fields:
        raise ApiError(400, "MISSING_ARGUMENT", "fields: there must be at least one")
    if len(wanted.ids) > MAX_RETRIEVED:
        raise ApiError(
            400, "EXCEEDED_ID_LIMIT", f"cannot submit more than {MAX_RETRIEVED} records into this call"
        )
    selection = _select_fields(call, name, wanted.fields)
    rows = [selection.find_row(full_id(row_id) or "") for row_id in wanted.ids]
    records = [None if row is None or row.is_deleted else format_record(call, selection, row) for row in rows]
    return JsonResponse(records)


def _select_fields(call: ApiCall, object_name: str, wanted: Sequence[str]) -> Selection:
    """Select Id and the wanted fields; without any, every field."""
    if path := next((name for name in wanted if "." in name), None):
        raise NotSimulated(f"relationship fields ({path}) in fields")
    every = [field.name for field in get_visible_fields(call.org, object_name).values()]
    names = {name.lower(): name for name in (*(wanted or every), "Id")}
    statement = Statement(object_name=object_name, fields=list(names.values()))
    return bind(call.org, statement, ",".join(wanted), include_deleted=True)


def list_updated(call: ApiCall, object_name: str) -> Response:
    """List the ids of live records whose SystemModstamp is in [`start`, `end`), to the minute."""
    call.allow_only("start", "end")
    name = require_object(call.org, object_name)
    start, end = read_period(call, MAX_UPDATED_DAYS)
    conditions = [
        Condition("SystemModstamp", ">=", (Literal("datetime", format_csv_datetime(start)),)),
        Condition("SystemModstamp", "<", (Literal("datetime", format_csv_datetime(end)),)),
    ]
    statement = Statement(object_name=name, fields=["Id"], conditions=conditions)
    found = bind(call.org, statement, include_deleted=False).select_rows()
    return JsonResponse({"ids": [row.id for row in found], "latestDateCovered": format_rest_datetime(end)})


def list_recent(call: ApiCall) -> Response:
    """List recently viewed records: in the sandbox, the records that were changed last."""
    call.allow_only("limit")
    limit = call.request.query_params.get("limit") or str(MAX_RECENT)
    if not (limit.isascii() and limit.isdigit()):
        raise invalid_parameter(f"limit must be a number, not {limit}")
    return JsonResponse(_recent_items(call, VIEWED_OBJECTS)[: int(limit)])


def get_information(call: ApiCall, object_name: str) -> Response:
    """Return an object's basic information, and its recently viewed records."""
    call.allow_only()
    name = require_object(call.org, object_name)
    return JsonResponse(
        {"objectDescribe": describe_briefly(call, name), "recentItems": _recent_items(call, (name,))}
    )


def _recent_items(call: ApiCall, names: tuple[str, ...]) -> list[object]:
    found = []
    for name in names:
        if name in VIEWED_OBJECTS and name in list_visible_objects(call.org):
            newest_first = [Ordering("LastModifiedDate", descending=True), Ordering("Id", descending=True)]
            statement = Statement(
                object_name=name, fields=["Id", "Name"], ordering=newest_first, limit=MAX_RECENT
            )
            selection = bind(call.org, statement, include_deleted=False)
            found += [
                (row.fields["LastModifiedDate"] or 0, row, selection) for row in selection.select_rows()
            ]
    found.sort(key=itemgetter(0), reverse=True)
    return [format_record(call, selection, row) for _, row, selection in found[:MAX_RECENT]]
