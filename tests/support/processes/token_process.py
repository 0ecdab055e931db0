"""A process that wants one valid access token: `python -m tests.support.processes.token_process`.

Reads its Errand as a line of JSON, says `ready`, waits for a line, and says the SHA-256 of the token or the
error's name. With `stop_after_answer` it says `answered` instead, tokens in hand, and never commits; with
`stop_while_asking` it says `asking` when it is about to show the CRM the new access token.
"""

import asyncio
import hashlib
import sys
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
import structlog

from astrelo.adapters.outbound.crm.http import HttpClient, open_transport
from astrelo.adapters.outbound.hubspot.config import HubSpotConfig
from astrelo.adapters.outbound.hubspot.oauth.client import HubSpotOAuth
from astrelo.adapters.outbound.postgres.session.pool import SessionLimits, open_pool
from astrelo.adapters.outbound.postgres.session.unit_of_work import PgUnitOfWork
from astrelo.application.connection_lifecycle import ConnectionChangedSubscribers, ConnectionLifecycle
from astrelo.application.tokens.access_tokens import AccessTokens
from astrelo.bootstrap.system import SystemClock, SystemRandomness
from astrelo.domain.connection import TokenSet
from astrelo.domain.errors import AstreloError
from astrelo.domain.identifiers import ConnectionId, Provider, UserId
from astrelo.domain.ports.crm import CrmProviders
from crm_sandbox.hubspot import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET
from tests.support.harness.connect import CIPHER, REDIRECT_URI
from tests.support.harness.sync import ScriptedCrm


class Errand(msgspec.Struct, kw_only=True):
    dsn: str
    crm_url: str
    user_id: UUID
    connection_id: UUID
    stop_after_answer: bool = False
    stop_while_asking: bool = False
    """Whether new tokens come without their end, so that it is asked for."""
    idle_seconds: float = 18.0
    """How long the server lets the refresh's transaction stand still."""


class HubSpotTokens(ScriptedCrm):
    """HubSpot as far as refreshing goes."""

    def __init__(self, oauth: HubSpotOAuth, errand: Errand) -> None:
        super().__init__()
        self._oauth = oauth
        self._errand = errand

    async def refresh(self, tokens: TokenSet) -> TokenSet:
        renewed = await self._oauth.refresh(tokens)
        if self._errand.stop_after_answer:
            say("answered")
            # Stands still as a frozen process does: longer than any limit of ours.
            await asyncio.to_thread(sys.stdin.readline)
        return replace(renewed, expires_at=None) if self._errand.stop_while_asking else renewed

    async def fetch_expiry(self, tokens: TokenSet) -> datetime | None:
        say("asking")
        await asyncio.to_thread(sys.stdin.readline)
        return tokens.expires_at


def say(word: str) -> None:
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


async def run(errand: Errand) -> None:
    clock, randomness = SystemClock(), SystemRandomness()
    limits = SessionLimits(
        statement=timedelta(seconds=25),
        idle_in_transaction=timedelta(seconds=errand.idle_seconds),
        lock=timedelta(seconds=20),
    )
    config = HubSpotConfig(
        client_id=DEFAULT_CLIENT_ID,
        client_secret=DEFAULT_CLIENT_SECRET,
        redirect_uri=REDIRECT_URI,
        api_base=errand.crm_url,
    )
    async with (
        open_pool(errand.dsn, "work", max_size=2) as pool,
        open_pool(errand.dsn, "refresh", max_size=2, limits=limits) as refresh_pool,
        open_transport() as transport,
    ):
        uow, refresh_uow = (PgUnitOfWork(each, CIPHER, randomness) for each in (pool, refresh_pool))
        oauth = HubSpotOAuth(config, HttpClient(transport, Provider.HUBSPOT), clock)
        crms = CrmProviders({Provider.HUBSPOT: HubSpotTokens(oauth, errand)})
        connections = ConnectionLifecycle(ConnectionChangedSubscribers())
        tokens = AccessTokens(uow, refresh_uow, crms, connections, clock)
        async with uow(UserId(errand.user_id)) as tx:
            connection = await tx.connections.get_by_id(ConnectionId(errand.connection_id))
        say("ready")
        await asyncio.to_thread(sys.stdin.readline)
        try:
            say(hashlib.sha256((await tokens.get_access(connection)).token.encode()).hexdigest())
        except AstreloError as error:
            say(type(error).__name__)


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    asyncio.run(run(msgspec.json.decode(sys.stdin.readline(), type=Errand)))
