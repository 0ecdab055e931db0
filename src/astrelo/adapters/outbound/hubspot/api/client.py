"""HubSpot's endpoints, one method each: build the request, send it under its rate limiter, decode the response."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar
from urllib.parse import quote

import msgspec

from astrelo.adapters.outbound.crm import decoding, retries, transport
from astrelo.adapters.outbound.crm.mapping import record_id
from astrelo.adapters.outbound.crm.pagination import PaginationLoopGuard, split_batches
from astrelo.adapters.outbound.crm.rate_limiters import SlidingWindowLimiter
from astrelo.adapters.outbound.hubspot.api import wire
from astrelo.adapters.outbound.hubspot.api.decoding import (
    DecodedPage,
    PageDecoder,
    next_cursor,
    require_only_not_found,
)
from astrelo.adapters.outbound.hubspot.api.rate_limiters import RateLimiters
from astrelo.adapters.outbound.hubspot.config import HUBSPOT_API_DATE
from astrelo.domain.identifiers import ObjectType, Provider, RecordId
from astrelo.domain.ports.crm import CrmSession

T = TypeVar("T")

PROPERTIES: Mapping[ObjectType, tuple[str, ...]] = {
    ObjectType.COMPANIES: wire.CompanyProperties.__struct_fields__,
    ObjectType.CONTACTS: wire.ContactProperties.__struct_fields__,
    ObjectType.DEALS: wire.DealProperties.__struct_fields__,
}
ObjectPage = DecodedPage[wire.CompanyObject] | DecodedPage[wire.ContactObject] | DecodedPage[wire.DealObject]

_DECODERS: Mapping[ObjectType, Callable[[bytes], ObjectPage]] = {
    ObjectType.COMPANIES: PageDecoder(wire.CompanyObject),
    ObjectType.CONTACTS: PageDecoder(wire.ContactObject),
    ObjectType.DEALS: PageDecoder(wire.DealObject),
}
_OWNERS = PageDecoder(wire.OwnerObject, decoding.convert_leniently)
_PIPELINES = decoding.TolerantDecoder(wire.PipelineList, Provider.HUBSPOT)
_ASSOCIATIONS = decoding.Decoder(wire.AssociationBatch, Provider.HUBSPOT)
_encode = msgspec.json.Encoder().encode


class HubSpotClient:
    def __init__(
        self,
        api_base: str,
        crm_transport: transport.CrmTransport[SlidingWindowLimiter],
        rate_limiters: RateLimiters,
    ) -> None:
        self._base = api_base
        self._transport = crm_transport
        self._rate_limiters = rate_limiters
        self._lists = {
            object_type: f"{api_base}{_objects_path(object_type)}?limit={wire.LIST_LIMIT}&properties={','.join(names)}"
            for object_type, names in PROPERTIES.items()
        }

    async def uninstall(self, session: CrmSession) -> None:
        """Remove our app from the account; HubSpot mails its administrators. The request is sent once only."""
        path = f"/appinstalls/{HUBSPOT_API_DATE}/external-install"
        call = transport.Call("DELETE", self._base + path, path, None)
        rate_limiter = self._rate_limiters.for_account(session.account.account_id).requests
        await self._transport.read(call, session, rate_limiter, lambda _body: None, retries.NO_RETRY)

    async def list_page(self, session: CrmSession, object_type: ObjectType, after: str | None) -> ObjectPage:
        """Read one page of all live records, in an order that no record leaves during pagination."""
        url = self._lists[object_type]
        if after is not None:
            url = f"{url}&after={quote(after, safe='')}"
        call = transport.Call("GET", url, _objects_path(object_type), object_type)
        return await self._send(call, session, _DECODERS[object_type])

    async def search(
        self,
        session: CrmSession,
        object_type: ObjectType,
        filters: Sequence[Mapping[str, str]],
        after: str | None = None,
        limit: int = wire.SEARCH_LIMIT,
        policy: retries.RetryPolicy = retries.DEFAULT_RETRY,
    ) -> ObjectPage:
        body: dict[str, object] = {
            "filterGroups": [{"filters": filters}] if filters else [],
            "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
            "properties": PROPERTIES[object_type],
            "limit": limit,
        }
        if after is not None:
            body["after"] = after
        call = self._post(f"{_objects_path(object_type)}/search", object_type, body)
        rate_limiter = self._rate_limiters.for_account(session.account.account_id).searches
        return await self._transport.read(call, session, rate_limiter, _DECODERS[object_type], policy)

    async def batch_read(
        self, session: CrmSession, object_type: ObjectType, ids: Sequence[str], *, archived: bool = False
    ) -> ObjectPage:
        """Read at most BATCH_READ_LIMIT live, or archived, records; `errors` names those that do not exist."""
        body = {
            "inputs": [{"id": record_id} for record_id in ids],
            "properties": PROPERTIES[object_type],
            "propertiesWithHistory": [],
        }
        path = f"{_objects_path(object_type)}/batch/read"
        url = f"{self._base}{path}?archived={str(archived).lower()}"
        call = transport.Call("POST", url, path, object_type, _encode(body))
        return await self._send(call, session, _DECODERS[object_type])

    async def associations(
        self, session: CrmSession, source: ObjectType, target: ObjectType, ids: Sequence[str]
    ) -> Mapping[str, Sequence[wire.AssociatedObject]]:
        """Read all that each of these records is associated with; a record without associations is left out."""
        found: dict[str, list[wire.AssociatedObject]] = {}
        path = f"/crm/associations/{HUBSPOT_API_DATE}/{source.value}/{target.value}/batch/read"
        rate_limiter = self._rate_limiters.for_account(session.account.account_id).associations
        for batch_ids in split_batches(ids, wire.ASSOCIATIONS_LIMIT):
            inputs = [wire.AssociationInput(record_id) for record_id in batch_ids]
            loop_guard = PaginationLoopGuard(inputs, Provider.HUBSPOT)
            while inputs:
                call = self._post(path, source, {"inputs": inputs})
                batch = await self._transport.read(call, session, rate_limiter, _decode_associations)
                inputs = loop_guard.follow(_collect_associations(batch, inputs, found))
        return found

    async def owners(self, session: CrmSession, *, archived: bool) -> Sequence[wire.OwnerObject]:
        """Read every owner that is, or is not, archived."""
        path = f"/crm/owners/{HUBSPOT_API_DATE}"
        url = f"{self._base}{path}?limit={wire.LIST_LIMIT}&archived={str(archived).lower()}"
        owners: list[wire.OwnerObject] = []
        after: str | None = None
        loop_guard = PaginationLoopGuard(after, Provider.HUBSPOT)
        while True:
            page_url = url if after is None else f"{url}&after={quote(after, safe='')}"
            page = await self._send(transport.Call("GET", page_url, path, None), session, _OWNERS)
            owners += page.objects
            if page.after is None:
                return owners
            after = loop_guard.follow(page.after)

    async def deal_pipelines(self, session: CrmSession) -> Sequence[wire.Pipeline]:
        path = f"/crm/pipelines/{HUBSPOT_API_DATE}/deals"
        call = transport.Call("GET", self._base + path, path, ObjectType.DEALS)
        return (await self._send(call, session, _PIPELINES)).results

    async def _send(self, call: transport.Call, session: CrmSession, decode: Callable[[bytes], T]) -> T:
        rate_limiter: SlidingWindowLimiter = self._rate_limiters.for_account(
            session.account.account_id
        ).requests
        return await self._transport.read(call, session, rate_limiter, decode)

    def _post(self, path: str, object_type: ObjectType, body: Mapping[str, object]) -> transport.Call:
        return transport.Call("POST", self._base + path, path, object_type, _encode(body))


def merged_ids(crm_object: wire.CrmObject) -> Sequence[RecordId]:
    """Return the ids of the records that were merged into this one."""
    raw_ids = crm_object.properties.hs_merged_object_ids
    if not raw_ids:
        return ()
    return [old for raw in raw_ids.split(";") if (old := record_id(raw.strip())) and old != crm_object.id]


def _objects_path(object_type: ObjectType) -> str:
    return f"/crm/objects/{HUBSPOT_API_DATE}/{object_type.value}"


def _decode_associations(body: bytes) -> wire.AssociationBatch:
    batch = _ASSOCIATIONS(body)
    require_only_not_found(batch.errors)
    return batch


def _collect_associations(
    batch: wire.AssociationBatch,
    inputs: Sequence[wire.AssociationInput],
    found: dict[str, list[wire.AssociatedObject]],
) -> list[wire.AssociationInput]:
    """Add the associations of the requested records to those found; return the inputs of the next request."""
    requested = {entry.id for entry in inputs}
    continued: list[wire.AssociationInput] = []
    for entry in batch.results:
        source = str(entry.from_.id)
        if source not in requested:
            continue
        if source in found:
            found[source].extend(entry.to)
        else:
            found[source] = entry.to
        if entry.paging is not None and (after := next_cursor(entry.paging)) is not None:
            continued.append(wire.AssociationInput(source, after))
    return continued
