"""The administrator's door: everything below `/_sandbox/`, which Salesforce does not have.

It takes no token and is not counted, slowed, limited or broken. reference.md lists the calls.
"""

from collections.abc import Callable

import msgspec

from crm_sandbox.admin_api.actions import SHARED_ACTIONS, Actions, read_body
from crm_sandbox.http.requests import Request
from crm_sandbox.http.responses import Response
from crm_sandbox.salesforce.hosts import host_of
from crm_sandbox.salesforce.org import Org
from crm_sandbox.salesforce.records import RecordChange
from crm_sandbox.salesforce.state import SandboxState

Action = Callable[[SandboxState, Request], object]


class OfOrg(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    org_id: str | None = None


class Records(OfOrg):
    records: list[RecordChange]


class Ids(OfOrg):
    object: str
    ids: list[str]


class Merge(OfOrg):
    object: str
    primary: str
    other: str


class Steps(OfOrg):
    steps: int = 1
    seed: int | None = None


class Connect(OfOrg):
    scopes: list[str] | None = None


class Tokens(OfOrg):
    expire: bool = False
    revoke: bool = False


def _org(state: SandboxState, body: OfOrg) -> Org:
    if body.org_id is None:
        return state.org
    org = state.orgs.get(body.org_id)
    if org is None:
        raise ValueError(f"There is no org {body.org_id}.")
    return org


def _put_records(state: SandboxState, request: Request) -> object:
    body = read_body(request, Records)
    org = _org(state, body)
    return {"ids": [org.upsert(change) for change in body.records]}


def _each(done: str, act: Callable[[Org, str, str], bool]) -> Action:
    """Do something to records one by one; tell to which of them it could be done."""

    def action(state: SandboxState, request: Request) -> object:
        body = read_body(request, Ids)
        org = _org(state, body)
        return {done: [one for one in body.ids if act(org, body.object, one)]}

    return action


def _merge(state: SandboxState, request: Request) -> object:
    body = read_body(request, Merge)
    return {"id": _org(state, body).merge(body.object, body.primary, body.other)}


def _mutate(state: SandboxState, request: Request) -> object:
    body = read_body(request, Steps)
    if body.seed is not None:
        state.set_script(body.seed)
    return {"mutations": msgspec.to_builtins(state.script.run(_org(state, body), body.steps))}


def _export(state: SandboxState, request: Request) -> Response:
    dataset = _org(state, read_body(request, OfOrg)).snapshot()
    return Response(dataset.lines(), media_type="application/x-ndjson")


def _connect(state: SandboxState, request: Request) -> object:
    body = read_body(request, Connect)
    scopes = None if body.scopes is None else tuple(body.scopes)
    return state.oauth.connect(_org(state, body).org_id, scopes, host_of(request))


def _tokens(state: SandboxState, request: Request) -> object:
    body = read_body(request, Tokens)
    if body.expire:
        state.oauth.expire_access_tokens(body.org_id)
    if body.revoke:
        state.oauth.uninstall(body.org_id)
    return {"expired": body.expire, "revoked": body.revoke}


ACTIONS: Actions = {
    **SHARED_ACTIONS,
    ("POST", "records"): _put_records,
    ("POST", "archive"): _each("archived", Org.delete),
    ("POST", "restore"): _each("restored", Org.undelete),
    ("POST", "erase"): _each("erased", Org.erase),
    ("POST", "touch"): _each("touched", Org.touch),
    ("POST", "merge"): _merge,
    ("POST", "mutate"): _mutate,
    ("POST", "export"): _export,
    ("POST", "connect"): _connect,
    ("POST", "tokens"): _tokens,
}
