"""The CrmProvider port, implemented for HubSpot."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from datetime import datetime

import httpx
import structlog

from astrelo.adapters.outbound.crm import http, transport
from astrelo.adapters.outbound.crm.industries import read_labels
from astrelo.adapters.outbound.crm.pagination import map_stream, prefetch, split_batches
from astrelo.adapters.outbound.hubspot.api import error_mapper, wire
from astrelo.adapters.outbound.hubspot.api.client import HubSpotClient
from astrelo.adapters.outbound.hubspot.api.rate_limiters import RateLimiters
from astrelo.adapters.outbound.hubspot.config import REQUIRED_SCOPES, HubSpotConfig
from astrelo.adapters.outbound.hubspot.mapping import RecordMapper, load_industries
from astrelo.adapters.outbound.hubspot.oauth.client import HubSpotOAuth
from astrelo.adapters.outbound.hubspot.read import cursors, pagination
from astrelo.adapters.outbound.hubspot.read.associations import RecordAssembler
from astrelo.adapters.outbound.hubspot.read.fetch import FetchResult, fetch_records
from astrelo.domain.connection import AuthorizationRequest, Grant, TokenSet
from astrelo.domain.identifiers import Cursor, ObjectType, Provider, RecordId
from astrelo.domain.ports.crm import CrmProvider, CrmSession, TokensIssued
from astrelo.domain.ports.reference import ReferenceData
from astrelo.domain.ports.system import Clock, Randomness
from astrelo.domain.records import OwnerRecord, RecordPage
from astrelo.domain.sync import Window

_log = structlog.get_logger(__name__)

_PREFETCHED_RECORDS = 1_000
"""Records that wait complete, beside the page that is being read and the one that is being listed."""


class HubSpotProvider(CrmProvider):
    def __init__(self, oauth: HubSpotOAuth, client: HubSpotClient, reference: ReferenceData) -> None:
        self._oauth = oauth
        self._client = client
        self._reference = reference
        self._industries = load_industries()

    @property
    def provider(self) -> Provider:
        return Provider.HUBSPOT

    @property
    def required_scopes(self) -> frozenset[str]:
        return frozenset(REQUIRED_SCOPES)

    @property
    def has_login_hosts(self) -> bool:
        return False

    @property
    def industry_labels(self) -> Mapping[str, str]:
        return read_labels(__package__, "hubspot_value", "hubspot_label")

    def authorization_url(self, request: AuthorizationRequest) -> str:
        return self._oauth.authorization_url(request)

    async def exchange(
        self,
        code: str,
        code_verifier: str,
        login_host: str | None = None,  # noqa: ARG002 - HubSpot has one, and `authorization_url` took no other
        *,
        issued: TokensIssued | None = None,
    ) -> Grant:
        return await self._oauth.exchange(code, code_verifier, issued)

    async def refresh(self, tokens: TokenSet) -> TokenSet:
        return await self._oauth.refresh(tokens)

    async def fetch_expiry(self, tokens: TokenSet) -> datetime | None:
        """Return the stored time without a call: HubSpot sends it with the tokens."""
        return tokens.expires_at

    async def can_refresh(self, tokens: TokenSet) -> bool:  # noqa: ARG002 - it holds for all of them
        """Return True without a call: HubSpot's refresh tokens may be used any number of times."""
        return True

    async def revoke(self, tokens: TokenSet) -> None:
        await self._oauth.revoke(tokens)

    @property
    def can_uninstall(self) -> bool:
        return True

    async def uninstall(self, session: CrmSession) -> None:
        await self._client.uninstall(session)

    async def read(
        self,
        session: CrmSession,
        object_type: ObjectType,
        *,
        window: Window | None = None,
        cursor: Cursor | None = None,
    ) -> AsyncGenerator[RecordPage, None]:
        """Read associations while the next records are listed; close the iterator to stop both.

        A cursor contains its window, so `window` counts only without one.
        """
        assembler = await self._assembler(session, object_type)
        # Companies have no associations to wait for: they are passed on page by page.
        size = wire.LIST_LIMIT if object_type is ObjectType.COMPANIES else wire.ASSOCIATIONS_LIMIT
        raw_pages = self._raw_pages(session, object_type, window, cursor, size)
        depth = _PREFETCHED_RECORDS // size
        async with aclosing(prefetch(map_stream(raw_pages, assembler.assemble), depth)) as pages:
            async for page in pages:
                yield page

    async def fetch(
        self, session: CrmSession, object_type: ObjectType, ids: Sequence[RecordId]
    ) -> RecordPage:
        found = FetchResult()
        for batch_ids in split_batches(dict.fromkeys(ids), wire.BATCH_READ_LIMIT):
            await fetch_records(self._client, session, object_type, batch_ids, found)
        assembler = await self._assembler(session, object_type)
        raw_page = pagination.RawPage(
            objects=list(found.objects.values()), rejected=list(found.rejected.values())
        )
        page = await assembler.assemble(raw_page)
        return replace(
            page,
            removed_ids=found.removed,
            erased_ids=found.erased,
            merged={**page.merged, **found.merged},
        )

    async def list_owners(self, session: CrmSession) -> Sequence[OwnerRecord]:
        mapper = RecordMapper(self._reference, self._industries, session.account.currency)
        archived = await self._client.owners(session, archived=True)
        live = await self._client.owners(session, archived=False)
        by_id = {owner.id: owner for owner in (*archived, *live)}
        records = [mapper.owner(owner) for owner in by_id.values()]
        return [record for record in records if isinstance(record, OwnerRecord)]

    async def _assembler(self, session: CrmSession, object_type: ObjectType) -> RecordAssembler:
        pipelines = await self._client.deal_pipelines(session) if object_type is ObjectType.DEALS else ()
        mapper = RecordMapper(self._reference, self._industries, session.account.currency, pipelines)
        return RecordAssembler(self._client, session, object_type, mapper)

    def _raw_pages(
        self,
        session: CrmSession,
        object_type: ObjectType,
        window: Window | None,
        cursor: Cursor | None,
        size: int,
    ) -> AsyncGenerator[pagination.RawPage, None]:
        if cursor is None:
            if window is None:
                return pagination.list_all(self._client, session, object_type, None, size)
            return pagination.search_window(
                self._client, session, object_type, pagination.search_ranges(window)
            )
        match cursors.decode_cursor(cursor):
            case cursors.ListPosition(after):
                return pagination.list_all(self._client, session, object_type, after, size)
            case cursors.SearchPosition(ranges):
                return pagination.search_window(self._client, session, object_type, ranges)


def build_hubspot(
    config: HubSpotConfig,
    reference: ReferenceData,
    clock: Clock,
    randomness: Randomness,
    *,
    reads: httpx.AsyncBaseTransport,
    oauth: httpx.AsyncBaseTransport,
) -> HubSpotProvider:
    """Build the adapter over two transports: reads are retried, OAuth calls never."""
    crm_transport = transport.CrmTransport(
        http.HttpClient(reads, Provider.HUBSPOT), error_mapper.HubSpotErrorMapper(clock), clock, randomness
    )
    return HubSpotProvider(
        HubSpotOAuth(config, http.HttpClient(oauth, Provider.HUBSPOT), clock),
        HubSpotClient(config.api_base, crm_transport, RateLimiters(clock)),
        reference,
    )


@asynccontextmanager
async def open_hubspot(
    config: HubSpotConfig, reference: ReferenceData, clock: Clock, randomness: Randomness
) -> AsyncIterator[HubSpotProvider]:
    """Build the adapter over connections of its own, and close them at the end."""
    async with http.open_transport() as reads, http.open_transport(limit=16, keep_alive=False) as oauth:
        yield build_hubspot(config, reference, clock, randomness, reads=reads, oauth=oauth)
