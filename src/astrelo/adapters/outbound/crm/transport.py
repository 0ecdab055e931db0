"""Reading from a CRM: rate limits, retries, renewals of the token.

What a response means is the business of an error mapper, one for each CRM. Everything sent through `CrmTransport`
is a read, whatever its method, and may be sent again; OAuth calls must not come this way.
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeVar

import httpx
import structlog

from astrelo.adapters.outbound.crm.http import HttpClient, NoAnswerInTime, Reply
from astrelo.adapters.outbound.crm.rate_limiter import RateLimiter
from astrelo.domain.connection import ApiAccess
from astrelo.domain.errors import CrmError, CrmRejected, CrmUnavailable, RateLimited, ReauthorizationRequired
from astrelo.domain.identifiers import ObjectType, Provider
from astrelo.domain.ports.crm import CrmSession
from astrelo.domain.ports.system import Clock, Randomness

T = TypeVar("T")
B = TypeVar("B", bound=RateLimiter)
B_contra = TypeVar("B_contra", bound=RateLimiter, contravariant=True)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Exponential backoff, half of each step drawn by lot, bounded in attempts and in seconds."""

    max_attempts: int = 6
    initial_delay: float = 0.5
    max_delay: float = 16.0
    max_total_delay: float = 60.0
    """Seconds of waiting in all; a longer pause is the run's to wait out, not the worker's."""

    def backoff(self, failures: int, jitter: float) -> float:
        step = min(self.initial_delay * 2.0 ** (failures - 1), self.max_delay)
        return step * (0.5 + jitter / 2)


MAX_REFUSALS = 3
"""So many tokens are refused to a call before a person is asked. One that was renewed a moment ago may be at its end
by the time that it is used, or have been renewed by somebody else."""

DEFAULT_RETRY = RetryPolicy()
NO_RETRY = RetryPolicy(max_attempts=1)


class Retry(NamedTuple):
    """The same request may succeed after at least `wait` seconds; `error` if it never does."""

    error: CrmError
    wait: float = 0.0
    max_attempts: int | None = None
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
    late: Retry | None = None
    """What to do on no answer in time, where that says something of the request and not of the CRM."""


class RefreshToken(NamedTuple):
    """The access token is not accepted."""

    reason: str


Classification = CrmError | Retry | RefreshToken


class Incomplete(Exception):
    """A success that is not the whole answer: JSON cut off, or a batch of which a part failed at the CRM."""


class ErrorMapper(Protocol[B_contra]):
    """What one CRM's answers mean."""

    @property
    @abstractmethod
    def provider(self) -> Provider: ...

    @abstractmethod
    def classify(self, reply: Reply, call: Call, session: CrmSession) -> Classification:
        """Judge an answer that is no success."""

    @abstractmethod
    def observe(self, headers: httpx.Headers, rate_limiter: B_contra) -> None:
        """Let the budget learn from an answer's headers."""


class _TokenRefusedError(Exception):
    pass


class _FailedAttemptError(Exception):
    def __init__(self, retry: Retry) -> None:
        super().__init__(str(retry.error))
        self.retry = retry


class CrmTransport(Generic[B]):
    """Reads, sent until they succeed or it is clear that they will not."""

    def __init__(
        self, http_client: HttpClient, error_mapper: ErrorMapper[B], clock: Clock, randomness: Randomness
    ) -> None:
        self._http_client = http_client
        self._error_mapper = error_mapper
        self._clock = clock
        self._randomness = randomness
        self._headers: tuple[str, httpx.Headers] = ("", httpx.Headers())

    async def read(
        self,
        call: Call,
        session: CrmSession,
        rate_limiter: B,
        decode: Callable[[bytes], T],
        policy: RetryPolicy = DEFAULT_RETRY,
    ) -> T:
        """Return the decoded answer. `decode` raises Incomplete for what should be asked for again.

        Raises what the error mapper makes of the response; RateLimited and CrmUnavailable only after the
        policy's attempts, or at once when the CRM asks for a pause beyond the policy's `max_total_delay`.
        """
        return await self.read_reply(call, session, rate_limiter, lambda reply: decode(reply.body), policy)

    async def read_reply(
        self,
        call: Call,
        session: CrmSession,
        rate_limiter: B,
        decode: Callable[[Reply], T],
        policy: RetryPolicy = DEFAULT_RETRY,
    ) -> T:
        """Do as `read` does, for an answer of which more than the body counts."""
        refused: str | None = None
        refusals, failures, waited = 0, 0, 0.0
        while True:
            access = await session.access(refused)
            try:
                return await self._attempt(call, access, session, rate_limiter, decode)
            except _TokenRefusedError as error:
                refusals += 1
                if refusals == MAX_REFUSALS:
                    raise ReauthorizationRequired(self._error_mapper.provider, str(error)) from None
                refused = access.token
            except _FailedAttemptError as failure:
                failures += 1
                wait = self._wait(failure.retry, failures, policy)
                if failures >= _attempts(failure.retry, policy) or waited + wait > policy.max_total_delay:
                    raise failure.retry.error from failure.__cause__
                await self._wait_out(call, session, failure.retry, failures, wait)
                waited += wait

    async def _attempt(
        self,
        call: Call,
        access: ApiAccess,
        session: CrmSession,
        rate_limiter: B,
        decode: Callable[[Reply], T],
    ) -> T:
        address = self._address(call, access)
        await rate_limiter.acquire()
        try:
            headers = self._authorized(access.token, call.headers)
            reply = await self._http_client.send(call.method, address, headers, call.content)
            self._error_mapper.observe(reply.headers, rate_limiter)
        except CrmUnavailable as error:
            late = call.late if isinstance(error, NoAnswerInTime) else None
            raise _FailedAttemptError(late or Retry(error)) from error.__cause__
        finally:
            rate_limiter.release()
        if reply.status in _SUCCESS:
            return self._decoded(reply, decode)
        outcome = self._error_mapper.classify(reply, call, session)
        if isinstance(outcome, CrmError):
            raise outcome
        if isinstance(outcome, RefreshToken):
            raise _TokenRefusedError(outcome.reason)
        if isinstance(outcome.error, RateLimited):
            rate_limiter.pause(outcome.wait)
        raise _FailedAttemptError(outcome)

    def _decoded(self, reply: Reply, decode: Callable[[Reply], T]) -> T:
        if reply.is_html:
            # A proxy's page, or one about maintenance: not the CRM's own answer, whatever its status.
            page = CrmUnavailable(
                self._error_mapper.provider, f"HTML with HTTP {reply.status} instead of an answer"
            )
            raise _FailedAttemptError(Retry(page))
        try:
            return decode(reply)
        except Incomplete as error:
            unavailable = CrmUnavailable(self._error_mapper.provider, f"its answer is incomplete: {error}")
            raise _FailedAttemptError(Retry(unavailable)) from error

    def _address(self, call: Call, access: ApiAccess) -> str:
        if access.api_url is None:
            return call.url
        # Behind a host without its slash, '.evil.test' and '@evil.test' would make it another host.
        if not call.url.startswith("/"):
            raise CrmRejected(self._error_mapper.provider, None, f"{call.label} goes on at what is no path")
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

    def _wait(self, retry: Retry, failures: int, policy: RetryPolicy) -> float:
        if isinstance(retry.error, RateLimited):
            return retry.wait
        return max(retry.wait, policy.backoff(failures, self._randomness.jitter()))

    async def _wait_out(
        self, call: Call, session: CrmSession, retry: Retry, failures: int, wait: float
    ) -> None:
        _log.warning(
            "crm.request_retried",
            provider=self._error_mapper.provider.value,
            account_id=session.account.account_id,
            request=f"{call.method} {call.label}",
            reason=str(retry.error),
            failures=failures,
            wait_seconds=round(wait, 3),
        )
        await self._clock.sleep(wait)


def _attempts(retry: Retry, policy: RetryPolicy) -> int:
    return policy.max_attempts if retry.max_attempts is None else min(retry.max_attempts, policy.max_attempts)


_SUCCESS = range(200, 300)
