"""What OAuth calls to any CRM have in common. Each is made once, and bounded in time.

A refresh whose answer was lost may have been acted on, and a code or a single-use refresh token that is sent twice
can cost the customer the whole grant.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from astrelo.adapters.outbound.crm.transport import Reply, retry_after
from astrelo.domain.errors import CrmError, CrmUnavailable, RateLimited
from astrelo.domain.identifiers import Provider

LONGEST_CALL_SECONDS = 14.0
"""A refresh happens under a row lock: it must be over in the 15 s that the port promises."""

FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
"""Headers of a call whose body is a form: nothing secret goes into a URL."""

_WAIT_WITHOUT_RETRY_AFTER = timedelta(seconds=10)
_RATE_LIMITED = frozenset({429, 477})
_LOCKED = 423
_SERVER_ERRORS = range(500, 600)
_WORD = re.compile(r"\w{1,60}", re.ASCII)


@asynccontextmanager
async def bounded(provider: Provider) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(LONGEST_CALL_SECONDS):
            yield
    except TimeoutError as error:
        raise CrmUnavailable(
            provider, f"its OAuth endpoints took longer than {LONGEST_CALL_SECONDS:.0f} s"
        ) from error


def transient(reply: Reply, now: datetime, provider: Provider) -> CrmError | None:
    """Return the error of an answer that may be another one later; None for any other."""
    if reply.status in _RATE_LIMITED:
        pause = retry_after(reply.headers, now)
        policy = f"HTTP {reply.status} from OAuth"
        return RateLimited(provider, _WAIT_WITHOUT_RETRY_AFTER if pause is None else pause, policy)
    if reply.status == _LOCKED or reply.status in _SERVER_ERRORS:
        return CrmUnavailable(provider, f"HTTP {reply.status} from OAuth")
    return None


def word(told: str | None) -> str | None:
    """Let only a code word into a message: free text from an OAuth endpoint may quote what it was sent."""
    return told if told and _WORD.fullmatch(told) else None
