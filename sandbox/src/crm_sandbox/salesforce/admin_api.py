"""The admin API of a Salesforce sandbox, below `/_sandbox/`.

Its calls take no token; no limit counts them and no fault strikes them. reference.md lists them.
"""

from collections.abc import Callable

import msgspec

from crm_sandbox.admin_api.actions import SHARED_ACTIONS, Actions, read_body
from crm_sandbox.http.requests import Request
from crm_sandbox.http.responses import Response
from crm_sandbox.salesforce.oauth.hosts import get_host
from crm_sandbox.salesforce.org.org import Org
from crm_sandbox.salesforce.org.records import RecordChange
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


def _find_org(state: SandboxState, body: OfOrg) -> Org:
    if body.org_id is None:
        return state.org
    org = state.orgs.get(body.org_id)
    if org is None:
        raise ValueError(f"There is no org {body.org_id}.")
    return org


def _put_records(state: SandboxState, request: Request) -> object:
    body = read_body(request, Records)
    org = _find_org(state, body)
    return {"ids": [org.upsert(change) for change in body.records]}


def _apply_to_each(done: str, act: Callable[[Org, str, str], bool]) -> Action:
    """Return an action that applies `act` to each id, and lists under `done` those that it changed."""

    def action(state: SandboxState, request: Request) -> object:
        body = read_body(request, Ids)
        org = _find_org(state, body)
        return {done: [one for one in body.ids if act(org, body.object, one)]}

    return action


def _merge(state: SandboxState, request: Request) -> object:
    body = read_body(request, Merge)
    return {"id": _find_org(state, body).merge(body.object, body.primary, body.other)}


def _mutate(state: SandboxState, request: Request) -> object:
    body = read_body(request, Steps)
    if body.seed is not None:
        state.set_script(body.seed)
    return {"mutations": msgspec.to_builtins(state.script.run(_find_org(state, body), body.steps))}


def _export(state: SandboxState, request: Request) -> Response:
    dataset = _find_org(state, read_body(request, OfOrg)).snapshot()
    return Response(dataset.lines(), media_type="application/x-ndjson")


def _connect(state: SandboxState, request: Request) -> object:
    body = read_body(request, Connect)
    scopes = None if body.scopes is None else tuple(body.scopes)
    return state.oauth.connect(_find_org(state, body).org_id, scopes, get_host(request))


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
    ("POST", "archive"): _apply_to_each("archived", Org.delete),
    ("POST", "restore"): _apply_to_each("restored", Org.undelete),
    ("POST", "erase"): _apply_to_each("erased", Org.erase),
    ("POST", "touch"): _apply_to_each("touched", Org.touch),
    ("POST", "merge"): _merge,
    ("POST", "mutate"): _mutate,
    ("POST", "export"): _export,
    ("POST", "connect"): _connect,
    ("POST", "tokens"): _tokens,
}
