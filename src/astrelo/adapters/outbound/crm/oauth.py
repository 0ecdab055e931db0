"""What the OAuth calls to all CRMs share. Each call is sent once, within a time limit.

A refresh whose response was lost may have been carried out, and a code or a single-use refresh token that is sent
twice can cost the customer the whole grant.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Annotated, TypeVar

import msgspec

from astrelo.adapters.outbound.crm import decoding, http, transport
from astrelo.domain import errors
from astrelo.domain.connection import TokenSet
from astrelo.domain.identifiers import Provider
from astrelo.domain.ports.crm import TokensIssued

T = TypeVar("T")
GoneError = type[errors.GrantRejected] | type[errors.ReauthorizationRequired]
"""What a dead grant means to the caller: start the authorization again, or ask the user to connect again."""

Token = Annotated[str, msgspec.Meta(pattern=r"\A[\x21-\x7e]+\Z", max_length=10_000)]
"""RFC 6749 appendix A, without the blank, which fits into no header. The limit is ours."""

MAX_ACCOUNT_NAME_LENGTH = 200
MAX_USER_NAME_LENGTH = 254
"""Of the user who connected: no e-mail address is longer (RFC 5321 §4.5.3.1.3)."""
MAX_DOMAIN_LENGTH = 253
SUCCESS = range(200, 300)
MAX_CALL_SECONDS = 14.0
"""A refresh happens under a row lock: it must be over in the 15 s that the port promises."""

FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
"""Headers of a call whose body is a form: secrets never go into a URL."""

_PAUSE_WITHOUT_RETRY_AFTER = timedelta(seconds=10)
_RATE_LIMITED = frozenset({429, 477})
_LOCKED = 423
_SERVER_ERRORS = range(500, 600)
_OAUTH_CODE = re.compile(r"\w{1,60}", re.ASCII)


@asynccontextmanager
async def with_timeout(provider: Provider) -> AsyncIterator[None]:
    """Limit the time of all that is awaited inside."""
    seconds = MAX_CALL_SECONDS
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise errors.CrmUnavailable(
            provider, f"its OAuth endpoints took longer than {seconds:.0f} s"
        ) from error


def report_issued(
    response: http.HttpResponse, issued: TokensIssued | None, issuer_url: str | None = None
) -> None:
    """Pass the tokens of a token response to `issued`, even if the response is invalid: they are alive."""
    if issued is None or response.status not in SUCCESS:
        return
    try:
        document = json.loads(response.body)
    except (ValueError, RecursionError):
        return
    fields = document if isinstance(document, dict) else {}
    access, refresh = (_valid_token(fields.get(name)) for name in ("access_token", "refresh_token"))
    if access or refresh:
        issued(TokenSet(access_token=access, refresh_token=refresh, expires_at=None, issuer_url=issuer_url))


def _valid_token(value: object) -> str:
    try:
        return msgspec.convert(value, Token)
    except msgspec.ValidationError:
        return ""


def token_to_revoke(tokens: TokenSet) -> str:
    """Return the token that ends most of a grant: the refresh token, or the access token where there is no other."""
    return tokens.refresh_token or tokens.access_token


def decode_response(response: http.HttpResponse, decode: Callable[[bytes], T], provider: Provider) -> T:
    """Decode a success without ever showing it: it may hold tokens.

    Raise CrmUnavailable where it is cut off or is a page of HTML, for the next response may be right; CrmRejected
    where it is whole and has another shape.
    """
    try:
        return decode(response.body)
    except msgspec.ValidationError as error:
        raise errors.CrmRejected(
            provider, response.status, f"an OAuth response without its fields: {error}"
        ) from None
    except (*decoding.UNREADABLE, transport.IncompleteResponse):
        raise _classify_unreadable(response, provider) from None


def _classify_unreadable(response: http.HttpResponse, provider: Provider) -> errors.CrmError:
    if response.is_html:  # a proxy's page, or one about maintenance
        return errors.CrmUnavailable(provider, "a web page instead of an OAuth response")
    try:
        decoding.repair_json(response.body)
    except transport.IncompleteResponse:
        return errors.CrmUnavailable(provider, "an OAuth response that is cut off")
    return errors.CrmRejected(provider, response.status, "an OAuth response that cannot be read")


def transient_error(response: http.HttpResponse, now: datetime, provider: Provider) -> errors.CrmError | None:
    """Return the error of a response that may be different later; None for any other."""
    if response.status in _RATE_LIMITED:
        pause = http.retry_after(response.headers, now)
        policy = f"HTTP {response.status} from OAuth"
        return errors.RateLimited(provider, _PAUSE_WITHOUT_RETRY_AFTER if pause is None else pause, policy)
    if response.status == _LOCKED or response.status in _SERVER_ERRORS:
        return errors.CrmUnavailable(provider, f"HTTP {response.status} from OAuth")
    return None


def sanitize_oauth_code(raw: str | None) -> str | None:
    """Return an error code that may appear in a message, None for free text, which may quote what was sent."""
    return raw if raw and _OAUTH_CODE.fullmatch(raw) else None
