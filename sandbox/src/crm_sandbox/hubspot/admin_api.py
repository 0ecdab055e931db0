"""The admin API: everything below `/_sandbox/`, which HubSpot does not have.

It takes no token and is not counted, slowed, limited or broken. reference.md lists the calls.
"""

import json
from collections.abc import Callable

import msgspec

from crm_sandbox.admin_api.actions import SHARED_ACTIONS, Actions, read_body
from crm_sandbox.http.requests import Request
from crm_sandbox.http.responses import Response
from crm_sandbox.hubspot.account.account import Account, RecordChange
from crm_sandbox.hubspot.state import SandboxState
from crm_sandbox.hubspot.webhooks.delivery import WebhookSettings

Action = Callable[[SandboxState, Request], object]


class AccountBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    portal_id: int | None = None


class Records(AccountBody):
    records: list[RecordChange]


class Ids(AccountBody):
    object: str
    ids: list[str]


class Merge(AccountBody):
    object: str
    primary: str
    other: str


class Contacts(AccountBody):
    ids: list[str]


class Steps(AccountBody):
    steps: int = 1
    seed: int | None = None


class Connect(AccountBody):
    scopes: list[str] | None = None


class Tokens(AccountBody):
    expire: bool = False
    revoke: bool = False


class Scopes(AccountBody):
    remove: list[str]


def _account(state: SandboxState, body: AccountBody) -> Account:
    if body.portal_id is None:
        return state.account
    account = state.accounts.get(body.portal_id)
    if account is None:
        raise ValueError(f"There is no account {body.portal_id}.")
    return account


def _put_records(state: SandboxState, request: Request) -> object:
    body = read_body(request, Records)
    account = _account(state, body)
    return {"ids": [account.upsert(change) for change in body.records]}


def _each(done: str, act: Callable[[Account, str, str], bool]) -> Action:
    """Make an action that does something to records one by one, and returns the ids that it was done to."""

    def action(state: SandboxState, request: Request) -> object:
        body = read_body(request, Ids)
        account = _account(state, body)
        return {done: [one for one in body.ids if act(account, body.object, one)]}

    return action


def _gdpr_delete(state: SandboxState, request: Request) -> object:
    body = read_body(request, Contacts)
    account = _account(state, body)
    return {"deleted": [one for one in body.ids if account.gdpr_delete(one)]}


def _merge(state: SandboxState, request: Request) -> object:
    body = read_body(request, Merge)
    return {"id": _account(state, body).merge(body.object, body.primary, body.other)}


def _mutate(state: SandboxState, request: Request) -> object:
    body = read_body(request, Steps)
    if body.seed is not None:
        state.set_script(body.seed)
    done = state.script.run(_account(state, body), body.steps)
    return {"mutations": msgspec.to_builtins(done)}


def _export(state: SandboxState, request: Request) -> Response:
    dataset = _account(state, read_body(request, AccountBody)).snapshot()
    return Response(dataset.lines(), media_type="application/x-ndjson")


def _set_webhooks(state: SandboxState, request: Request) -> object:
    wanted = json.loads(request.content or b"{}")
    settings = msgspec.to_builtins(state.webhooks.settings) | wanted
    state.webhooks.configure(msgspec.convert(settings, WebhookSettings))
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
    return state.oauth.connect(_account(state, body).portal_id, scopes)


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


ACTIONS: Actions = {
    **SHARED_ACTIONS,
    ("POST", "records"): _put_records,
    ("POST", "archive"): _each("archived", Account.archive),
    ("POST", "delete"): _each("deleted", Account.delete),
    ("POST", "gdpr-delete"): _gdpr_delete,
    ("POST", "restore"): _each("restored", Account.restore),
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
