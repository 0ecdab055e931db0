"""What HubSpot's answers mean: which of them to wait for, and which error the others are."""

from datetime import UTC, datetime, timedelta, tzinfo
from http import HTTPStatus
from itertools import islice
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import httpx
import msgspec

from astrelo.adapters.outbound.crm.decoding import UNREADABLE, code_word
from astrelo.adapters.outbound.crm.http import Reply, retry_after
from astrelo.adapters.outbound.crm.rate_limiter import SlidingWindowLimiter
from astrelo.adapters.outbound.crm.transient_errors import GrowingPauses, passes_by_itself
from astrelo.adapters.outbound.crm.transport import Call, Classification, ErrorMapper, RefreshToken, Retry
from astrelo.adapters.outbound.hubspot.api.wire import ErrorBody
from astrelo.domain.errors import CrmRejected, CrmUnavailable, PermissionMissing, RateLimited
from astrelo.domain.identifiers import Provider
from astrelo.domain.ports.crm import CrmSession
from astrelo.domain.ports.system import Clock

MAX_WAIT_IN_PLACE = timedelta(seconds=60)
"""A longer pause parks the run instead of holding a worker."""

MIN_MOVE_SECONDS = timedelta(minutes=5)
MAX_MOVE_SECONDS = timedelta(hours=1)
"""How long a move between data centres is waited for at a time, where HubSpot tells no time: first, and at most."""

_ACCOUNT_MOVING = 477
"""HubSpot's own: the account is on its way to another data centre, for seconds or up to a day."""
_OTHER_DATA_CENTRE = 488
"""HubSpot's own: the account is known in another data centre (`correctHublet`) than the one that was asked."""
_LOCK = timedelta(seconds=2)
_TEN_SECONDS = timedelta(seconds=10)
_ONE_SECOND = timedelta(seconds=1)
_RATE_HEADERS = (
    "x-hubspot-ratelimit-max",
    "x-hubspot-ratelimit-interval-milliseconds",
    "x-hubspot-ratelimit-remaining",
)
_MAX_COUNT_LENGTH = 12
_MAX_WORDS = 10


class HubSpotErrorMapper(ErrorMapper[SlidingWindowLimiter]):
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._moves = GrowingPauses(clock, MIN_MOVE_SECONDS, MAX_MOVE_SECONDS)

    @property
    def provider(self) -> Provider:
        return Provider.HUBSPOT

    def classify(self, reply: Reply, call: Call, session: CrmSession) -> Classification:
        body = _error_body(reply)
        match reply.status:
            case HTTPStatus.UNAUTHORIZED:
                return RefreshToken(
                    f"HubSpot refuses the access token ({code_word(body.category) or 'HTTP 401'})"
                )
            case HTTPStatus.FORBIDDEN if not reply.is_html:
                return PermissionMissing(Provider.HUBSPOT, call.object_type, _required_scopes(body))
            case HTTPStatus.TOO_MANY_REQUESTS:
                return self._rate_limited(reply, body, session)
            case _ if reply.status in {_ACCOUNT_MOVING, _OTHER_DATA_CENTRE}:
                return self._moving(reply, body, session)
        if passes_by_itself(reply.status):
            return self._not_now(reply)
        return CrmRejected(Provider.HUBSPOT, reply.status, _explanation(reply, body, call))

    def observe(self, headers: httpx.Headers, rate_limiter: SlidingWindowLimiter) -> None:
        """Learn the limit from the headers; search answers carry none."""
        limit, interval, remaining = (_count(headers.get(name)) for name in _RATE_HEADERS)
        if limit is not None and interval is not None and remaining is not None:
            rate_limiter.learn(limit, interval / 1000, remaining)

    def _rate_limited(self, reply: Reply, body: ErrorBody, session: CrmSession) -> Classification:
        policy = code_word(body.policy_name) or "UNNAMED"
        told = retry_after(reply.headers, self._clock.now())
        # At least a second: attempts that follow at once are spent before any window has moved on.
        pause = self._window(policy, session) if told is None else max(told, _ONE_SECOND)
        error = _daily(pause, policy) if _is_daily(policy) else RateLimited(Provider.HUBSPOT, pause, policy)
        return error if pause > MAX_WAIT_IN_PLACE else Retry(error, pause.total_seconds())

    def _window(self, policy: str, session: CrmSession) -> timedelta:
        """How long a policy's window lasts at most: HubSpot promises no Retry-After."""
        if _is_daily(policy):
            return _until_midnight(self._clock.now(), _zone(session.account.time_zone))
        return _ONE_SECOND if policy.startswith("SECONDLY") else _TEN_SECONDS

    def _moving(self, reply: Reply, body: ErrorBody, session: CrmSession) -> RateLimited:
        """Wait for an account that cannot be read where we ask; HubSpot leads its address there by itself."""
        told = retry_after(reply.headers, self._clock.now())
        pause = self._moves.next_pause(session.account.account_id) if told is None else max(told, _ONE_SECOND)
        why = "it is moving the account to another data centre"
        if reply.status == _OTHER_DATA_CENTRE:
            where = code_word(body.correct_hublet)
            why = (
                f"the account lives in another data centre{f' ({where})' if where else ''} than the one that "
                "answered; if that lasts for more than a day, connect it again"
            )
        return RateLimited(Provider.HUBSPOT, pause, f"HTTP {reply.status}", why)

    def _not_now(self, reply: Reply) -> Classification:
        told = retry_after(reply.headers, self._clock.now())
        pause = told or (_LOCK if reply.status == HTTPStatus.LOCKED else timedelta())
        if pause > MAX_WAIT_IN_PLACE:
            return RateLimited(Provider.HUBSPOT, pause, f"HTTP {reply.status}")
        return Retry(CrmUnavailable(Provider.HUBSPOT, f"HTTP {reply.status}"), pause.total_seconds())


def _is_daily(policy: str) -> bool:
    return policy.startswith("DAILY")


def _daily(pause: timedelta, policy: str) -> RateLimited:
    return RateLimited(Provider.HUBSPOT, pause, policy, "the account's API requests of the day are used up")


def _error_body(reply: Reply) -> ErrorBody:
    try:
        return msgspec.json.decode(reply.body, type=ErrorBody)
    except UNREADABLE:
        return ErrorBody()


def _required_scopes(body: ErrorBody) -> tuple[str, ...]:
    contexts = (error.context or {} for error in body.errors)
    told = (code_word(scope) for context in contexts for scope in context.get("requiredGranularScopes", []))
    return tuple(islice(filter(None, told), _MAX_WORDS))


def _explanation(reply: Reply, body: ErrorBody, call: Call) -> str:
    """Say what was refused by category and correlation id; HubSpot's message may quote record content."""
    if reply.is_html:
        return f"HTML instead of JSON for {call.method} {call.label}"
    parts = (code_word(told) for told in (body.category, body.sub_category, *(e.code for e in body.errors)))
    what = ", ".join(islice(filter(None, parts), _MAX_WORDS)) or "no category"
    correlation = (
        code_word(body.correlation_id) or code_word(reply.headers.get("x-hubspot-correlation-id")) or "none"
    )
    return f"{what} for {call.method} {call.label}, correlation id {correlation}"


def _count(told: str | None) -> int | None:
    return int(told) if told is not None and len(told) <= _MAX_COUNT_LENGTH and told.isdecimal() else None


def _zone(name: str | None) -> tzinfo:
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def _until_midnight(now: datetime, zone: tzinfo) -> timedelta:
    local = now.astimezone(zone)
    midnight = datetime.combine(local.date() + timedelta(days=1), datetime.min.time(), tzinfo=zone)
    return midnight.astimezone(UTC) - now
