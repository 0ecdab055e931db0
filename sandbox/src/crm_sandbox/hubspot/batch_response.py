"""The shape of HubSpot's batch responses."""

from collections.abc import Sequence

from crm_sandbox.clock import SandboxClock, format_iso
from crm_sandbox.http.responses import JsonResponse, Response

_MULTI_STATUS = 207


def batch_response(results: Sequence[object], errors: Sequence[object], clock: SandboxClock) -> Response:
    """Respond 200 when everything was found, 207 with the errors otherwise."""
    now = format_iso(clock.now())
    document: dict[str, object] = {
        "status": "COMPLETE",
        "results": results,
        "startedAt": now,
        "completedAt": now,
    }
    if not errors:
        return JsonResponse(document)
    return JsonResponse(document | {"numErrors": len(errors), "errors": errors}, _MULTI_STATUS)
