"""Associations: the batch endpoint, the single one, and the short form inside lists."""

import msgspec

from crm_sandbox.clock import iso
from crm_sandbox.hubspot.account import Account
from crm_sandbox.hubspot.association_types import ANY_TYPE_IDS, PRIMARY_TYPE_IDS
from crm_sandbox.hubspot.errors import invalid, not_found
from crm_sandbox.hubspot.object_types import ObjectType, object_type
from crm_sandbox.hubspot.parameters import json_body, page_limit
from crm_sandbox.hubspot.store import id_order
from crm_sandbox.messages import Request, Response, batch_response, json_response

BATCH_LIMIT = 1000
SINGLE_LIMIT = 500
INLINE_LIMIT = 100
LONGEST_NUMBER = 18
"""Digits that surely fit into 64 bits; an id with more is told as text."""


class Input(msgspec.Struct):
    id: str
    after: str | None = None


class BatchRead(msgspec.Struct):
    inputs: list[Input]


class Direction:
    """Associations of one pair of object types, in HubSpot's words."""

    def __init__(self, account: Account, source: ObjectType, target: ObjectType) -> None:
        self._account = account
        self._source = source
        self._target = target
        pair = (source.plural, target.plural)
        self._any = _type(ANY_TYPE_IDS[pair], None)
        self._primary = _type(PRIMARY_TYPE_IDS[pair], "Primary") if pair in PRIMARY_TYPE_IDS else None

    def page(self, source_id: str, after: str | None, size: int) -> tuple[list[object], str | None]:
        """Up to `size` targets from the id `after` on, and the id to go on with."""
        linked = self._account.store.linked(self._source, source_id, self._target)
        if after:
            linked = [pair for pair in linked if id_order(pair[0]) >= id_order(after)]
        following = linked[size][0] if len(linked) > size else None
        return [self._entry(*pair) for pair in linked[:size]], following

    def miss(self, source_id: str) -> dict[str, object]:
        source, target = self._source.singular, self._target.singular
        return {
            "status": "error",
            "category": "OBJECT_NOT_FOUND",
            "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
            "message": f"No {target} is associated with {source} {source_id}.",
            "context": {"fromObjectId": [source_id], "fromObjectType": [source], "toObjectType": [target]},
        }

    def _entry(self, target_id: str, primary: bool) -> object:  # noqa: FBT001 - half of the pair that links are
        types = [self._any, self._primary] if primary and self._primary else [self._any]
        as_text = self._account.switches.string_association_ids or len(target_id) > LONGEST_NUMBER
        told = target_id if as_text else int(target_id)
        return {"toObjectId": told, "associationTypes": types}


def _type(type_id: int, label: str | None) -> dict[str, object]:
    return {"category": "HUBSPOT_DEFINED", "typeId": type_id, "label": label}


def batch_read(account: Account, request: Request, source: str, target: str) -> Response:
    direction = Direction(account, object_type(source), object_type(target))
    body = json_body(request, BatchRead)
    if len(body.inputs) > BATCH_LIMIT:
        raise invalid(
            f"The maximum number of inputs supported in a batch request for associations is {BATCH_LIMIT}."
        )
    size = account.switches.association_page_size
    results: list[object] = []
    misses: list[object] = []
    for entry in {entry.id: entry for entry in body.inputs}.values():
        to, following = direction.page(entry.id, entry.after, size)
        if not to:
            misses.append(direction.miss(entry.id))
            continue
        result: dict[str, object] = {"from": {"id": entry.id}, "to": to}
        if following is not None:
            result["paging"] = _paging(following)
        results.append(result)
    now = iso(account.clock.now())
    return batch_response(results, misses, now, now)


def of_one(account: Account, request: Request, source: str, source_id: str, target: str) -> Response:
    kind = object_type(source)
    direction = Direction(account, kind, object_type(target))
    if not account.store.tables[kind.plural].is_live(source_id):
        raise not_found()
    size = page_limit(request, default=SINGLE_LIMIT, most=SINGLE_LIMIT)
    results, following = direction.page(source_id, request.text("after"), size)
    document: dict[str, object] = {"results": results}
    return json_response(document if following is None else document | {"paging": _paging(following)})


def _paging(after: str) -> dict[str, object]:
    return {"next": {"after": after, "link": f"https://api.hubapi.com/crm/v4/associations?after={after}"}}


def inline(account: Account, source: ObjectType, source_id: str, target: ObjectType) -> dict[str, object]:
    """Return the short form inside a record: textual types, a primary one told twice; empty without any."""
    linked = account.store.linked(source, source_id, target)
    if not linked:
        return {}
    name = f"{source.singular}_to_{target.singular}"
    labelled = (source.plural, target.plural) in PRIMARY_TYPE_IDS
    results: list[object] = []
    for target_id, primary in linked[:INLINE_LIMIT]:
        if primary or not labelled:
            results.append({"id": target_id, "type": name})
        if labelled:
            results.append({"id": target_id, "type": f"{name}_unlabeled"})
    document: dict[str, object] = {"results": results}
    if len(linked) > INLINE_LIMIT:
        document["paging"] = _paging(linked[INLINE_LIMIT][0])
    return document
