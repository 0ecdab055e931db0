"""How we talk HTTP to a CRM: timeouts, retries, the rate budget, one renewal of the token.

What an answer means is the dialect's business, one for each CRM. Everything sent through `CrmTransport`
is a read, whatever its method, and may be sent again; OAuth calls must not come this way.
"""

import asyncio
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Generic, NamedTuple, Protocol, TypeVar

import httpx
import structlog

from astrelo.adapters.outbound.crm.rate_budget import Budget
from astrelo.domain.connection import ApiAccess
from astrelo.domain.errors import CrmError, CrmRejected, CrmUnavailable, RateLimited, ReauthorizationRequired
from astrelo.domain.identifiers import ObjectType, Provider
from astrelo.domain.ports import Clock, CrmSession, Randomness

T = TypeVar("T")
B = TypeVar("B", bound=Budget)
B_contra = TypeVar("B_contra", bound=Budget, contravariant=True)
_log = structlog.get_logger(__name__)

LONGEST_RETRY_AFTER = timedelta(days=1)
"""The longest pause that a CRM is known to announce (an account that moves between data centres)."""


class Timeouts(NamedTuple):
    """Seconds. `whole` bounds what the others do not: a body that drips forever."""

    connect: float = 10.0
    read: float = 45.0
    write: float = 30.0
    pool: float = 60.0
    whole: float = 120.0


DEFAULT_TIMEOUTS = Timeouts()
LARGEST_ANSWER = 64 * 2**20
"""In bytes, unpacked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Exponential backoff, half of each step drawn by lot, bounded in attempts and in seconds."""

    attempts: int = 6
    first_wait: float = 0.5
    longest_wait: float = 16.0
    patience: float = 60.0
    """Seconds of waiting in all; a longer pause is the run's to wait out, not the worker's."""

    def backoff(self, failures: int, jitter: float) -> float:
        step = min(self.first_wait * 2.0 ** (failures - 1), self.longest_wait)
        return step * (0.5 + jitter / 2)


PATIENT = RetryPolicy()
ONE_ATTEMPT = RetryPolicy(attempts=1)


class Reply(NamedTuple):
    status: int
    headers: httpx.Headers
    body: bytes

    @property
    def is_html(self) -> bool:
        return self.body[:256].lstrip().startswith(b"<")


class TryAgain(NamedTuple):
    """A verdict: the same request may succeed after at least `wait` seconds; `error` if it never does."""

    error: CrmError
    wait: float = 0.0
    attempts: int | None = None
    """So many are enough, be the policy more patient: each costs long, or there is another way."""


class Call(NamedTuple):
    """One read. `label` stands for it in logs: the path without its query."""

    method: str
    url: str
    """Absolute; or a path, where each account's API has an address of its own (`ApiAccess.api_url`)."""
    label: str
    object_type: ObjectType | None
    content: bytes | None = None
    headers: Mapping[str, str] | None = None
    """Beside, or in place of, those that every call carries."""
    late: TryAgain | None = None
    """The verdict on no answer in time, where that says something of the request and not of the CRM."""


class TokenRefused(NamedTuple):
    """A verdict: the access token is not accepted."""

    reason: str


Verdict = CrmError | TryAgain | TokenRefused


class NoAnswerInTime(CrmUnavailable):
    """The connection stood, but the answer did not come, or not to its end."""


class TooLarge(CrmRejected):
    """An answer that takes more memory than one may; a smaller part of it can be asked for where the CRM divides."""


class Incomplete(Exception):
    """A success that is not the whole answer: JSON cut off, or a batch of which a part failed at the CRM."""


class Dialect(Protocol[B_contra]):
    """What one CRM's answers mean."""

    @property
    @abstractmethod
    def provider(self) -> Provider: ...

    @abstractmethod
    def verdict(self, reply: Reply, call: Call, session: CrmSession) -> Verdict:
        """Judge an answer that is no success."""

    @abstractmethod
    def observe(self, headers: httpx.Headers, budget: B_contra) -> None:
        """Let the budget learn from an answer's headers."""


def open_transport(limit: int = 64, *, keep_alive: bool = True) -> httpx.AsyncHTTPTransport:
    """Make a pool of at most `limit` connections.

    It is httpx's transport without httpx's client: the client's layers (cookies, redirects, auth flows,
    URL merging) do nothing for these calls and are a quarter of a request's cost.

    A kept connection may be closed by the other side just as a request goes out on it. A read is simply
    sent again; what must never be sent twice does better without `keep_alive`.
    """
    kept = None if keep_alive else 0
    limits = httpx.Limits(max_connections=limit, max_keepalive_connections=kept, keepalive_expiry=30.0)
    return httpx.AsyncHTTPTransport(limits=limits)


class Sender:
    """One request, one answer, within the timeouts and the size limit."""

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport,
        provider: Provider,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
        largest_answer: int = LARGEST_ANSWER,
    ) -> None:
        self._transport = transport
        self._provider = provider
        self._whole = timeouts.whole
        self._largest_answer = largest_answer
        self._extensions = {
            "timeout": {
                "connect": timeouts.connect,
                "read": timeouts.read,
                "write": timeouts.write,
                "pool": timeouts.pool,
            }
        }

    async def send(
        self, method: str, url: str, headers: Mapping[str, str] | httpx.Headers, content: bytes | None = None
    ) -> Reply:
        """Raise CrmUnavailable when there is no whole answer, CrmRejected for one that cannot be taken."""
        try:
            request = httpx.Request(
                method, url, headers=headers, content=content, extensions=self._extensions
            )
            async with asyncio.timeout(self._whole):
                response = await self._transport.handle_async_request(request)
                try:
                    body = await self._body(response)
                finally:
                    await response.aclose()
        except TimeoutError as error:
            raise NoAnswerInTime(self._provider, f"no whole answer within {self._whole:.0f} s") from error
        except httpx.InvalidURL as error:
            raise CrmRejected(self._provider, None, "a cursor of its own makes no URL") from error
        except httpx.ReadTimeout as error:
            raise NoAnswerInTime(self._provider, f"no answer ({type(error).__name__})") from error
        except httpx.TransportError as error:
            raise CrmUnavailable(self._provider, f"no answer ({type(error).__name__})") from error
        except httpx.DecodingError as error:
            raise CrmUnavailable(self._provider, "its compressed answer cannot be read") from error
        return Reply(response.status_code, response.headers, body)

    async def _body(self, response: httpx.Response) -> bytes:
        # Only one layer: each may swell a thousandfold before its bytes are counted.
        if response.headers.get("content-encoding", "identity").lower() not in _READABLE_ENCODINGS:
            raise CrmRejected(
                self._provider,
                response.status_code,
                "its answer is compressed in a way that nobody asked for",
            )
        chunks: list[bytes] = []
        size = 0
        async for chunk in response.aiter_bytes():
            size += len(chunk)
            if size > self._largest_answer:
                raise TooLarge(
                    self._provider,
                    response.status_code,
                    f"its answer is larger than {self._largest_answer} bytes",
                )
            chunks.append(chunk)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)


class _TokenRefusedError(Exception):
    pass


class _FailedAttemptError(Exception):
    def __init__(self, verdict: TryAgain) -> None:
        super().__init__(str(verdict.error))
        self.verdict = verdict


class CrmTransport(Generic[B]):
    """Reads, sent until they succeed or it is clear that they will not."""

    def __init__(self, sender: Sender, dialect: Dialect[B], clock: Clock, randomness: Randomness) -> None:
        self._sender = sender
        self._dialect = dialect
        self._clock = clock
        self._randomness = randomness
        self._headers: tuple[str, httpx.Headers] = ("", httpx.Headers())

    async def read(
        self,
        call: Call,
        session: CrmSession,
        budget: B,
        decode: Callable[[bytes], T],
        policy: RetryPolicy = PATIENT,
    ) -> T:
        """Return the decoded answer. `decode` raises Incomplete for what should be asked for again.

        Raises what the dialect makes of the answer; RateLimited and CrmUnavailable only after the
        policy's attempts, or at once when the CRM asks for a pause beyond the policy's patience.
        """
        return await self.read_reply(call, session, budget, lambda reply: decode(reply.body), policy)

    async def read_reply(
        self,
        call: Call,
        session: CrmSession,
        budget: B,
        decode: Callable[[Reply], T],
        policy: RetryPolicy = PATIENT,
    ) -> T:
        """Do as `read` does, for an answer of which more than the body counts."""
        refused: str | None = None
        failures, waited = 0, 0.0
        while True:
            access = await session.access(refused)
            try:
                return await self._attempt(call, access, session, budget, decode)
            except _TokenRefusedError as error:
                if refused is not None:
                    raise ReauthorizationRequired(self._dialect.provider, str(error)) from None
                refused = access.token
            except _FailedAttemptError as failure:
                failures += 1
                wait = self._wait(failure.verdict, failures, policy)
                if failures >= _attempts(failure.verdict, policy) or waited + wait > policy.patience:
                    raise failure.verdict.error from failure.__cause__
                await self._wait_out(call, session, failure.verdict, failures, wait)
                waited += wait

    async def _attempt(
        self,
        call: Call,
        access: ApiAccess,
        session: CrmSession,
        budget: B,
        decode: Callable[[Reply], T],
    ) -> T:
        address = self._address(call, access)
        await budget.acquire()
        try:
            headers = self._authorized(access.token, call.headers)
            reply = await self._sender.send(call.method, address, headers, call.content)
            self._dialect.observe(reply.headers, budget)
        except CrmUnavailable as error:
            late = call.late if isinstance(error, NoAnswerInTime) else None
            raise _FailedAttemptError(late or TryAgain(error)) from error.__cause__
        finally:
            budget.release()
        if reply.status in _SUCCESS:
            return self._decoded(reply, decode)
        verdict = self._dialect.verdict(reply, call, session)
        if isinstance(verdict, CrmError):
            raise verdict
        if isinstance(verdict, TokenRefused):
            raise _TokenRefusedError(verdict.reason)
        if isinstance(verdict.error, RateLimited):
            budget.pause(verdict.wait)
        raise _FailedAttemptError(verdict)

    def _decoded(self, reply: Reply, decode: Callable[[Reply], T]) -> T:
        if reply.is_html:
            # A proxy's page, or one about maintenance: not the CRM's own answer, whatever its status.
            page = CrmUnavailable(
                self._dialect.provider, f"HTML with HTTP {reply.status} instead of an answer"
            )
            raise _FailedAttemptError(TryAgain(page))
        try:
            return decode(reply)
        except Incomplete as error:
            unavailable = CrmUnavailable(self._dialect.provider, f"its answer is incomplete: {error}")
            raise _FailedAttemptError(TryAgain(unavailable)) from error

    def _address(self, call: Call, access: ApiAccess) -> str:
        if access.api_url is None:
            return call.url
        # Behind a host without its slash, '.evil.test' and '@evil.test' would make it another host.
        if not call.url.startswith("/"):
            raise CrmRejected(self._dialect.provider, None, f"{call.label} goes on at what is no path")
        return access.api_url + call.url

    def _authorized(self, token: str, special: Mapping[str, str] | None) -> httpx.Headers:
        known, headers = self._headers
        if token != known:
            headers = httpx.Headers(
                {
                    "Authorization": f"Bearer {token}",
                    "Accept": "application/json",
                    "Accept-Encoding": "gzip",
                    "Content-Type": "application/json",
                    "User-Agent": "astrelo",
                }
            )
            self._headers = (token, headers)
        if special is None:
            return headers
        headers = headers.copy()
        headers.update(special)
        return headers

    def _wait(self, verdict: TryAgain, failures: int, policy: RetryPolicy) -> float:
        if isinstance(verdict.error, RateLimited):
            return verdict.wait
        return max(verdict.wait, policy.backoff(failures, self._randomness.jitter()))

    async def _wait_out(
        self, call: Call, session: CrmSession, verdict: TryAgain, failures: int, wait: float
    ) -> None:
        _log.warning(
            "crm.request_retried",
            provider=self._dialect.provider.value,
            account_id=session.account.account_id,
            request=f"{call.method} {call.label}",
            reason=str(verdict.error),
            failures=failures,
            wait_seconds=round(wait, 3),
        )
        await self._clock.sleep(wait)


def _attempts(verdict: TryAgain, policy: RetryPolicy) -> int:
    return policy.attempts if verdict.attempts is None else min(verdict.attempts, policy.attempts)


_SUCCESS = range(200, 300)
_READABLE_ENCODINGS = frozenset({"identity", "gzip"})


def retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """Read Retry-After (RFC 9110 §10.2.3: seconds or a date), at most a day; None when absent or unreadable."""
    text = headers.get("retry-after", "").strip()
    try:
        if text.replace(".", "", 1).isdecimal():
            pause = timedelta(seconds=min(float(text), LONGEST_RETRY_AFTER.total_seconds()))
        else:
            pause = parsedate_to_datetime(text) - now
    except (ValueError, TypeError):
        return None
    return min(max(pause, timedelta()), LONGEST_RETRY_AFTER)
