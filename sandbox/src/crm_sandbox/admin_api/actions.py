"""The admin API's calls that mean the same for every CRM. reference.md lists them."""

import json
import math
from collections.abc import Awaitable, Callable, Mapping
from inspect import isawaitable
from typing import Any, TypeVar

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request as StarletteRequest
from starlette.routing import Route
from starlette.types import ExceptionHandler

from crm_sandbox.faults.fault import Fault
from crm_sandbox.faults.plan import FaultPlan
from crm_sandbox.http.reference_page import reference_page
from crm_sandbox.http.requests import Request
from crm_sandbox.http.responses import HTMLResponse, JsonResponse, Response
from crm_sandbox.simulated_crm import Refused
from crm_sandbox.state import SimulatedCrmState

Body = TypeVar("Body")
State = TypeVar("State", bound=SimulatedCrmState)
Action = Callable[[Any, Request], object]
Actions = Mapping[tuple[str, str], Action]
"""By method and name: functions of the sandbox's state and the request that return a Response or anything JSON can hold."""


class Advance(msgspec.Struct, forbid_unknown_fields=True):
    advance_seconds: float


class Faults(msgspec.Struct, forbid_unknown_fields=True):
    faults: list[Fault]


def admin_routes(actions: Actions) -> list[Route]:
    return [Route(f"/{name}", _endpoint(act), methods=[method]) for (method, name), act in actions.items()]


def _endpoint(act: Action) -> Callable[[StarletteRequest], Awaitable[Response]]:
    async def endpoint(received: StarletteRequest) -> Response:
        request = await Request.read(received.scope, received.receive)
        result = act(request.app.state.sandbox, request)
        if isawaitable(result):
            result = await result
        return result if isinstance(result, Response) else JsonResponse(result)

    return endpoint


async def _refuse(_request: StarletteRequest, error: Exception) -> Response:
    return JsonResponse({"message": str(error)}, 400)


async def _not_found(request: StarletteRequest, _error: Exception) -> Response:
    return JsonResponse({"message": f"There is no {request.method} {request.url.path}."}, 404)


exception_handlers: dict[Any, ExceptionHandler] = {
    HTTPException: _not_found,
    Refused: _refuse,
    ValueError: _refuse,
    OverflowError: _refuse,
    RecursionError: _refuse,
}
"""400 with the reason for a body that does not fit, 404 for an unknown call."""


def read_body(request: Request, shape: type[Body]) -> Body:
    """Return the body as `shape`, read by the standard library: a test may want lone surrogates in its records.

    Raises ValueError for a number that is none, or not finite, which the standard library takes.
    """
    document = json.loads(request.content or b"{}", parse_constant=_parse_finite, parse_float=_parse_finite)
    return msgspec.convert(document, shape)


def _parse_finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no finite number.")
    return number


def _about(state: SimulatedCrmState, _request: Request) -> object:
    return {
        "accounts": state.describe_accounts(),
        "now": state.clock.now(),
        "flags": msgspec.to_builtins(state.flags),
    }


def _reference(_state: SimulatedCrmState, _request: Request) -> object:
    return HTMLResponse(reference_page())


def _stats(state: SimulatedCrmState, _request: Request) -> object:
    return state.stats()


def _requests(state: SimulatedCrmState, _request: Request) -> object:
    return [msgspec.to_builtins(entry) for entry in state.journal.entries]


def _secrets(state: SimulatedCrmState, _request: Request) -> object:
    return [{"kind": secret.kind, "value": secret.value} for secret in state.authority.issued]


def _clock(state: SimulatedCrmState, request: Request) -> object:
    state.clock.advance(read_body(request, Advance).advance_seconds)
    return {"now": state.clock.now()}


def _flags(state: SimulatedCrmState, request: Request) -> object:
    wanted = read_body(request, dict[str, object])
    known = msgspec.to_builtins(state.flags)
    if unknown := wanted.keys() - known.keys():
        raise ValueError(f"There is no flag {', '.join(sorted(unknown))}.")
    state.set_flags(msgspec.convert(known | wanted, type(state.flags)))
    return msgspec.to_builtins(state.flags)


def _add_faults(state: SimulatedCrmState, request: Request) -> object:
    state.faults.add(*read_body(request, Faults).faults)
    return _list_faults(state, request)


def _list_faults(state: SimulatedCrmState, _request: Request) -> object:
    return {"waiting": msgspec.to_builtins(state.faults.waiting)}


def _clear_faults(state: SimulatedCrmState, request: Request) -> object:
    state.faults.clear()
    return _list_faults(state, request)


def _set_plan(state: SimulatedCrmState, request: Request) -> object:
    state.set_plan(read_body(request, FaultPlan))
    return _show_plan(state, request)


def _show_plan(state: SimulatedCrmState, _request: Request) -> object:
    return {"plan": msgspec.to_builtins(state.planned.plan), "hits": state.planned.hits}


def _clear_plan(state: SimulatedCrmState, request: Request) -> object:
    state.set_plan(FaultPlan())
    return _show_plan(state, request)


SHARED_ACTIONS: Actions = {
    ("GET", "about"): _about,
    ("GET", "reference"): _reference,
    ("GET", "stats"): _stats,
    ("GET", "requests"): _requests,
    ("GET", "secrets"): _secrets,
    ("POST", "clock"): _clock,
    ("POST", "flags"): _flags,
    ("GET", "faults"): _list_faults,
    ("POST", "faults"): _add_faults,
    ("DELETE", "faults"): _clear_faults,
    ("GET", "fault-plan"): _show_plan,
    ("POST", "fault-plan"): _set_plan,
    ("DELETE", "fault-plan"): _clear_plan,
}
