"""The administrator's calls that mean the same for every CRM. reference.md lists them."""

import json
from collections.abc import Callable, Mapping
from inspect import isawaitable
from typing import TypeVar

import msgspec

from crm_sandbox.faults.fault import Fault
from crm_sandbox.faults.plan import FaultPlan
from crm_sandbox.http.application import ADMIN_PREFIX
from crm_sandbox.http.messages import Request, Response, html_response, json_response
from crm_sandbox.http.reference_page import reference_page
from crm_sandbox.simulated_crm import Refused
from crm_sandbox.state import SimulatedCrmState

Body = TypeVar("Body")
State = TypeVar("State", bound=SimulatedCrmState)
Actions = Mapping[tuple[str, str], Callable[[State, Request], object]]


class Advance(msgspec.Struct, forbid_unknown_fields=True):
    advance_seconds: float


class Faults(msgspec.Struct, forbid_unknown_fields=True):
    faults: list[Fault]


async def handle(actions: Actions[State], state: State, request: Request) -> Response:
    """Do one call; 404 for an unknown one, 400 with the reason for a body that does not fit.

    An action gives a Response or anything JSON can tell, at once or when awaited.
    """
    action = actions.get((request.method, request.path.removeprefix(ADMIN_PREFIX)))
    if action is None:
        return json_response({"message": f"There is no {request.method} {request.path}."}, status=404)
    try:
        answer = action(state, request)
        if isawaitable(answer):
            answer = await answer
    except (ValueError, Refused) as error:
        return json_response({"message": str(error)}, status=400)
    return answer if isinstance(answer, Response) else json_response(answer)


def read_body(request: Request, shape: type[Body]) -> Body:
    """Return the body as `shape`, read by the standard library: a test may want lone surrogates in its records."""
    return msgspec.convert(json.loads(request.body or b"{}"), shape)


def _about(state: SimulatedCrmState, _request: Request) -> object:
    return {
        "accounts": state.describe_accounts(),
        "now": state.clock.now(),
        "flags": msgspec.to_builtins(state.flags),
    }


def _reference(_state: SimulatedCrmState, _request: Request) -> object:
    return html_response(reference_page())


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


SHARED_ACTIONS: Actions[SimulatedCrmState] = {
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
