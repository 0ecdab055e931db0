"""Associations: many records' at once, one record's, and those inside lists; with labels, or in v3's older shape."""

from abc import abstractmethod
from collections.abc import Sequence

import msgspec

from crm_sandbox.http.requests import Request
from crm_sandbox.http.responses import JsonResponse, Response
from crm_sandbox.hubspot.account.account import Account
from crm_sandbox.hubspot.account.store import id_order
from crm_sandbox.hubspot.associations.types import ANY_TYPE_IDS, PRIMARY_LABELS, PRIMARY_TYPE_IDS
from crm_sandbox.hubspot.batch_response import batch_response
from crm_sandbox.hubspot.errors import invalid, not_found
from crm_sandbox.hubspot.objects.object_types import ObjectType, object_type
from crm_sandbox.hubspot.paging import next_page
from crm_sandbox.hubspot.parameters import json_body, page_limit
from crm_sandbox.not_simulated import NotSimulated

BATCH_LIMIT = 1000
SINGLE_LIMIT = 500
INLINE_LIMIT = 100
MAX_NUMBER_LENGTH = 18
"""Digits that surely fit into 64 bits; an id with more is shown as text."""


class Input(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    after: str | None = None


class BatchRead(msgspec.Struct, forbid_unknown_fields=True):
    inputs: list[Input]


class Direction:
    """Associations of one pair of object types."""

    def __init__(self, account: Account, source: ObjectType, target: ObjectType) -> None:
        self._account = account
        self.source = source
        self._target = target
        self._pair = (source.plural, target.plural)

    @abstractmethod
    def entries(self, target_id: str, *, primary: bool) -> Sequence[object]:
        """Show one association."""

    def page(self, source_id: str, after: str | None, size: int) -> tuple[list[object], str | None]:
        """Up to `size` targets from the id `after` on, and the id to go on with."""
        linked = self._account.store.linked(self.source, source_id, self._target)
        if after:
            linked = [pair for pair in linked if id_order(pair[0]) >= id_order(after)]
        following = linked[size][0] if len(linked) > size else None
        shown = [
            entry
            for target_id, primary in linked[:size]
            for entry in self.entries(target_id, primary=primary)
        ]
        return shown, following

    def miss(self, source_id: str) -> dict[str, object]:
        source, target = self.source.singular, self._target.singular
        return {
            "status": "error",
            "category": "OBJECT_NOT_FOUND",
            "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
            "message": f"No {target} is associated with {source} {source_id}.",
            "context": {"fromObjectId": [source_id], "fromObjectType": [source], "toObjectType": [target]},
        }


class Labelled(Direction):
    """An entry for each target, with the numbers and labels of all its association types."""

    def entries(self, target_id: str, *, primary: bool) -> Sequence[object]:
        types = [_type(ANY_TYPE_IDS[self._pair], None)]
        if primary and self._pair in PRIMARY_TYPE_IDS:
            types.append(_type(PRIMARY_TYPE_IDS[self._pair], PRIMARY_LABELS[self._pair]))
        as_text = self._account.flags.string_association_ids or len(target_id) > MAX_NUMBER_LENGTH
        return [{"toObjectId": target_id if as_text else int(target_id), "associationTypes": types}]


class Textual(Direction):
    """v3's shape: an entry for each association type, which has a name; a primary target comes twice."""

    def entries(self, target_id: str, *, primary: bool) -> Sequence[object]:
        name = f"{self.source.singular}_to_{self._target.singular}"
        if self._pair not in PRIMARY_TYPE_IDS:
            names = [name]
        else:
            names = [name, f"{name}_unlabeled"] if primary else [f"{name}_unlabeled"]
        return [{"id": target_id, "type": one} for one in names]


def _type(type_id: int, label: str | None) -> dict[str, object]:
    return {"category": "HUBSPOT_DEFINED", "typeId": type_id, "label": label}


def batch_read(account: Account, request: Request, source: str, target: str) -> Response:
    return _batch_read(account, request, Labelled(account, object_type(source), object_type(target)))


def batch_read_v3(account: Account, request: Request, source: str, target: str) -> Response:
    return _batch_read(account, request, Textual(account, object_type(source), object_type(target)))


def _batch_read(account: Account, request: Request, direction: Direction) -> Response:
    body = json_body(request, BatchRead)
    if len(body.inputs) > BATCH_LIMIT:
        raise invalid(
            f"The maximum number of inputs supported in a batch request for associations is {BATCH_LIMIT}."
        )
    size = account.flags.association_page_size
    results: list[object] = []
    misses: list[object] = []
    for entry in {entry.id: entry for entry in body.inputs}.values():
        to, following = direction.page(entry.id, entry.after, size)
        if not to:
            misses.append(direction.miss(entry.id))
            continue
        result: dict[str, object] = {"from": {"id": entry.id}, "to": to}
        if following is not None:
            result["paging"] = next_page(request, following)
        results.append(result)
    return batch_response(results, misses, account.clock)


def list_associations(
    account: Account, request: Request, source: str, source_id: str, target: str
) -> Response:
    if "/2026-09/" in request.path:
        raise NotSimulated("this endpoint at 2026-09, whose specification lacks it: use the batch endpoint")
    return _list(account, request, source_id, Labelled(account, object_type(source), object_type(target)))


def list_associations_v3(
    account: Account, request: Request, source: str, source_id: str, target: str
) -> Response:
    return _list(account, request, source_id, Textual(account, object_type(source), object_type(target)))


def _list(account: Account, request: Request, source_id: str, direction: Direction) -> Response:
    if not account.store.tables[direction.source.plural].is_live(source_id):
        raise not_found()
    size = page_limit(request, default=SINGLE_LIMIT, maximum=SINGLE_LIMIT)
    results, following = direction.page(source_id, request.query_params.get("after"), size)
    document: dict[str, object] = {"results": results}
    if following is not None:
        document["paging"] = next_page(request, following)
    return JsonResponse(document)


def show_associations(
    account: Account, origin: str, source: ObjectType, source_id: str, target: ObjectType
) -> dict[str, object]:
    """Return the form inside a record; empty without any. `origin` is the address that the client has asked."""
    results, following = Textual(account, source, target).page(source_id, None, INLINE_LIMIT)
    if not results:
        return {}
    document: dict[str, object] = {"results": results}
    if following is not None:
        path = f"/crm/v3/objects/{source.plural}/{source_id}/associations/{target.plural}"
        document["paging"] = {"next": {"after": following, "link": f"{origin}{path}?after={following}"}}
    return document
