"""Records without SOQL: one by its id, those that changed in a time, those that were viewed last."""

from collections.abc import Sequence
from operator import itemgetter

import msgspec

from crm_sandbox.http.responses import JsonResponse, Response
from crm_sandbox.not_simulated import NotSimulated
from crm_sandbox.salesforce.deleted import read_period
from crm_sandbox.salesforce.describe import describe_briefly
from crm_sandbox.salesforce.errors import ApiRefusal, bad_parameter, usual
from crm_sandbox.salesforce.ids import PREFIXES, full_id
from crm_sandbox.salesforce.parameters import Call
from crm_sandbox.salesforce.query import show_record
from crm_sandbox.salesforce.selection import Selection, bind
from crm_sandbox.salesforce.soql import Condition, Literal, Ordering, Statement
from crm_sandbox.salesforce.stamps import as_bulk, as_rest
from crm_sandbox.salesforce.unsimulated import OBJECT_RESOURCES
from crm_sandbox.salesforce.visibility import require_object, visible_fields, visible_objects

MAX_UPDATED_DAYS = 30
MAX_RECENT = 200
MAX_RETRIEVED = 2_000
VIEWED_OBJECTS = ("Account", "Contact", "Opportunity")


class Wanted(msgspec.Struct, forbid_unknown_fields=True):
    ids: list[str]
    fields: list[str]


def retrieve(call: Call, object_name: str, row_id: str) -> Response:
    """Show one record, with the fields that `fields` names and Id, or with every field."""
    call.allow_only("fields")
    name = require_object(call.org, object_name)
    if row_id in OBJECT_RESOURCES:
        raise NotSimulated(f"GET /sobjects/{name}/{row_id}")
    full = full_id(row_id)
    if full is None or not full.startswith(PREFIXES[name]):
        message = f"Provided external ID field does not exist or is not accessible: {row_id}"
        raise ApiRefusal(404, "NOT_FOUND", message)
    selection = _select_fields(call, name, call.request.list_parameter("fields"))
    row = selection.again(full)
    if row is None:
        raise usual(404)
    if row.is_deleted:
        raise ApiRefusal(404, "ENTITY_IS_DELETED", "entity is deleted")
    return JsonResponse(show_record(call, selection, row))


def retrieve_many(call: Call, object_name: str) -> Response:
    """Show the records whose `ids` the body or the query brings, in that order, null in the place of a missing one."""
    name = require_object(call.org, object_name)
    if call.request.method == "POST":
        call.allow_only()
        wanted = call.json_body(Wanted)
    else:
        call.allow_only("ids", "fields")
        wanted = Wanted(ids=call.request.list_parameter("ids"), fields=call.request.list_parameter("fields"))
    if not wanted.fields:
        raise ApiRefusal(400, "MISSING_ARGUMENT", "fields: there must be at least one")
    if len(wanted.ids) > MAX_RETRIEVED:
        raise ApiRefusal(
            400, "EXCEEDED_ID_LIMIT", f"cannot submit more than {MAX_RETRIEVED} records into this call"
        )
    selection = _select_fields(call, name, wanted.fields)
    rows = [selection.again(full_id(row_id) or "") for row_id in wanted.ids]
    shown = [None if row is None or row.is_deleted else show_record(call, selection, row) for row in rows]
    return JsonResponse(shown)


def _select_fields(call: Call, object_name: str, wanted: Sequence[str]) -> Selection:
    """Select the wanted fields and Id, or every field when none is named."""
    if path := next((name for name in wanted if "." in name), None):
        raise NotSimulated(f"relationship fields ({path}) in fields")
    every = [field.name for field in visible_fields(call.org, object_name).values()]
    names = {name.lower(): name for name in (*(wanted or every), "Id")}
    statement = Statement(object_name=object_name, fields=list(names.values()))
    return bind(call.org, statement, ",".join(wanted), include_deleted=True)


def updated(call: Call, object_name: str) -> Response:
    """List the ids of live records whose SystemModstamp is in [`start`, `end`), to the minute."""
    call.allow_only("start", "end")
    name = require_object(call.org, object_name)
    start, end = read_period(call, MAX_UPDATED_DAYS)
    conditions = [
        Condition("SystemModstamp", ">=", (Literal("datetime", as_bulk(start)),)),
        Condition("SystemModstamp", "<", (Literal("datetime", as_bulk(end)),)),
    ]
    statement = Statement(object_name=name, fields=["Id"], conditions=conditions)
    found = bind(call.org, statement, include_deleted=False).rows()
    return JsonResponse({"ids": [row.id for row in found], "latestDateCovered": as_rest(end)})


def recent(call: Call) -> Response:
    """List what the user has viewed last: here, the records that were changed last."""
    call.allow_only("limit")
    limit = call.request.query_params.get("limit") or str(MAX_RECENT)
    if not (limit.isascii() and limit.isdigit()):
        raise bad_parameter(f"limit must be a number, not {limit}")
    return JsonResponse(_recent_items(call, VIEWED_OBJECTS)[: int(limit)])


def information(call: Call, object_name: str) -> Response:
    """Describe an object without its fields, with the records of it that were viewed last."""
    call.allow_only()
    name = require_object(call.org, object_name)
    return JsonResponse(
        {"objectDescribe": describe_briefly(call, name), "recentItems": _recent_items(call, (name,))}
    )


def _recent_items(call: Call, names: tuple[str, ...]) -> list[object]:
    found = []
    for name in names:
        if name in VIEWED_OBJECTS and name in visible_objects(call.org):
            newest_first = [Ordering("LastModifiedDate", descending=True), Ordering("Id", descending=True)]
            statement = Statement(
                object_name=name, fields=["Id", "Name"], ordering=newest_first, limit=MAX_RECENT
            )
            selection = bind(call.org, statement, include_deleted=False)
            found += [(row.fields["LastModifiedDate"] or 0, row, selection) for row in selection.rows()]
    found.sort(key=itemgetter(0), reverse=True)
    return [show_record(call, selection, row) for _, row, selection in found[:MAX_RECENT]]
