"""The owners of an account."""

from crm_sandbox.datasets import DatasetRecord
from crm_sandbox.http.requests import Request
from crm_sandbox.http.responses import JsonResponse, Response
from crm_sandbox.hubspot.account.account import Account
from crm_sandbox.hubspot.account.store import id_order
from crm_sandbox.hubspot.errors import invalid, not_found
from crm_sandbox.hubspot.paging import next_page
from crm_sandbox.hubspot.parameters import page_limit, read_boolean

MAX_OWNERS = 500


def list_owners(account: Account, request: Request) -> Response:
    archived = read_boolean(request, "archived")
    limit = page_limit(request, default=100, maximum=MAX_OWNERS)
    email, after = request.query_params.get("email"), request.query_params.get("after")
    found = sorted(
        (o for o in account.owners.values() if o.archived is archived), key=lambda o: id_order(o.id)
    )
    if email is not None:
        found = [owner for owner in found if owner.properties.get("email") == email]
    if after:
        found = [owner for owner in found if id_order(owner.id) >= id_order(after)]
    document: dict[str, object] = {"results": [_owner(owner) for owner in found[:limit]]}
    if len(found) > limit:
        document["paging"] = next_page(request, found[limit].id)
    return JsonResponse(document)


def read_owner(account: Account, request: Request, owner_id: str) -> Response:
    archived = read_boolean(request, "archived")
    by = request.query_params.get("idProperty") or "id"
    if by not in {"id", "userId"}:
        raise invalid(
            f"idProperty must be id or userId, not {by}.", code="INVALID_ID_PROPERTY", idProperty=by
        )
    for owner in account.owners.values():
        key = owner.id if by == "id" else owner.properties.get("userId")
        if key == owner_id and owner.archived is archived:
            return JsonResponse(_owner(owner))
    raise not_found()


def _owner(owner: DatasetRecord) -> dict[str, object]:
    """Show an owner; a deactivated one has no `userId`, only the one that includes inactive users."""
    text = owner.properties.get("userId") or ""
    user_id = int(text) if text.isdecimal() else None
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
