"""Which records were deleted, from the log that Salesforce trims."""

import datetime as dt

from crm_sandbox.http.responses import JsonResponse, Response
from crm_sandbox.salesforce.errors import ApiRefusal
from crm_sandbox.salesforce.parameters import Call
from crm_sandbox.salesforce.stamps import as_rest
from crm_sandbox.salesforce.switches import DAY_SECONDS
from crm_sandbox.salesforce.visibility import require_object

MAX_DELETED_DAYS = 15


def deleted(call: Call, object_name: str) -> Response:
    """Tell deletions between `start` and `end`, erased records too; nothing before `earliestDateAvailable` is known."""
    call.allow_only("start", "end")
    name = require_object(call.org, object_name)
    start, end = read_period(call, MAX_DELETED_DAYS)
    earliest = call.org.clock.now() - call.org.flags.deleted_log_seconds
    found = [
        {"id": entry.id, "deletedDate": as_rest(entry.at)}
        for entry in call.org.tables[name].deletions
        if max(start, earliest) <= entry.at < end and entry.id not in call.org.flags.hidden_records
    ]
    return JsonResponse(
        {
            "deletedRecords": found,
            "earliestDateAvailable": as_rest(earliest),
            "latestDateCovered": as_rest(end),
        }
    )


def read_period(call: Call, max_days: int) -> tuple[float, float]:
    """Read `start` and `end`, to the minute; an end in the future is now."""
    now = call.org.clock.now()
    start, end = _moment(call, "start"), min(_moment(call, "end"), now)
    if start >= end or start < now - max_days * DAY_SECONDS:
        raise _wrong_date(f"start must be before end, and at most {max_days} days ago")
    return start, end


def _moment(call: Call, name: str) -> float:
    """Read a datetime with its zone; its seconds do not count."""
    told = call.request.query_params.get(name)
    if told is None:
        raise _wrong_date(f"missing required parameter: {name}")
    try:
        moment = dt.datetime.fromisoformat(told)
    except ValueError:
        raise _wrong_date(f"{name} is no datetime: {told}") from None
    if moment.tzinfo is None:
        raise _wrong_date(f"{name} has no time zone: {told}")
    return moment.replace(second=0, microsecond=0).timestamp()


def _wrong_date(message: str) -> ApiRefusal:
    return ApiRefusal(400, "INVALID_REPLICATION_DATE", message)
