"""The deleted-records endpoint (getDeleted), from a log that Salesforce trims."""

import datetime as dt

from crm_sandbox.http.responses import JsonResponse, Response
from crm_sandbox.salesforce.api_call import ApiCall
from crm_sandbox.salesforce.errors import ApiError
from crm_sandbox.salesforce.flags import DAY_SECONDS
from crm_sandbox.salesforce.org.timestamps import format_rest_datetime
from crm_sandbox.salesforce.sobjects.visibility import require_object

MAX_DELETED_DAYS = 15


def list_deleted(call: ApiCall, object_name: str) -> Response:
    """List deletions in [`start`, `end`), erased records included; the log begins at `earliestDateAvailable`."""
    call.allow_only("start", "end")
    name = require_object(call.org, object_name)
    start, end = read_period(call, MAX_DELETED_DAYS)
    earliest = call.org.clock.now() - call.org.flags.deleted_log_seconds
    found = [
        {"id": entry.id, "deletedDate": format_rest_datetime(entry.time)}
        for entry in call.org.tables[name].deletions
        if max(start, earliest) <= entry.time < end and entry.id not in call.org.flags.hidden_records
    ]
    return JsonResponse(
        {
            "deletedRecords": found,
            "earliestDateAvailable": format_rest_datetime(earliest),
            "latestDateCovered": format_rest_datetime(end),
        }
    )


def read_period(call: ApiCall, max_days: int) -> tuple[float, float]:
    """Read `start` and `end`, to the minute; an end in the future is now."""
    now = call.org.clock.now()
    start, end = _read_datetime(call, "start"), min(_read_datetime(call, "end"), now)
    if start >= end or start < now - max_days * DAY_SECONDS:
        raise _invalid_date(f"start must be before end, and at most {max_days} days ago")
    return start, end


def _read_datetime(call: ApiCall, name: str) -> float:
    """Read a datetime with its time zone; seconds are ignored."""
    text = call.request.query_params.get(name)
    if text is None:
        raise _invalid_date(f"missing required parameter: {name}")
    try:
        time = dt.datetime.fromisoformat(text)
    except ValueError:
        raise _invalid_date(f"{name} is no datetime: {text}") from None
    if time.tzinfo is None:
        raise _invalid_date(f"{name} has no time zone: {text}")
    return time.replace(second=0, microsecond=0).timestamp()


def _invalid_date(message: str) -> ApiError:
    return ApiError(400, "INVALID_REPLICATION_DATE", message)
