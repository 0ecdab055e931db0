"""Ending grants at the CRM that nobody keeps here."""

import asyncio
from datetime import timedelta

import structlog

from astrelo.domain.connection import TokenSet
from astrelo.domain.errors import CrmError
from astrelo.domain.ports import CrmProvider

log = structlog.get_logger()

REVOKING_LIMIT = timedelta(seconds=5)
"""How long a CRM may take to end a grant while somebody waits for what we do next."""


async def revoke(crm: CrmProvider, tokens: TokenSet) -> None:
    """Revoke, or log that it could not be done in time: nobody keeps these tokens."""
    try:
        async with asyncio.timeout(REVOKING_LIMIT.total_seconds()):
            await crm.revoke(tokens)
    except (CrmError, TimeoutError) as error:
        reason = str(error) or "it took too long"
        log.warning("grant.not_revoked", provider=crm.provider, reason=reason)
