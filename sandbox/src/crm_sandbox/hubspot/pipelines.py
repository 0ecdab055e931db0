"""Deal pipelines and their stages."""

from collections.abc import Iterable, Mapping
from typing import Any

from crm_sandbox.http.requests import Request
from crm_sandbox.http.responses import JsonResponse, Response
from crm_sandbox.hubspot.account.account import Account
from crm_sandbox.hubspot.errors import not_found
from crm_sandbox.hubspot.objects.object_types import object_type
from crm_sandbox.hubspot.objects.schema import EPOCH

_STAGES = (
    ("appointmentscheduled", "Appointment Scheduled", "0.2"),
    ("qualifiedtobuy", "Qualified To Buy", "0.4"),
    ("presentationscheduled", "Presentation Scheduled", "0.6"),
    ("decisionmakerboughtin", "Decision Maker Bought-In", "0.8"),
    ("contractsent", "Contract Sent", "0.9"),
    ("closedwon", "Closed Won", "1.0"),
    ("closedlost", "Closed Lost", "0.0"),
)


def list_pipelines(account: Account, _request: Request, type_name: str) -> Response:
    return JsonResponse({"results": _pipelines(account, type_name)})


def read_pipeline(account: Account, _request: Request, type_name: str, pipeline: str) -> Response:
    return JsonResponse(_find(_pipelines(account, type_name), pipeline))


def list_stages(account: Account, _request: Request, type_name: str, pipeline: str) -> Response:
    return JsonResponse({"results": _find(_pipelines(account, type_name), pipeline)["stages"]})


def read_stage(account: Account, _request: Request, type_name: str, pipeline: str, stage: str) -> Response:
    return JsonResponse(_find(_find(_pipelines(account, type_name), pipeline)["stages"], stage))


def _pipelines(account: Account, type_name: str) -> list[dict[str, Any]]:
    return build_pipelines(account.deal_stages()) if object_type(type_name).plural == "deals" else []


def _find(found: list[dict[str, Any]], name: str) -> dict[str, Any]:
    for one in found:
        if one["id"] == name:
            return one
    raise not_found()


def build_pipelines(deal_stages: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
    """Return the default sales pipeline, and one for every other (pipeline, stage) that deals are in."""
    stages = {("default", stage): (label, probability) for stage, label, probability in _STAGES}
    for pair in sorted(deal_stages):
        stages.setdefault(pair, (f"Stage {pair[1]}", "0.5"))
    names = dict.fromkeys(pipeline for pipeline, _ in stages)
    return [_pipeline(name, order, stages) for order, name in enumerate(names)]


def _pipeline(name: str, order: int, stages: Mapping[tuple[str, str], tuple[str, str]]) -> dict[str, Any]:
    mine = [(stage, *shown) for (pipeline, stage), shown in stages.items() if pipeline == name]
    return {
        "id": name,
        "label": "Sales Pipeline" if name == "default" else f"Pipeline {name}",
        "displayOrder": order,
        "archived": False,
        "createdAt": EPOCH,
        "updatedAt": EPOCH,
        "stages": [_stage(place, *stage) for place, stage in enumerate(mine)],
    }


def _stage(order: int, name: str, label: str, probability: str) -> dict[str, object]:
    closed = probability in {"1.0", "0.0"}
    return {
        "id": name,
        "label": label,
        "displayOrder": order,
        "metadata": {"isClosed": str(closed).lower(), "probability": probability},
        "archived": False,
        "createdAt": EPOCH,
        "updatedAt": EPOCH,
        "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
    }
