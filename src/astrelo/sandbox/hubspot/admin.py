"""The administrator's door: everything below `/_sandbox/`, which HubSpot does not have.

It takes no token and is not counted, slowed, limited or broken. docs/sandbox.md lists the calls.
"""

import json
from collections.abc import Callable
from inspect import isawaitable
from typing import TypeVar

import msgspec

from astrelo.sandbox.fault_plan import FaultPlan
from astrelo.sandbox.faults import Fault
from astrelo.sandbox.hubspot.account import Account, RecordChange, Switches
from astrelo.sandbox.hubspot.errors import Refusal
from astrelo.sandbox.hubspot.state import SandboxState
from astrelo.sandbox.hubspot.webhooks import WebhookSettings
from astrelo.sandbox.messages import Request, Response, json_response

Body = TypeVar("Body")
PREFIX = "/_sandbox/"


class Advance(msgspec.Struct, forbid_unknown_fields=True):
    advance_seconds: float


class Faults(msgspec.Struct, forbid_unknown_fields=True):
    faults: list[Fault]


class Records(msgspec.Struct, forbid_unknown_fields=True):
    records: list[RecordChange]
    portal_id: int | None = None


class Ids(msgspec.Struct, forbid_unknown_fields=True):
    object: str
    ids: list[str]
    portal_id: int | None = None


class Merge(msgspec.Struct, forbid_unknown_fields=True):
    object: str
    primary: str
    other: str
    portal_id: int | None = None


class Contacts(msgspec.Struct, forbid_unknown_fields=True):
    ids: list[str]
    portal_id: int | None = None


class Steps(msgspec.Struct, forbid_unknown_fields=True):
    steps: int = 1
    seed: int | None = None
    portal_id: int | None = None


class Chosen(msgspec.Struct, forbid_unknown_fields=True):
    portal_id: int | None = None


class Connect(msgspec.Struct, forbid_unknown_fields=True):
    scopes: list[str] | None = None
    portal_id: int | None = None


class Tokens(msgspec.Struct, forbid_unknown_fields=True):
    expire: bool = False
    revoke: bool = False
    portal_id: int | None = None


class Scopes(msgspec.Struct, forbid_unknown_fields=True):
    remove: list[str]
    portal_id: int | None = None


async def handle(state: SandboxState, request: Request) -> Response:
    """Do one call; 404 for an unknown one, 400 with the reason for a body that does not fit."""
    action = _ACTIONS.get((request.method, request.path.removeprefix(PREFIX)))
    if action is None:
        return json_response({"message": f"There is no {request.method} {request.path}."}, status=404)
    try:
        answer = action(state, request)
        if isawaitable(answer):
            answer = await answer
    except (ValueError, Refusal) as error:
        return json_response({"message": str(error)}, status=400)
    return answer if isinstance(answer, Response) else json_response(answer)


def _body(request: Request, shape: type[Body]) -> Body:
    """Return the body as `shape`, read by the standard library: a test may want lone surrogates in its records."""
    return msgspec.convert(json.loads(request.body or b"{}"), shape)


def _account(state: SandboxState, portal_id: int | None) -> Account:
    if portal_id is None:
        return state.account
    account = state.accounts.get(portal_id)
    if account is None:
        raise ValueError(f"There is no account {portal_id}.")
    return account


def _about(state: SandboxState, _request: Request) -> object:
    return {
        "accounts": [
            {"portal_id": account.portal_id, "name": account.name} for account in state.accounts.values()
        ],
        "now": state.clock.now(),
        "switches": msgspec.to_builtins(state.switches),
    }


def _stats(state: SandboxState, _request: Request) -> object:
    return state.stats()


def _requests(state: SandboxState, _request: Request) -> object:
    return [msgspec.to_builtins(entry) for entry in state.journal.entries]


def _secrets(state: SandboxState, _request: Request) -> object:
    return [{"kind": secret.kind, "value": secret.value} for secret in state.oauth.issued]


def _clock(state: SandboxState, request: Request) -> object:
    state.clock.advance(_body(request, Advance).advance_seconds)
    return {"now": state.clock.now()}


def _switches(state: SandboxState, request: Request) -> object:
    wanted = json.loads(request.body or b"{}")
    changed = msgspec.convert(msgspec.to_builtins(state.switches) | wanted, Switches)
    if unknown := wanted.keys() - msgspec.to_builtins(changed).keys():
        raise ValueError(f"There is no switch {', '.join(sorted(unknown))}.")
    state.set_switches(changed)
    return msgspec.to_builtins(state.switches)


def _add_faults(state: SandboxState, request: Request) -> object:
    state.faults.add(*_body(request, Faults).faults)
    return _list_faults(state, request)


def _list_faults(state: SandboxState, _request: Request) -> object:
    return {"waiting": msgspec.to_builtins(state.faults.waiting)}


def _clear_faults(state: SandboxState, request: Request) -> object:
    state.faults.clear()
    return _list_faults(state, request)


def _put_records(state: SandboxState, request: Request) -> object:
    body = _body(request, Records)
    account = _account(state, body.portal_id)
    return {"ids": [account.upsert(change) for change in body.records]}


def _archive(state: SandboxState, request: Request) -> object:
    body = _body(request, Ids)
    return {
        "archived": [name for name in body.ids if _account(state, body.portal_id).archive(body.object, name)]
    }


def _delete(state: SandboxState, request: Request) -> object:
    body = _body(request, Ids)
    return {
        "deleted": [name for name in body.ids if _account(state, body.portal_id).delete(body.object, name)]
    }


def _restore(state: SandboxState, request: Request) -> object:
    body = _body(request, Ids)
    return {
        "restored": [name for name in body.ids if _account(state, body.portal_id).restore(body.object, name)]
    }


def _gdpr_delete(state: SandboxState, request: Request) -> object:
    body = _body(request, Contacts)
    return {"deleted": [name for name in body.ids if _account(state, body.portal_id).gdpr_delete(name)]}


def _merge(state: SandboxState, request: Request) -> object:
    body = _body(request, Merge)
    return {"id": _account(state, body.portal_id).merge(body.object, body.primary, body.other)}


def _mutate(state: SandboxState, request: Request) -> object:
    body = _body(request, Steps)
    if body.seed is not None:
        state.set_script(body.seed)
    done = state.script.run(_account(state, body.portal_id), body.steps)
    return {"mutations": msgspec.to_builtins(done)}


def _export(state: SandboxState, request: Request) -> Response:
    portal = _account(state, _body(request, Chosen).portal_id).snapshot()
    return Response(status=200, body=portal.lines(), media_type="application/x-ndjson")


def _set_plan(state: SandboxState, request: Request) -> object:
    state.set_plan(_body(request, FaultPlan))
    return _show_plan(state, request)


def _show_plan(state: SandboxState, _request: Request) -> object:
    return {"plan": msgspec.to_builtins(state.planned.plan), "hits": state.planned.hits}


def _clear_plan(state: SandboxState, request: Request) -> object:
    state.set_plan(FaultPlan())
    return _show_plan(state, request)


def _set_webhooks(state: SandboxState, request: Request) -> object:
    wanted = json.loads(request.body or b"{}")
    told = msgspec.to_builtins(state.webhooks.settings) | wanted
    state.webhooks.configure(msgspec.convert(told, WebhookSettings))
    return state.webhooks.status()


def _show_webhooks(state: SandboxState, _request: Request) -> object:
    return state.webhooks.status()


def _clear_webhooks(state: SandboxState, _request: Request) -> object:
    state.webhooks.clear()
    return state.webhooks.status()


async def _flush_webhooks(state: SandboxState, _request: Request) -> object:
    await state.webhooks.flush()
    return state.webhooks.status()


def _connect(state: SandboxState, request: Request) -> object:
    body = _body(request, Connect)
    scopes = None if body.scopes is None else tuple(body.scopes)
    return state.oauth.connect(_account(state, body.portal_id).portal_id, scopes)


def _tokens(state: SandboxState, request: Request) -> object:
    body = _body(request, Tokens)
    if body.expire:
        state.oauth.expire_access_tokens(body.portal_id)
    if body.revoke:
        state.oauth.uninstall(body.portal_id)
    return {"expired": body.expire, "revoked": body.revoke}


def _scopes(state: SandboxState, request: Request) -> object:
    body = _body(request, Scopes)
    for scope in body.remove:
        state.oauth.remove_scope(scope, body.portal_id)
    return {"removed": body.remove}


_ACTIONS: dict[tuple[str, str], Callable[[SandboxState, Request], object]] = {
    ("GET", "about"): _about,
    ("GET", "stats"): _stats,
    ("GET", "requests"): _requests,
    ("GET", "secrets"): _secrets,
    ("POST", "clock"): _clock,
    ("POST", "switches"): _switches,
    ("GET", "faults"): _list_faults,
    ("POST", "faults"): _add_faults,
    ("DELETE", "faults"): _clear_faults,
    ("GET", "fault-plan"): _show_plan,
    ("POST", "fault-plan"): _set_plan,
    ("DELETE", "fault-plan"): _clear_plan,
    ("POST", "records"): _put_records,
    ("POST", "archive"): _archive,
    ("POST", "delete"): _delete,
    ("POST", "gdpr-delete"): _gdpr_delete,
    ("POST", "restore"): _restore,
    ("POST", "merge"): _merge,
    ("POST", "mutate"): _mutate,
    ("POST", "export"): _export,
    ("GET", "webhooks"): _show_webhooks,
    ("POST", "webhooks"): _set_webhooks,
    ("DELETE", "webhooks"): _clear_webhooks,
    ("POST", "webhooks/flush"): _flush_webhooks,
    ("POST", "connect"): _connect,
    ("POST", "tokens"): _tokens,
    ("POST", "scopes"): _scopes,
}
