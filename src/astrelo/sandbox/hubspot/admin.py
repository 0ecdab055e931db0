"""The administrator's door: everything below `/_sandbox/`, which HubSpot does not have.

It takes no token and is not counted, slowed, limited or broken. docs/sandbox.md lists the calls.
"""

import json

import msgspec

from astrelo.sandbox.administration import SHARED_ACTIONS, Actions, read_body
from astrelo.sandbox.administration import handle as handle_action
from astrelo.sandbox.hubspot.account import Account, RecordChange
from astrelo.sandbox.hubspot.state import SandboxState
from astrelo.sandbox.hubspot.webhooks import WebhookSettings
from astrelo.sandbox.messages import Request, Response


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
    response = await handle_action(_ACTIONS, state, request)
    state.webhooks.wake()
    return response


def _account(state: SandboxState, portal_id: int | None) -> Account:
    if portal_id is None:
        return state.account
    account = state.accounts.get(portal_id)
    if account is None:
        raise ValueError(f"There is no account {portal_id}.")
    return account


def _put_records(state: SandboxState, request: Request) -> object:
    body = read_body(request, Records)
    account = _account(state, body.portal_id)
    return {"ids": [account.upsert(change) for change in body.records]}


def _archive(state: SandboxState, request: Request) -> object:
    body = read_body(request, Ids)
    return {
        "archived": [name for name in body.ids if _account(state, body.portal_id).archive(body.object, name)]
    }


def _delete(state: SandboxState, request: Request) -> object:
    body = read_body(request, Ids)
    return {
        "deleted": [name for name in body.ids if _account(state, body.portal_id).delete(body.object, name)]
    }


def _restore(state: SandboxState, request: Request) -> object:
    body = read_body(request, Ids)
    return {
        "restored": [name for name in body.ids if _account(state, body.portal_id).restore(body.object, name)]
    }


def _gdpr_delete(state: SandboxState, request: Request) -> object:
    body = read_body(request, Contacts)
    return {"deleted": [name for name in body.ids if _account(state, body.portal_id).gdpr_delete(name)]}


def _merge(state: SandboxState, request: Request) -> object:
    body = read_body(request, Merge)
    return {"id": _account(state, body.portal_id).merge(body.object, body.primary, body.other)}


def _mutate(state: SandboxState, request: Request) -> object:
    body = read_body(request, Steps)
    if body.seed is not None:
        state.set_script(body.seed)
    done = state.script.run(_account(state, body.portal_id), body.steps)
    return {"mutations": msgspec.to_builtins(done)}


def _export(state: SandboxState, request: Request) -> Response:
    portal = _account(state, read_body(request, Chosen).portal_id).snapshot()
    return Response(status=200, body=portal.lines(), media_type="application/x-ndjson")


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
    body = read_body(request, Connect)
    scopes = None if body.scopes is None else tuple(body.scopes)
    return state.oauth.connect(_account(state, body.portal_id).portal_id, scopes)


def _tokens(state: SandboxState, request: Request) -> object:
    body = read_body(request, Tokens)
    if body.expire:
        state.oauth.expire_access_tokens(body.portal_id)
    if body.revoke:
        state.oauth.uninstall(body.portal_id)
    return {"expired": body.expire, "revoked": body.revoke}


def _scopes(state: SandboxState, request: Request) -> object:
    body = read_body(request, Scopes)
    for scope in body.remove:
        state.oauth.remove_scope(scope, body.portal_id)
    return {"removed": body.remove}


_ACTIONS: Actions[SandboxState] = {
    **SHARED_ACTIONS,
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
