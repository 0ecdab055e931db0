"""Reading CRM objects: list, one record, batch read."""

from collections.abc import Sequence

import msgspec

from crm_sandbox.http.requests import Request
from crm_sandbox.http.responses import JsonResponse, Response
from crm_sandbox.hubspot.account.account import Account
from crm_sandbox.hubspot.account.store import NOT_RAW, Record
from crm_sandbox.hubspot.associations.endpoints import show_associations
from crm_sandbox.hubspot.batch_response import batch_response
from crm_sandbox.hubspot.errors import invalid, not_found
from crm_sandbox.hubspot.objects.object_types import ObjectType, find_object_type, object_type
from crm_sandbox.hubspot.paging import next_page
from crm_sandbox.hubspot.parameters import json_body, page_limit, read_boolean

LIST_LIMIT = 100
LIST_LIMIT_WITH_HISTORY = 50
BATCH_LIMIT = 100
UNIQUE_PROPERTIES = {"contacts": "email"}


class Input(msgspec.Struct, forbid_unknown_fields=True):
    id: str


class BatchRead(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    inputs: list[Input]
    properties: list[str] | None = None
    properties_with_history: list[str] | None = None
    id_property: str | None = None


class Shape:
    """How one request wants its records: which properties, with history, with associations; `origin` is for links."""

    def __init__(
        self,
        account: Account,
        kind: ObjectType,
        properties: Sequence[str],
        history: Sequence[str] | None = None,
        associations: Sequence[ObjectType] = (),
        origin: str = "",
    ) -> None:
        self._account = account
        self._origin = origin
        self._kind = kind
        schema = account.store.tables[kind.plural].schema
        asked = dict.fromkeys((*kind.always, *(properties or kind.by_default)))
        self._properties = [name for name in asked if name in schema]
        self._history = [name for name in history or () if name in schema]
        self._associations = associations

    def document(self, record: Record) -> object:
        if record.raw is not NOT_RAW:
            return record.raw
        values = record.properties
        document: dict[str, object] = {
            "id": record.id,
            "properties": {name: values.get(name) for name in self._properties},
            "createdAt": record.created_at,
            "updatedAt": record.updated_at,
            "archived": record.archived,
            "url": self._account.record_url(self._kind, record.id),
        }
        if record.archived_at is not None:
            document["archivedAt"] = record.archived_at
        if self._history:
            document["propertiesWithHistory"] = {name: _history(record, name) for name in self._history}
        if self._associations:
            document |= self._inline_associations(record)
        return document

    def _inline_associations(self, record: Record) -> dict[str, object]:
        found = {
            target.plural: linked
            for target in self._associations
            if (linked := show_associations(self._account, self._origin, self._kind, record.id, target))
        }
        return {"associations": found} if found else {}


def _history(record: Record, name: str) -> list[dict[str, object]]:
    value = record.properties.get(name)
    return [] if value is None else [{"value": value, "timestamp": record.updated_at, "sourceType": "CRM_UI"}]


def list_objects(account: Account, request: Request, type_name: str) -> Response:
    kind = object_type(type_name)
    history = request.list_parameter("propertiesWithHistory")
    limit = page_limit(request, default=10, maximum=LIST_LIMIT_WITH_HISTORY if history else LIST_LIMIT)
    page = account.store.tables[kind.plural].page(
        _cursor(request),
        limit,
        archived=read_boolean(request, "archived"),
        overlap=int(account.flags.duplicate_across_pages),
    )
    shape = _shape(account, request, kind)
    document: dict[str, object] = {"results": [shape.document(record) for record in page.records]}
    if page.after is not None:
        document["paging"] = next_page(request, page.after)
    return JsonResponse(document)


def read_object(account: Account, request: Request, type_name: str, record_id: str) -> Response:
    kind = object_type(type_name)
    archived = read_boolean(request, "archived")
    id_property = request.query_params.get("idProperty")
    record = _find(account, kind, record_id, id_property, archived=archived)
    if record is None:
        raise not_found()
    return JsonResponse(_shape(account, request, kind).document(record))


def batch_read(account: Account, request: Request, type_name: str) -> Response:
    kind = object_type(type_name)
    body = json_body(request, BatchRead)
    if len(body.inputs) > BATCH_LIMIT:
        raise invalid(
            f"The maximum number of inputs supported in a batch request for this object is {BATCH_LIMIT}."
        )
    archived = read_boolean(request, "archived")
    shape = Shape(account, kind, body.properties or (), body.properties_with_history)
    wanted = dict.fromkeys(entry.id for entry in body.inputs)
    found = {name: _find(account, kind, name, body.id_property, archived=archived) for name in wanted}
    records = {record.id: record for record in found.values() if record is not None}
    missing = [name for name, record in found.items() if record is None]
    shown = [shape.document(record) for record in records.values()]
    return batch_response(shown, _misses(kind, missing), account.clock)


def _misses(kind: ObjectType, ids: list[str]) -> list[object]:
    if not ids:
        return []
    name = kind.singular.upper()
    return [
        {
            "status": "error",
            "category": "OBJECT_NOT_FOUND",
            "message": f"Could not get some {name} objects, they may be deleted or not exist. "
            f"Check that ids are valid.",
            "context": {"ids": ids},
        }
    ]


def _cursor(request: Request) -> str | None:
    after = request.query_params.get("after")
    if not after:
        return None
    if not (after.isascii() and after.isdigit()):
        raise invalid(f"The paging cursor {after} is not valid.", code="INVALID_CURSOR", after=after)
    return after


def _shape(account: Account, request: Request, kind: ObjectType) -> Shape:
    return Shape(
        account,
        kind,
        request.list_parameter("properties"),
        request.list_parameter("propertiesWithHistory"),
        _read_associations(request),
        request.origin,
    )


def _read_associations(request: Request) -> list[ObjectType]:
    """Read `associations=`, in which HubSpot ignores what it does not know."""
    found = [
        kind
        for name in request.list_parameter("associations")
        if (kind := find_object_type(name)) is not None
    ]
    return list(dict.fromkeys(found))


def _find(
    account: Account, kind: ObjectType, value: str, id_property: str | None, *, archived: bool
) -> Record | None:
    table = account.store.tables[kind.plural]
    if id_property is None or id_property == "hs_object_id":
        return table.find(value, archived=archived)
    if id_property != UNIQUE_PROPERTIES.get(kind.plural):
        raise invalid(f"{id_property} is not a unique property of {kind.plural}.", code="INVALID_ID_PROPERTY")
    wanted = value.lower()
    return next((r for r in table.live() if (r.properties.get(id_property) or "").lower() == wanted), None)
