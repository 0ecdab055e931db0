"""The small collections of an account: owners, pipelines, property definitions, account details."""

from typing import Any

from crm_sandbox.datasets import DatasetRecord
from crm_sandbox.http.messages import Request, Response, json_response
from crm_sandbox.hubspot.account.account import Account
from crm_sandbox.hubspot.account.store import id_order
from crm_sandbox.hubspot.errors import invalid, not_found
from crm_sandbox.hubspot.objects.object_types import object_type
from crm_sandbox.hubspot.objects.schema import pipelines
from crm_sandbox.hubspot.parameters import flag, page_limit, refuse_unsimulated

OWNERS_LIMIT = 500
_DEFINITIONS_ALONE = {"dataSensitivity": "non_sensitive", "locale": None, "properties": None}
"""Parameters of property definitions that choose others, or show them otherwise."""


def list_owners(account: Account, request: Request) -> Response:
    archived = flag(request, "archived")
    limit = page_limit(request, default=100, most=OWNERS_LIMIT)
    email, after = request.text("email"), request.text("after")
    found = sorted(
        (o for o in account.owners.values() if o.archived is archived), key=lambda o: id_order(o.id)
    )
    if email is not None:
        found = [owner for owner in found if owner.properties.get("email") == email]
    if after:
        found = [owner for owner in found if id_order(owner.id) >= id_order(after)]
    document: dict[str, object] = {"results": [_owner(owner) for owner in found[:limit]]}
    if len(found) > limit:
        following = found[limit].id
        link = f"https://api.hubapi.com/crm/v3/owners?after={following}"
        document["paging"] = {"next": {"after": following, "link": link}}
    return json_response(document)


def read_owner(account: Account, request: Request, owner_id: str) -> Response:
    archived = flag(request, "archived")
    by = request.text("idProperty") or "id"
    if by not in {"id", "userId"}:
        raise invalid(
            f"idProperty must be id or userId, not {by}.", code="INVALID_ID_PROPERTY", idProperty=by
        )
    for owner in account.owners.values():
        key = owner.id if by == "id" else owner.properties.get("userId")
        if key == owner_id and owner.archived is archived:
            return json_response(_owner(owner))
    raise not_found()


def _owner(owner: DatasetRecord) -> dict[str, object]:
    """Show an owner; a deactivated one has no `userId`, only the one that includes inactive users."""
    told = owner.properties.get("userId") or ""
    user_id = int(told) if told.isdecimal() else None
    return {
        "id": owner.id,
        "type": owner.properties.get("type") or "PERSON",
        "email": owner.properties.get("email"),
        "firstName": owner.properties.get("firstName"),
        "lastName": owner.properties.get("lastName"),
        "userId": None if owner.archived else user_id,
        "userIdIncludingInactive": user_id,
        "createdAt": owner.created_at,
        "updatedAt": owner.updated_at,
        "archived": owner.archived,
    }


def list_pipelines(account: Account, _request: Request, type_name: str) -> Response:
    return json_response({"results": _pipelines(account, type_name)})


def read_pipeline(account: Account, _request: Request, type_name: str, name: str) -> Response:
    return json_response(_named(_pipelines(account, type_name), name))


def list_stages(account: Account, _request: Request, type_name: str, pipeline: str) -> Response:
    return json_response({"results": _named(_pipelines(account, type_name), pipeline)["stages"]})


def read_stage(account: Account, _request: Request, type_name: str, pipeline: str, name: str) -> Response:
    return json_response(_named(_named(_pipelines(account, type_name), pipeline)["stages"], name))


def _pipelines(account: Account, type_name: str) -> list[dict[str, Any]]:
    return pipelines(account.deal_stages()) if object_type(type_name).plural == "deals" else []


def _named(found: list[dict[str, Any]], name: str) -> dict[str, Any]:
    for one in found:
        if one["id"] == name:
            return one
    raise not_found()


def list_properties(account: Account, request: Request, type_name: str) -> Response:
    refuse_unsimulated(request, **_DEFINITIONS_ALONE)
    schema = account.store.tables[object_type(type_name).plural].schema
    found = [] if flag(request, "archived") else [definition.document() for definition in schema.values()]
    return json_response({"results": found})


def read_property(account: Account, request: Request, type_name: str, name: str) -> Response:
    refuse_unsimulated(request, **_DEFINITIONS_ALONE)
    definition = account.store.tables[object_type(type_name).plural].schema.get(name)
    if definition is None:
        raise not_found(f"No property exists with name '{name}'.")
    return json_response(definition.document())


def account_details(account: Account, _request: Request) -> Response:
    return json_response(account.details())


def account_details_v3(account: Account, _request: Request) -> Response:
    return json_response(account.details_v3())
