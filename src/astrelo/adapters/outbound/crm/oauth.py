"""What OAuth calls to any CRM have in common. Each is made once, and bounded in time.

A refresh whose answer was lost may have been acted on, and a code or a single-use refresh token that is sent twice
can cost the customer the whole grant.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Annotated, TypeVar

import msgspec

from astrelo.adapters.outbound.crm.decoding import UNREADABLE, repair_json
from astrelo.adapters.outbound.crm.http import Reply, retry_after
from astrelo.adapters.outbound.crm.transport import Incomplete
from astrelo.domain.connection import TokenSet
from astrelo.domain.errors import (
    CrmError,
    CrmRejected,
    CrmUnavailable,
    GrantRejected,
    RateLimited,
    ReauthorizationRequired,
)
from astrelo.domain.identifiers import Provider
from astrelo.domain.ports.crm import TokensIssued

T = TypeVar("T")
GoneError = type[GrantRejected] | type[ReauthorizationRequired]
"""What a dead grant means to the caller: start the flow again, or ask a person to connect again."""

Token = Annotated[str, msgspec.Meta(pattern=r"\A[\x21-\x7e]+\Z", max_length=10_000)]
"""RFC 6749 appendix A, without the blank, which fits into no header. The limit is ours."""

MAX_ACCOUNT_NAME_LENGTH = 200
MAX_USER_NAME_LENGTH = 254
"""Of who connected: no e-mail address is longer (RFC 5321 §4.5.3.1.3)."""
MAX_DOMAIN_LENGTH = 253
SUCCESS = range(200, 300)
MAX_CALL_SECONDS = 14.0
"""A refresh happens under a row lock: it must be over in the 15 s that the port promises."""

FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
"""Headers of a call whose body is a form: nothing secret goes into a URL."""

_WAIT_WITHOUT_RETRY_AFTER = timedelta(seconds=10)
_RATE_LIMITED = frozenset({429, 477})
_LOCKED = 423
_SERVER_ERRORS = range(500, 600)
_WORD = re.compile(r"\w{1,60}", re.ASCII)


@asynccontextmanager
async def with_timeout(provider: Provider) -> AsyncIterator[None]:
    """Bound all that is awaited inside."""
    seconds = MAX_CALL_SECONDS
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise CrmUnavailable(provider, f"its OAuth endpoints took longer than {seconds:.0f} s") from error


def tell_issued(reply: Reply, issued: TokensIssued | None, issuer_url: str | None = None) -> None:
    """Tell of the tokens in a token response, also in one that is not what was promised: they are alive."""
    if issued is None or reply.status not in SUCCESS:
        return
    try:
        told = json.loads(reply.body)
    except (ValueError, RecursionError):
        return
    fields = told if isinstance(told, dict) else {}
    access, refresh = (_token(fields.get(name)) for name in ("access_token", "refresh_token"))
    if access or refresh:
        issued(TokenSet(access_token=access, refresh_token=refresh, expires_at=None, issuer_url=issuer_url))


def _token(told: object) -> str:
    try:
        return msgspec.convert(told, Token)
    except msgspec.ValidationError:
        return ""


def revocable(tokens: TokenSet) -> str:
    """Return what ends most of a grant: the refresh token, or the access token of a grant that has no other."""
    return tokens.refresh_token or tokens.access_token


def decode_reply(reply: Reply, decode: Callable[[bytes], T], provider: Provider) -> T:
    """Decode a success without ever showing it: it may hold tokens.

    Raises CrmUnavailable where it does not come to its end or is a page for people, for the next one may be what it
    should; CrmRejected where it is whole, and is not what was promised.
    """
    try:
        return decode(reply.body)
    except msgspec.ValidationError as error:
        raise CrmRejected(provider, reply.status, f"an OAuth answer without its fields: {error}") from None
    except (*UNREADABLE, Incomplete):
        raise _unread(reply, provider) from None


def _unread(reply: Reply, provider: Provider) -> CrmError:
    if reply.is_html:  # a proxy's page, or one about maintenance
        return CrmUnavailable(provider, "a page for people instead of an OAuth answer")
    try:
        repair_json(reply.body)
    except Incomplete:
        return CrmUnavailable(provider, "an OAuth answer that is no whole JSON")
    return CrmRejected(provider, reply.status, "an OAuth answer with what nobody can read")


def transient(reply: Reply, now: datetime, provider: Provider) -> CrmError | None:
    """Return the error of an answer that may be another one later; None for any other."""
    if reply.status in _RATE_LIMITED:
        pause = retry_after(reply.headers, now)
        policy = f"HTTP {reply.status} from OAuth"
        return RateLimited(provider, _WAIT_WITHOUT_RETRY_AFTER if pause is None else pause, policy)
    if reply.status == _LOCKED or reply.status in _SERVER_ERRORS:
        return CrmUnavailable(provider, f"HTTP {reply.status} from OAuth")
    return None


def error_word(told: str | None) -> str | None:
    """Let only a code word into a message: free text from an OAuth endpoint may quote what it was sent."""
    return told if told and _WORD.fullmatch(told) else None
