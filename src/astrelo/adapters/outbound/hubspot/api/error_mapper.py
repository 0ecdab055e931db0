"""Classify HubSpot's responses: which to retry, and which error the others are."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta, tzinfo
from http import HTTPStatus
from itertools import islice
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import httpx

from astrelo.adapters.outbound.crm import decoding, http, rate_limiters, transient_errors, transport
from astrelo.adapters.outbound.hubspot.api import wire
from astrelo.domain import errors
from astrelo.domain.identifiers import Provider
from astrelo.domain.ports.crm import CrmSession
from astrelo.domain.ports.system import Clock

MAX_WAIT_IN_PLACE = timedelta(seconds=60)
"""A longer pause parks the run instead of holding a worker."""

MIN_MOVE_SECONDS = timedelta(minutes=5)
MAX_MOVE_SECONDS = timedelta(hours=1)
"""The first and the longest pause during a move between data centres for which HubSpot announces no time."""

_ACCOUNT_MOVING = 477
"""HubSpot's own: the account is on its way to another data centre, for seconds or up to a day."""
_OTHER_DATA_CENTRE = 488
"""HubSpot's own: the account is in another data centre (`correctHublet`) than the one that was called."""
_LOCK = timedelta(seconds=2)
_TEN_SECONDS = timedelta(seconds=10)
_ONE_SECOND = timedelta(seconds=1)
_DAILY_LIMIT = "the account's API requests of the day are used up"
_RATE_HEADERS = (
    "x-hubspot-ratelimit-max",
    "x-hubspot-ratelimit-interval-milliseconds",
    "x-hubspot-ratelimit-remaining",
)
_MAX_COUNT_LENGTH = 12
_MAX_CODES = 10


class HubSpotErrorMapper(transport.ErrorMapper[rate_limiters.SlidingWindowLimiter]):
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._move_pauses = transient_errors.GrowingPauses(clock, MIN_MOVE_SECONDS, MAX_MOVE_SECONDS)

    @property
    def provider(self) -> Provider:
        return Provider.HUBSPOT

    def classify(
        self, response: http.HttpResponse, call: transport.Call, session: CrmSession
    ) -> transport.Classification:
        body = decoding.decode_error(response.body, wire.ErrorBody)
        match response.status:
            case HTTPStatus.UNAUTHORIZED:
                return transport.RefreshToken(
                    f"HubSpot refuses the access token ({decoding.sanitize_code(body.category) or 'HTTP 401'})"
                )
            case HTTPStatus.FORBIDDEN if not response.is_html:
                return errors.PermissionMissing(Provider.HUBSPOT, call.object_type, _required_scopes(body))
            case HTTPStatus.TOO_MANY_REQUESTS:
                return self._classify_rate_limit(response, body, session)
            case _ if response.status in {_ACCOUNT_MOVING, _OTHER_DATA_CENTRE}:
                return self._classify_move(response, body, session)
        if transient_errors.is_transient(response.status):
            return self._classify_transient(response)
        return errors.CrmRejected(Provider.HUBSPOT, response.status, _describe_refusal(response, body, call))

    def observe(self, headers: httpx.Headers, rate_limiter: rate_limiters.SlidingWindowLimiter) -> None:
        """Learn the limit from the headers; search responses carry none."""
        raw_counts = (headers.get(name, "") for name in _RATE_HEADERS)
        limit, interval, remaining = (
            int(raw) if len(raw) <= _MAX_COUNT_LENGTH and raw.isdecimal() else None for raw in raw_counts
        )
        if limit is not None and interval is not None and remaining is not None:
            rate_limiter.learn(limit, interval / 1000, remaining)

    def _classify_rate_limit(
        self, response: http.HttpResponse, body: wire.ErrorBody, session: CrmSession
    ) -> transport.Classification:
        policy = decoding.sanitize_code(body.policy_name) or "UNNAMED"
        is_daily = policy.startswith("DAILY")
        announced = http.retry_after(response.headers, self._clock.now())
        if announced is not None:
            # At least a second: attempts that follow at once are spent before any window has moved on.
            pause = max(announced, _ONE_SECOND)
        elif is_daily:
            # Without Retry-After, which HubSpot does not promise, the longest that the policy can last.
            pause = _time_until_midnight(self._clock.now(), session.account.time_zone)
        else:
            pause = _ONE_SECOND if policy.startswith("SECONDLY") else _TEN_SECONDS
        why = (_DAILY_LIMIT,) if is_daily else ()
        error = errors.RateLimited(Provider.HUBSPOT, pause, policy, *why)
        return error if pause > MAX_WAIT_IN_PLACE else transport.Retry(error, pause.total_seconds())

    def _classify_move(
        self, response: http.HttpResponse, body: wire.ErrorBody, session: CrmSession
    ) -> errors.RateLimited:
        """Wait for an account that cannot be read here; HubSpot redirects its address by itself."""
        announced = http.retry_after(response.headers, self._clock.now())
        if announced is None:
            pause = self._move_pauses.next_pause(session.account.account_id)
        else:
            pause = max(announced, _ONE_SECOND)
        why = "it is moving the account to another data centre"
        if response.status == _OTHER_DATA_CENTRE:
            where = decoding.sanitize_code(body.correct_hublet)
            why = (
                f"the account lives in another data centre{f' ({where})' if where else ''} than the one that "
                "answered; if that lasts for more than a day, connect it again"
            )
        return errors.RateLimited(Provider.HUBSPOT, pause, f"HTTP {response.status}", why)

    def _classify_transient(self, response: http.HttpResponse) -> transport.Classification:
        announced = http.retry_after(response.headers, self._clock.now())
        pause = announced or (_LOCK if response.status == HTTPStatus.LOCKED else timedelta())
        if pause > MAX_WAIT_IN_PLACE:
            return errors.RateLimited(Provider.HUBSPOT, pause, f"HTTP {response.status}")
        return transport.Retry(
            errors.CrmUnavailable(Provider.HUBSPOT, f"HTTP {response.status}"), pause.total_seconds()
        )


def _required_scopes(body: wire.ErrorBody) -> tuple[str, ...]:
    contexts = (error.context or {} for error in body.errors)
    scopes = (
        decoding.sanitize_code(raw)
        for context in contexts
        for raw in context.get("requiredGranularScopes", [])
    )
    return tuple(islice(filter(None, scopes), _MAX_CODES))


def _describe_refusal(response: http.HttpResponse, body: wire.ErrorBody, call: transport.Call) -> str:
    """Describe the refusal by category and correlation id; HubSpot's message may quote record content."""
    if response.is_html:
        return f"HTML instead of JSON for {call.method} {call.label}"
    codes = (
        decoding.sanitize_code(raw)
        for raw in (body.category, body.sub_category, *(e.code for e in body.errors))
    )
    what = ", ".join(islice(filter(None, codes), _MAX_CODES)) or "no category"
    correlation = (
        decoding.sanitize_code(body.correlation_id)
        or decoding.sanitize_code(response.headers.get("x-hubspot-correlation-id"))
        or "none"
    )
    return f"{what} for {call.method} {call.label}, correlation id {correlation}"


def _time_until_midnight(now: datetime, time_zone: str | None) -> timedelta:
    """Return the time until the account's day ends; by UTC where its time zone is unknown."""
    zone: tzinfo = UTC
    if time_zone:
        with suppress(ZoneInfoNotFoundError, ValueError, OSError):
            zone = ZoneInfo(time_zone)
    local = now.astimezone(zone)
    midnight = datetime.combine(local.date() + timedelta(days=1), datetime.min.time(), tzinfo=zone)
    return midnight.astimezone(UTC) - now
