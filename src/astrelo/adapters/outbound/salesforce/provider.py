"""Salesforce behind the CrmProvider port."""

from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

import httpx
import structlog

from astrelo.adapters.outbound.crm.http import MAX_RESPONSE_BYTES, HttpClient, TooLarge, open_transport
from astrelo.adapters.outbound.crm.pagination import prefetch
from astrelo.adapters.outbound.crm.transport import CrmTransport
from astrelo.adapters.outbound.salesforce.api.client import Kind, SalesforceClient
from astrelo.adapters.outbound.salesforce.api.error_mapper import QueryTimedOut, SalesforceErrorMapper
from astrelo.adapters.outbound.salesforce.api.field_access import Describing
from astrelo.adapters.outbound.salesforce.api.rate_limiters import RateLimiters
from astrelo.adapters.outbound.salesforce.api.wire import ROWS, RecordRow, Row, StageRow, UserRow
from astrelo.adapters.outbound.salesforce.config import REQUIRED_SCOPES, SalesforceConfig
from astrelo.adapters.outbound.salesforce.industries import load_industries
from astrelo.adapters.outbound.salesforce.mapping import OBJECTS, RecordMapper
from astrelo.adapters.outbound.salesforce.oauth.client import SalesforceOAuth
from astrelo.adapters.outbound.salesforce.read.associations import RecordAssembler
from astrelo.adapters.outbound.salesforce.read.bulk import JobRefused, export_rows
from astrelo.adapters.outbound.salesforce.read.cursors import (
    IdRange,
    JobPosition,
    Position,
    QueryPosition,
    position_of,
)
from astrelo.adapters.outbound.salesforce.read.deletions import Deletions
from astrelo.adapters.outbound.salesforce.read.fetch import fetch_rows
from astrelo.adapters.outbound.salesforce.read.pagination import (
    Group,
    QueryContext,
    TooMany,
    paginate_rows,
    query_rows,
)
from astrelo.domain.connection import AuthorizationRequest, Grant, TokenSet
from astrelo.domain.errors import CrmRejected, PermissionMissing
from astrelo.domain.identifiers import Cursor, ObjectType, Provider, RecordId
from astrelo.domain.ports.crm import CrmProvider, CrmSession, TokensIssued
from astrelo.domain.ports.reference import ReferenceData
from astrelo.domain.ports.system import Clock, Randomness
from astrelo.domain.records import OwnerRecord, RecordPage
from astrelo.domain.sync import Window

R = TypeVar("R", bound=Row)
_log = structlog.get_logger(__name__)

_GROUPS_AHEAD = 1
"""Groups waiting complete, beside the one in the reader's hands and the one that is being completed."""

_OWNERS = Kind("User", UserRow, None)
_STAGES = Kind("OpportunityStage", StageRow, ObjectType.DEALS)


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
        self._describing = Describing(client)
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

    async def uninstall(self, session: CrmSession) -> None:  # noqa: ARG002 - there is none to do it with
        """Refuse: an org's administrators alone install and uninstall apps there."""
        raise CrmRejected(Provider.SALESFORCE, None, "nothing that an app could uninstall")

    async def read(
        self,
        session: CrmSession,
        object_type: ObjectType,
        *,
        window: Window | None = None,
        cursor: Cursor | None = None,
    ) -> AsyncGenerator[RecordPage, None]:
        """Walk by queries, or by a bulk job where there are many rows; close the iterator to stop what is ahead.

        A cursor knows what it walks, so `window` counts only without one. Contacts of deals are read while
        the next deals are.
        """
        reading = self._reading(session, object_type)
        completion = await self._completion(reading)
        start = _start(window) if cursor is None else position_of(cursor)
        groups = self._groups(reading, start)
        async with aclosing(prefetch(_completions(completion, groups), _GROUPS_AHEAD)) as pages:
            async for page in pages:
                yield page

    async def fetch(
        self, session: CrmSession, object_type: ObjectType, ids: Sequence[RecordId]
    ) -> RecordPage:
        reading = self._reading(session, object_type)
        found = await fetch_rows(reading, ids, self._deletions)
        completion = await self._completion(reading)
        page = await completion.page(Group(rows=found.rows, rejected=found.rejected))
        return replace(
            page,
            removed_ids=found.removed,
            erased_ids=found.erased,
            reclassified_ids=found.reclassified,
            merged=found.merged,
        )

    async def list_owners(self, session: CrmSession) -> Sequence[OwnerRecord]:
        """Return every user; those who are inactive as archived."""
        mapper = self._mapper(session)
        users = await _all(QueryContext(self._client, self._describing, session, _OWNERS))
        return [mapper.owner(user) for user in users]

    def _reading(self, session: CrmSession, object_type: ObjectType) -> QueryContext[RecordRow]:
        kind: Kind[RecordRow] = Kind(OBJECTS[object_type], ROWS[object_type], object_type)
        return QueryContext(self._client, self._describing, session, kind)

    def _mapper(self, session: CrmSession, stages: Sequence[StageRow] = ()) -> RecordMapper:
        return RecordMapper(self._reference, self._industries, session.account.currency, stages)

    async def _completion(self, reading: QueryContext[RecordRow]) -> RecordAssembler:
        is_of_deals = reading.kind.object_type is ObjectType.DEALS
        stages = await _stages(reading.of(_STAGES)) if is_of_deals else ()
        return RecordAssembler(reading, self._mapper(reading.session, stages))

    async def _groups(
        self, reading: QueryContext[RecordRow], start: Position
    ) -> AsyncGenerator[Group[RecordRow], None]:
        """Choose the way: by queries what is little and quick, by a job what is not, or what is begun by one.

        Where an org takes no jobs it is queries after all, however many.
        """
        total: int | None = None
        if isinstance(start, QueryPosition):
            try:
                async with aclosing(query_rows(reading, start, self._bulk_threshold)) as groups:
                    async for group in groups:
                        yield group
            except TooMany as error:
                total = error.expected_total
            except (QueryTimedOut, TooLarge) as error:
                _log.warning("crm.query_given_up", object=reading.kind.object, reason=str(error))
            else:
                return
        job = start if isinstance(start, JobPosition) else start.id_range
        try:
            async with aclosing(export_rows(reading, self._clock, job, total)) as groups:
                async for group in groups:
                    yield group
        except JobRefused as error:
            _log.warning("crm.bulk_refused", object=reading.kind.object, reason=str(error))
            async with aclosing(query_rows(reading, QueryPosition(start.id_range))) as groups:
                async for group in groups:
                    yield group


def _start(window: Window | None) -> QueryPosition:
    return QueryPosition(None if window is None else IdRange.of(window))


async def _all(reading: QueryContext[R]) -> list[R]:
    rows: list[R] = []
    async with aclosing(paginate_rows(reading)) as pages:
        async for page in pages:
            rows += page.rows
    return rows


async def _stages(reading: QueryContext[StageRow]) -> Sequence[StageRow]:
    """Return none where they may not be seen: deals then have their stages' names, and no labels for them."""
    try:
        return await _all(reading)
    except PermissionMissing as error:
        _log.info("crm.stages_unknown", account_id=reading.session.account.account_id, reason=str(error))
        return ()


async def _completions(
    completion: RecordAssembler, groups: AsyncGenerator[Group[RecordRow], None]
) -> AsyncGenerator[Coroutine[Any, Any, RecordPage], None]:
    async with aclosing(groups) as listing:
        async for group in listing:
            yield completion.page(group)


def build_salesforce(
    config: SalesforceConfig,
    reference: ReferenceData,
    clock: Clock,
    randomness: Randomness,
    *,
    reads: httpx.AsyncBaseTransport,
    oauth: httpx.AsyncBaseTransport,
    largest_answer: int = MAX_RESPONSE_BYTES,
) -> SalesforceProvider:
    """Put the adapter together over two transports: reads are retried, OAuth calls never."""
    error_mapper = SalesforceErrorMapper(clock)
    http_client = HttpClient(reads, Provider.SALESFORCE, largest_answer=largest_answer)
    transport = CrmTransport(http_client, error_mapper, clock, randomness)
    client = SalesforceClient(config, transport, RateLimiters(clock, config.daily_share))
    oauth_client = SalesforceOAuth(config, HttpClient(oauth, Provider.SALESFORCE), clock)
    return SalesforceProvider(oauth_client, client, reference, clock, config.bulk_threshold)


@asynccontextmanager
async def open_salesforce(
    config: SalesforceConfig, reference: ReferenceData, clock: Clock, randomness: Randomness
) -> AsyncIterator[SalesforceProvider]:
    """Give the adapter connections of its own, closed at the end."""
    async with open_transport() as reads, open_transport(limit=16, keep_alive=False) as oauth:
        yield build_salesforce(config, reference, clock, randomness, reads=reads, oauth=oauth)
