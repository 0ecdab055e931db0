"""Read from a CRM's API: rate limits, retries, renewal of the access token.

An error mapper, one for each CRM, classifies the responses. Everything sent through `CrmTransport` is a read,
whatever its method, and may be sent again; OAuth calls must not be sent through it.
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Generic, NamedTuple, Protocol, TypeVar

import httpx
import structlog

from astrelo.adapters.outbound.crm import http, rate_limiters, retries
from astrelo.domain import errors
from astrelo.domain.connection import ApiAccess
from astrelo.domain.identifiers import ObjectType, Provider
from astrelo.domain.ports.crm import CrmSession
from astrelo.domain.ports.system import Clock, Randomness

T = TypeVar("T")
B = TypeVar("B", bound=rate_limiters.RateLimiter)
B_contra = TypeVar("B_contra", bound=rate_limiters.RateLimiter, contravariant=True)
_log = structlog.get_logger(__name__)


MAX_REFUSALS = 3
"""After so many refused tokens for one call the user has to connect again. A token that was renewed a moment ago may
have expired by the time that it is used, or another process may have renewed it since."""

_SUCCESS = range(200, 300)


class Retry(NamedTuple):
    """The same request may succeed after at least `wait` seconds; `error` is raised if it never does."""

    error: errors.CrmError
    wait: float = 0.0
    max_attempts: int | None = None
    """Lowers the policy's limit: each attempt takes long, or there is another way to get the data."""


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
    on_timeout: Retry | None = None
    """How to retry after a timeout, where a timeout says something about the request and not about the CRM."""


class RefreshToken(NamedTuple):
    """The access token is not accepted."""

    reason: str


Classification = errors.CrmError | Retry | RefreshToken


class IncompleteResponse(Exception):
    """A success that is not the whole response: JSON cut off, or a batch of which a part failed at the CRM."""


class ErrorMapper(Protocol[B_contra]):
    """Classifies one CRM's responses."""

    @property
    @abstractmethod
    def provider(self) -> Provider: ...

    @abstractmethod
    def classify(self, response: http.HttpResponse, call: Call, session: CrmSession) -> Classification:
        """Classify a response that is no success."""

    @abstractmethod
    def observe(self, headers: httpx.Headers, rate_limiter: B_contra) -> None:
        """Let the rate limiter learn from a response's headers."""


class _TokenRefusedError(Exception):
    pass


class _FailedAttemptError(Exception):
    def __init__(self, retry: Retry) -> None:
        super().__init__(str(retry.error))
        self.retry = retry


class CrmTransport(Generic[B]):
    """Sends reads until they succeed or cannot succeed any more."""

    def __init__(
        self, http_client: http.HttpClient, error_mapper: ErrorMapper[B], clock: Clock, randomness: Randomness
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
        policy: retries.RetryPolicy = retries.DEFAULT_RETRY,
    ) -> T:
        """Return the decoded body. `decode` raises IncompleteResponse for a body that should be requested again.

        Raise what the error mapper classifies the response as; RateLimited and CrmUnavailable only after the
        policy's attempts, or at once when the CRM asks for a pause beyond the policy's `max_total_delay`.
        """
        return await self.read_response(
            call, session, rate_limiter, lambda response: decode(response.body), policy
        )

    async def read_response(
        self,
        call: Call,
        session: CrmSession,
        rate_limiter: B,
        decode: Callable[[http.HttpResponse], T],
        policy: retries.RetryPolicy = retries.DEFAULT_RETRY,
    ) -> T:
        """Do the same as `read` where `decode` needs more of the response than its body."""
        refused: str | None = None
        refusals, failures, waited = 0, 0, 0.0
        while True:
            access = await session.access(refused)
            try:
                return await self._attempt(call, access, session, rate_limiter, decode)
            except _TokenRefusedError as error:
                refusals += 1
                if refusals == MAX_REFUSALS:
                    raise errors.ReauthorizationRequired(self._error_mapper.provider, str(error)) from None
                refused = access.token
            except _FailedAttemptError as failure:
                failures += 1
                retry = failure.retry
                delay = retry.wait
                if not isinstance(retry.error, errors.RateLimited):
                    delay = max(delay, policy.backoff(failures, self._randomness.jitter()))
                max_attempts = min(retry.max_attempts or policy.max_attempts, policy.max_attempts)
                if failures >= max_attempts or waited + delay > policy.max_total_delay:
                    raise retry.error from failure.__cause__
                self._log_retry(call, session, retry, failures, delay)
                await self._clock.sleep(delay)
                waited += delay

    async def _attempt(
        self,
        call: Call,
        access: ApiAccess,
        session: CrmSession,
        rate_limiter: B,
        decode: Callable[[http.HttpResponse], T],
    ) -> T:
        url = self._absolute_url(call, access)
        await rate_limiter.acquire()
        try:
            headers = self._build_headers(access.token, call.headers)
            response = await self._http_client.send(call.method, url, headers, call.content)
            self._error_mapper.observe(response.headers, rate_limiter)
        except errors.CrmUnavailable as error:
            on_timeout = call.on_timeout if isinstance(error, http.ResponseTimeout) else None
            raise _FailedAttemptError(on_timeout or Retry(error)) from error.__cause__
        finally:
            rate_limiter.release()
        if response.status in _SUCCESS:
            return self._decode(response, decode)
        outcome = self._error_mapper.classify(response, call, session)
        if isinstance(outcome, errors.CrmError):
            raise outcome
        if isinstance(outcome, RefreshToken):
            raise _TokenRefusedError(outcome.reason)
        if isinstance(outcome.error, errors.RateLimited):
            rate_limiter.pause(outcome.wait)
        raise _FailedAttemptError(outcome)

    def _decode(self, response: http.HttpResponse, decode: Callable[[http.HttpResponse], T]) -> T:
        if response.is_html:
            # A proxy's page, or one about maintenance: not the CRM's own response, whatever its status.
            reason = f"HTML with HTTP {response.status} instead of a response"
            raise _FailedAttemptError(Retry(errors.CrmUnavailable(self._error_mapper.provider, reason)))
        try:
            return decode(response)
        except IncompleteResponse as error:
            unavailable = errors.CrmUnavailable(
                self._error_mapper.provider, f"its response is incomplete: {error}"
            )
            raise _FailedAttemptError(Retry(unavailable)) from error

    def _absolute_url(self, call: Call, access: ApiAccess) -> str:
        if access.api_url is None:
            return call.url
        # Appended to a host without a slash, '.evil.test' and '@evil.test' would make it another host.
        if not call.url.startswith("/"):
            raise errors.CrmRejected(
                self._error_mapper.provider, None, f"{call.label} goes on at what is no path"
            )
        return access.api_url + call.url

    def _build_headers(self, token: str, additional: Mapping[str, str] | None) -> httpx.Headers:
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
        if additional is None:
            return headers
        headers = headers.copy()
        headers.update(additional)
        return headers

    def _log_retry(self, call: Call, session: CrmSession, retry: Retry, failures: int, delay: float) -> None:
        _log.warning(
            "crm.request_retried",
            provider=self._error_mapper.provider.value,
            account_id=session.account.account_id,
            request=f"{call.method} {call.label}",
            reason=str(retry.error),
            failures=failures,
            wait_seconds=round(delay, 3),
        )
