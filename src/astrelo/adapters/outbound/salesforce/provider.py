"""The CrmProvider port, implemented for Salesforce."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

import httpx
import structlog

from astrelo.adapters.outbound.crm import http, transport
from astrelo.adapters.outbound.crm.pagination import map_stream, prefetch
from astrelo.adapters.outbound.salesforce.api import error_mapper, wire
from astrelo.adapters.outbound.salesforce.api.client import Kind, SalesforceClient
from astrelo.adapters.outbound.salesforce.api.field_access import FieldAccess
from astrelo.adapters.outbound.salesforce.api.rate_limiters import RateLimiters
from astrelo.adapters.outbound.salesforce.config import REQUIRED_SCOPES, SalesforceConfig
from astrelo.adapters.outbound.salesforce.mapping import OBJECTS, RecordMapper, load_industries
from astrelo.adapters.outbound.salesforce.oauth.client import SalesforceOAuth
from astrelo.adapters.outbound.salesforce.read import cursors, pagination
from astrelo.adapters.outbound.salesforce.read.associations import RecordAssembler
from astrelo.adapters.outbound.salesforce.read.bulk import JobRefused, export_rows
from astrelo.adapters.outbound.salesforce.read.deletions import Deletions
from astrelo.adapters.outbound.salesforce.read.fetch import fetch_records
from astrelo.domain import errors
from astrelo.domain.connection import AuthorizationRequest, Grant, TokenSet
from astrelo.domain.identifiers import Cursor, ObjectType, Provider, RecordId
from astrelo.domain.ports.crm import CrmProvider, CrmSession, TokensIssued
from astrelo.domain.ports.reference import ReferenceData
from astrelo.domain.ports.system import Clock, Randomness
from astrelo.domain.records import OwnerRecord, RecordPage
from astrelo.domain.sync import Window

R = TypeVar("R", bound=wire.Row)
_log = structlog.get_logger(__name__)

_PREFETCHED_PAGES = 1
"""Pages that wait complete, beside the one that is being read and the one that is being assembled."""

_OWNERS = Kind("User", wire.UserRow, None)
_STAGES = Kind("OpportunityStage", wire.StageRow, ObjectType.DEALS)


class SalesforceProvider(CrmProvider):
    def __init__(
        self,
        oauth: SalesforceOAuth,
        client: SalesforceClient,
        reference: ReferenceData,
        clock: Clock,
        bulk_threshold: int,
    ) -> None:
        self._oauth = oauth
        self._client = client
        self._field_access = FieldAccess(client)
        self._deletions = Deletions(client, clock)
        self._reference = reference
        self._clock = clock
        self._bulk_threshold = bulk_threshold
        self._industries = load_industries()

    @property
    def provider(self) -> Provider:
        return Provider.SALESFORCE

    @property
    def required_scopes(self) -> frozenset[str]:
        return frozenset(REQUIRED_SCOPES)

    @property
    def has_login_hosts(self) -> bool:
        return True

    @property
    def industry_labels(self) -> Mapping[str, str]:
        return {}

    def authorization_url(self, request: AuthorizationRequest) -> str:
        return self._oauth.authorization_url(request)

    async def exchange(
        self,
        code: str,
        code_verifier: str,
        login_host: str | None = None,
        *,
        issued: TokensIssued | None = None,
    ) -> Grant:
        return await self._oauth.exchange(code, code_verifier, login_host, issued)

    async def refresh(self, tokens: TokenSet) -> TokenSet:
        return await self._oauth.refresh(tokens)

    async def fetch_expiry(self, tokens: TokenSet) -> datetime | None:
        return await self._oauth.fetch_expiry(tokens)

    async def can_refresh(self, tokens: TokenSet) -> bool:
        return await self._oauth.can_refresh(tokens)

    async def revoke(self, tokens: TokenSet) -> None:
        await self._oauth.revoke(tokens)

    @property
    def can_uninstall(self) -> bool:
        return False

    async def uninstall(self, session: CrmSession) -> None:  # noqa: ARG002 - no session can do it
        """Raise CrmRejected: only an org's administrators install and uninstall apps there."""
        raise errors.CrmRejected(Provider.SALESFORCE, None, "nothing that an app could uninstall")

    async def read(
        self,
        session: CrmSession,
        object_type: ObjectType,
        *,
        window: Window | None = None,
        cursor: Cursor | None = None,
    ) -> AsyncGenerator[RecordPage, None]:
        """Read by queries, or by a bulk job where there are many rows; close the iterator to stop prefetching.

        A cursor contains its window, so `window` counts only without one. Contacts of deals are read while
        the next deals are.
        """
        context = self._context(session, object_type)
        assembler = await self._assembler(context)
        if cursor is None:
            start: cursors.Position = cursors.QueryPosition(
                None if window is None else cursors.IdRange.of(window)
            )
        else:
            start = cursors.decode_cursor(cursor)
        raw_pages = self._raw_pages(context, start)
        async with aclosing(prefetch(map_stream(raw_pages, assembler.assemble), _PREFETCHED_PAGES)) as pages:
            async for page in pages:
                yield page

    async def fetch(
        self, session: CrmSession, object_type: ObjectType, ids: Sequence[RecordId]
    ) -> RecordPage:
        context = self._context(session, object_type)
        found = await fetch_records(context, ids, self._deletions)
        assembler = await self._assembler(context)
        page = await assembler.assemble(pagination.RawPage(rows=found.rows, rejected=found.rejected))
        return replace(
            page,
            removed_ids=found.removed,
            erased_ids=found.erased,
            reclassified_ids=found.reclassified,
            merged=found.merged,
        )

    async def list_owners(self, session: CrmSession) -> Sequence[OwnerRecord]:
        """Return every user; inactive ones as archived."""
        mapper = self._mapper(session)
        users = await _read_all(pagination.QueryContext(self._client, self._field_access, session, _OWNERS))
        return [mapper.owner(user) for user in users]

    def _context(
        self, session: CrmSession, object_type: ObjectType
    ) -> pagination.QueryContext[wire.RecordRow]:
        kind: Kind[wire.RecordRow] = Kind(OBJECTS[object_type], wire.ROWS[object_type], object_type)
        return pagination.QueryContext(self._client, self._field_access, session, kind)

    def _mapper(self, session: CrmSession, stages: Sequence[wire.StageRow] = ()) -> RecordMapper:
        return RecordMapper(self._reference, self._industries, session.account.currency, stages)

    async def _assembler(self, context: pagination.QueryContext[wire.RecordRow]) -> RecordAssembler:
        """Read the stages for deals. Where they may not be seen, deals have their stages' names, and no labels."""
        stages: Sequence[wire.StageRow] = ()
        if context.kind.object_type is ObjectType.DEALS:
            try:
                stages = await _read_all(context.for_kind(_STAGES))
            except errors.PermissionMissing as error:
                account_id = context.session.account.account_id
                _log.info("crm.stages_unknown", account_id=account_id, reason=str(error))
        return RecordAssembler(context, self._mapper(context.session, stages))

    async def _raw_pages(
        self, context: pagination.QueryContext[wire.RecordRow], start: cursors.Position
    ) -> AsyncGenerator[pagination.RawPage[wire.RecordRow], None]:
        """Read few and quick rows by queries, others, and those that a job has begun with, by a job.

        Where an org allows no jobs, rows are read by queries after all, however many.
        """
        total: int | None = None
        if isinstance(start, cursors.QueryPosition):
            try:
                async with aclosing(pagination.query_rows(context, start, self._bulk_threshold)) as raw_pages:
                    async for raw_page in raw_pages:
                        yield raw_page
            except pagination.TooManyRows as error:
                total = error.expected_total
            except (error_mapper.QueryTimedOut, http.ResponseTooLarge) as error:
                _log.warning("crm.query_given_up", object=context.kind.object, reason=str(error))
            else:
                return
        job = start if isinstance(start, cursors.JobPosition) else start.id_range
        try:
            async with aclosing(export_rows(context, self._clock, job, total)) as raw_pages:
                async for raw_page in raw_pages:
                    yield raw_page
        except JobRefused as error:
            _log.warning("crm.bulk_refused", object=context.kind.object, reason=str(error))
            by_queries = cursors.QueryPosition(start.id_range)
            async with aclosing(pagination.query_rows(context, by_queries)) as raw_pages:
                async for raw_page in raw_pages:
                    yield raw_page


async def _read_all(context: pagination.QueryContext[R]) -> list[R]:
    rows: list[R] = []
    async with aclosing(pagination.paginate_rows(context)) as pages:
        async for page in pages:
            rows += page.rows
    return rows


def build_salesforce(
    config: SalesforceConfig,
    reference: ReferenceData,
    clock: Clock,
    randomness: Randomness,
    *,
    reads: httpx.AsyncBaseTransport,
    oauth: httpx.AsyncBaseTransport,
    max_response_bytes: int = http.MAX_RESPONSE_BYTES,
) -> SalesforceProvider:
    """Build the adapter over two transports: reads are retried, OAuth calls never."""
    http_client = http.HttpClient(reads, Provider.SALESFORCE, max_response_bytes=max_response_bytes)
    crm_transport = transport.CrmTransport(
        http_client, error_mapper.SalesforceErrorMapper(clock), clock, randomness
    )
    client = SalesforceClient(config, crm_transport, RateLimiters(clock, config.daily_share))
    oauth_client = SalesforceOAuth(config, http.HttpClient(oauth, Provider.SALESFORCE), clock)
    return SalesforceProvider(oauth_client, client, reference, clock, config.bulk_threshold)


@asynccontextmanager
async def open_salesforce(
    config: SalesforceConfig, reference: ReferenceData, clock: Clock, randomness: Randomness
) -> AsyncIterator[SalesforceProvider]:
    """Build the adapter over connections of its own, and close them at the end."""
    async with http.open_transport() as reads, http.open_transport(limit=16, keep_alive=False) as oauth:
        yield build_salesforce(config, reference, clock, randomness, reads=reads, oauth=oauth)
