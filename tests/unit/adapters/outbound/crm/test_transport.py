"""Reads over HTTP: what is retried, for how long, and what comes out in the end."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from structlog.testing import capture_logs

from astrelo.adapters.outbound.crm.http import HttpClient, Timeouts, retry_after
from astrelo.adapters.outbound.crm.rate_limiters import SlidingWindowLimiter
from astrelo.adapters.outbound.crm.retries import DEFAULT_RETRY, NO_RETRY, RetryPolicy
from astrelo.adapters.outbound.crm.transport import Call, CrmTransport, IncompleteResponse
from astrelo.adapters.outbound.hubspot.api.error_mapper import HubSpotErrorMapper
from astrelo.domain.connection import ApiAccess, CrmAccount
from astrelo.domain.errors import (
    CrmError,
    CrmRejected,
    CrmUnavailable,
    PermissionMissing,
    RateLimited,
    ReauthorizationRequired,
)
from astrelo.domain.identifiers import CrmAccountId, ObjectType, Provider
from astrelo.domain.ports.crm import CrmSession
from tests.support.crm.responses import (
    HTML,
    OK,
    Responder,
    ScriptedServer,
    connection_error,
    json_response,
    never,
    response,
)
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.crm_session import LastingSession
from tests.support.fakes.randomness import FakeRandomness

pytestmark = pytest.mark.anyio

ACCOUNT = CrmAccount(account_id=CrmAccountId("101"), name="Acme", time_zone="US/Eastern")
CALL = Call("GET", "http://crm.test/crm/companies?after=1", "/crm/companies", ObjectType.COMPANIES)
TOKEN = "CJ-a-very-secret-access-token"  # a value to look for in logs


class Reader:
    """A transport over one server, with everything beside it that a test may look at."""

    def __init__(
        self, server: ScriptedServer, timeouts: Timeouts | None = None, max_body: int = 10_000
    ) -> None:
        self.clock = FakeClock()
        self.rate_limiter = SlidingWindowLimiter(self.clock, 110, 10.0)
        http_client = HttpClient(
            httpx.MockTransport(server), Provider.HUBSPOT, timeouts or Timeouts(), max_body
        )
        self._transport = CrmTransport(
            http_client, HubSpotErrorMapper(self.clock), self.clock, FakeRandomness()
        )

    async def read(
        self, session: CrmSession | None = None, policy: RetryPolicy = DEFAULT_RETRY, call: Call = CALL
    ) -> bytes:
        session = session or LastingSession(ACCOUNT, TOKEN)
        return await self._transport.read(call, session, self.rate_limiter, whole, policy)


def whole(body: bytes) -> bytes:
    if not body.endswith(b"}"):
        raise IncompleteResponse("it is cut off")
    return body


def limit_window(policy: str, **headers: str) -> Responder:
    return json_response(429, {"status": "error", "policyName": policy}, **headers)


PASSING = {
    "a refused connection": connection_error(httpx.ConnectError("refused")),
    "a reset connection": connection_error(httpx.ReadError("reset")),
    "a dropped connection": connection_error(httpx.RemoteProtocolError("dropped")),
    "a read timeout": connection_error(httpx.ReadTimeout("slow")),
    **{f"HTTP {status}": response(status) for status in (408, 420, 421, 423, 425, 444, 449, 460, 499)},
    "a timeout in HTML": response(408, HTML),
    "an internal error": json_response(500, {"status": "error"}),
    "an error body that is no text": response(500, b'{"category": "\xff"}'),
    "a bad gateway in HTML": response(502, HTML),
    "a server out of service": response(503),
    "a timeout of the edge's origin": response(524, HTML),
    "a certificate error at the edge": response(526),
    "an overloaded edge": response(530),
    "a timeout of a proxy": response(599),
    "a truncated body": response(200, b'{"results": [{"id": "1"'),
    "a page of HTML instead of JSON": response(200, HTML),
    "a page that could be taken for an answer": response(200, b"<style>p {}"),
    "a body whose compression is broken": response(200, b"not gzip", content_encoding="gzip"),
}


@pytest.mark.parametrize("failure", PASSING.values(), ids=PASSING)
async def test_a_failure_that_may_pass_is_retried_with_backoff(failure: Responder) -> None:
    server = ScriptedServer(failure, failure, OK)
    reader = Reader(server)
    assert await reader.read() == b'{"fine": true}'
    assert len(server.requests) == 3
    first, second = reader.clock.slept
    assert 0 < first <= second


@pytest.mark.parametrize("failure", PASSING.values(), ids=PASSING)
async def test_a_failure_that_stays_ends_as_unavailable_after_bounded_retries(failure: Responder) -> None:
    server = ScriptedServer(failure)
    reader = Reader(server)
    with pytest.raises(CrmUnavailable) as caught:
        await reader.read()
    assert len(server.requests) == DEFAULT_RETRY.max_attempts
    assert sum(reader.clock.slept) <= DEFAULT_RETRY.max_total_delay
    assert caught.value.__cause__ is not caught.value


async def test_a_lock_is_given_two_seconds() -> None:
    reader = Reader(ScriptedServer(response(423), OK))
    await reader.read()
    assert reader.clock.slept == [2.0]


async def test_one_attempt_is_one_attempt() -> None:
    server = ScriptedServer(response(503))
    with pytest.raises(CrmUnavailable):
        await Reader(server).read(policy=NO_RETRY)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        (limit_window("TEN_SECONDLY_ROLLING"), 10.0),
        (limit_window("SECONDLY"), 1.0),
        (response(429, HTML), 10.0),
        (limit_window("TEN_SECONDLY_ROLLING", retry_after="7"), 7.0),
        (limit_window("TEN_SECONDLY_ROLLING", retry_after="Mon, 23 Nov 2026 10:00:07 GMT"), 7.0),
        (limit_window("TEN_SECONDLY_ROLLING", retry_after="soon"), 10.0),
        (limit_window("TEN_SECONDLY_ROLLING", retry_after="0"), 1.0),
        (limit_window("TEN_SECONDLY_ROLLING", retry_after="Mon, 23 Nov 2026 09:00:00 GMT"), 1.0),
        (response(503, retry_after="7"), 7.0),
    ],
    ids=[
        "ten-secondly",
        "secondly",
        "no body",
        "given",
        "given as a date",
        "nonsense",
        "none",
        "a past date",
        "given by a 503",
    ],
)
async def test_a_short_pause_is_waited_out_in_place(given: Responder, seconds: float) -> None:
    reader = Reader(ScriptedServer(given, OK))
    await reader.read()
    assert reader.clock.slept == [seconds]


@pytest.mark.parametrize(
    ("given", "pause"),
    [
        (limit_window("DAILY"), timedelta(hours=19)),
        (limit_window("TEN_SECONDLY_ROLLING", retry_after="61"), timedelta(seconds=61)),
        (limit_window("TEN_SECONDLY_ROLLING", retry_after="9" * 400), timedelta(days=1)),
        (response(477, retry_after="86400"), timedelta(days=1)),
        (response(477, retry_after="5"), timedelta(seconds=5)),
        (response(477, retry_after="0"), timedelta(seconds=1)),
        (response(477), timedelta(minutes=5)),
        (response(488), timedelta(minutes=5)),
        (response(488, retry_after="1200"), timedelta(minutes=20)),
        (response(503, retry_after="600"), timedelta(minutes=10)),
    ],
    ids=[
        "daily",
        "over a minute",
        "absurd",
        "moving",
        "moving briefly",
        "moving no time",
        "moving untold",
        "elsewhere",
        "elsewhere for a time",
        "maintenance",
    ],
)
async def test_a_long_pause_is_handed_to_the_run_at_once(given: Responder, pause: timedelta) -> None:
    """The daily limit ends at the account's midnight: 05:00 UTC for one in New York, 19 hours from now."""
    server = ScriptedServer(given)
    reader = Reader(server)
    with pytest.raises(RateLimited) as limit:
        await reader.read()
    assert limit.value.retry_after == pause
    assert (len(server.requests), reader.clock.slept) == (1, [])


async def test_a_limit_that_never_lifts_parks_the_run_instead_of_failing_it() -> None:
    reader = Reader(ScriptedServer(limit_window("TEN_SECONDLY_ROLLING")))
    with pytest.raises(RateLimited) as limit:
        await reader.read()
    assert limit.value.retry_after == timedelta(seconds=10)
    assert sum(reader.clock.slept) <= DEFAULT_RETRY.max_total_delay


async def test_a_limit_that_one_stream_meets_holds_the_others_back() -> None:
    reader = Reader(ScriptedServer(limit_window("TEN_SECONDLY_ROLLING"), OK))
    first = asyncio.create_task(reader.read())
    while not reader.clock.slept:  # noqa: ASYNC110 - the clock is virtual, nothing shows when it is asked
        await asyncio.sleep(0)
    await reader.rate_limiter.acquire()
    assert reader.clock.monotonic() == pytest.approx(10.0)
    reader.rate_limiter.release()
    assert await first


async def test_a_move_of_unknown_length_is_waited_out_in_growing_pauses_that_end_with_it() -> None:
    reader = Reader(ScriptedServer(response(477)))

    async def pause() -> timedelta:
        with pytest.raises(RateLimited) as limit:
            await reader.read()
        return limit.value.retry_after

    for minutes in (5, 10, 20, 40, 60, 60):
        side_by_side = {await pause() for _ in range(3)}
        assert side_by_side == {timedelta(minutes=minutes)}
        await reader.clock.sleep(minutes * 60 + 30)
    await reader.clock.sleep(timedelta(hours=3).total_seconds())
    assert await pause() == timedelta(minutes=5)


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"status": "error", "correctHublet": "eu1"}, "another data centre (eu1) than"),
        ({"correctHublet": "Jane Roe of Acme"}, "another data centre than"),
        ({"correctHublet": 5}, "another data centre than"),
        ([], "another data centre than"),
    ],
)
async def test_an_account_of_another_data_centre_is_said_to_be_there(body: object, where: str) -> None:
    with pytest.raises(RateLimited) as limit:
        await Reader(ScriptedServer(json_response(488, body))).read()
    assert where in str(limit.value.why)
    assert "connect it again" in str(limit.value.why)
    assert "makes no sense" not in str(limit.value)


REFUSED: dict[str, tuple[Responder, type[CrmError]]] = {
    "a bad request": (json_response(400, {"category": "VALIDATION_ERROR"}), CrmRejected),
    "a missing thing": (json_response(404, {"category": "OBJECT_NOT_FOUND"}), CrmRejected),
    "a URL that is too long": (response(414, HTML), CrmRejected),
    **{
        f"HTTP {status}": (response(status), CrmRejected)
        for status in (402, 405, 406, 409, 410, 412, 413, 415, 422, 426, 431, 451, 494, 495, 498)
    },
    "a redirect": (response(302, location="http://elsewhere.test"), CrmRejected),
    "a blocked client": (response(403, HTML), CrmRejected),
    "an oversized body": (response(200, b"{" + b" " * 10_000 + b"}"), CrmRejected),
    "a body that swells": (
        response(200, gzip.compress(b"{" + b" " * 10_000 + b"}"), content_encoding="gzip"),
        CrmRejected,
    ),
    "a compression nobody asked for": (response(200, b"{}", content_encoding="br"), CrmRejected),
    "a missing scope": (json_response(403, {"category": "MISSING_SCOPES"}), PermissionMissing),
}


@pytest.mark.parametrize(("given", "error"), REFUSED.values(), ids=REFUSED)
async def test_a_refusal_is_not_retried(given: Responder, error: type[CrmError]) -> None:
    server = ScriptedServer(given)
    with pytest.raises(error):
        await Reader(server).read()
    assert len(server.requests) == 1


async def test_a_body_compressed_twice_is_refused_before_it_swells() -> None:
    """Each layer may swell a thousandfold: a few hundred bytes would fill the memory before they are counted."""
    read: list[int] = []

    async def chunks() -> AsyncIterator[bytes]:
        read.append(1)
        yield gzip.compress(gzip.compress(b"{" + b" " * 1_000_000 + b"}"))

    async def swell() -> httpx.Response:
        return httpx.Response(200, headers={"Content-Encoding": "gzip, gzip"}, content=chunks())

    with pytest.raises(CrmRejected, match="compressed"):
        await Reader(ScriptedServer(swell)).read()
    assert read == []


@pytest.mark.parametrize(
    "url",
    [
        f"http://crm.test/crm/companies?after={'c' * 100_000}",
        "http://crm.test/crm/companies?after=\ud800",
        "http://crm.test/crm/companies?after=\0",
        "http://xn--ab.crm.test/crm/companies",
        "http://[::1/crm/companies",
    ],
    ids=["too long", "no character", "a NUL", "punycode that does not decode", "half an address"],
)
async def test_what_makes_no_url_is_refused_and_no_crash(url: str) -> None:
    server = ScriptedServer(OK)
    with pytest.raises(CrmRejected, match="makes no URL"):
        await Reader(server).read(call=CALL._replace(url=url))
    assert server.requests == []


@pytest.mark.parametrize("status", [400, 401, 403, 429])
async def test_what_a_crm_says_in_a_refusal_can_be_kept_as_a_reason(status: int) -> None:
    """The reason of a run goes into a column of text, which holds no NUL, and onto a page."""
    odd = "\0" + "x" * 1_000
    detail = {"code": odd, "context": {"requiredGranularScopes": [odd, odd]}}
    body = {"category": odd, "subCategory": odd, "correlationId": odd, "policyName": odd, "errors": [detail]}
    with pytest.raises(CrmError) as refusal:
        await Reader(ScriptedServer(json_response(status, body))).read(RenewingSession())
    assert "\0" not in str(refusal.value)
    assert len(str(refusal.value)) < 1_000


async def test_a_missing_scope_is_named_with_its_object_type() -> None:
    contexts = [{"message": "…", "context": {"requiredGranularScopes": ["crm.objects.companies.read"]}}]
    given = json_response(403, {"category": "MISSING_SCOPES", "errors": contexts})
    with pytest.raises(PermissionMissing) as refusal:
        await Reader(ScriptedServer(given)).read()
    assert refusal.value.object_type is ObjectType.COMPANIES
    assert refusal.value.scopes == ("crm.objects.companies.read",)


async def test_a_refusal_quotes_categories_and_the_correlation_id_but_no_text_of_a_record() -> None:
    body = {
        "category": "VALIDATION_ERROR",
        "message": "Ada Lovelace is no number",
        "correlationId": "c-1",
        "errors": [{"message": "Ada Lovelace is no number", "code": "INVALID_INTEGER"}],
    }
    with pytest.raises(CrmRejected) as refusal:
        await Reader(ScriptedServer(json_response(400, body))).read()
    assert "VALIDATION_ERROR, INVALID_INTEGER" in str(refusal.value)
    assert "c-1" in str(refusal.value)
    assert "Ada" not in str(refusal.value)


class RenewingSession(LastingSession):
    """Gives a new token for each one that is refused."""

    def __init__(self) -> None:
        super().__init__(ACCOUNT)
        self.generation = 1

    async def access(self, rejected: str | None = None) -> ApiAccess:
        if rejected == f"token-{self.generation}":
            self.generation += 1
        return ApiAccess(f"token-{self.generation}")


@pytest.mark.parametrize("category", ["EXPIRED_AUTHENTICATION", "INVALID_AUTHENTICATION"])
async def test_a_refused_token_is_renewed_once(category: str) -> None:
    server = ScriptedServer(json_response(401, {"category": category}), OK)
    reader = Reader(server)
    assert await reader.read(RenewingSession())
    assert [request.headers["authorization"] for request in server.requests] == [
        "Bearer token-1",
        "Bearer token-2",
    ]
    assert reader.clock.slept == []


async def test_a_renewed_token_that_is_refused_is_renewed_once_more() -> None:
    """It may have come to its end while a failure was waited out, or have been renewed by another process."""
    refusal = json_response(401, {"category": "INVALID_AUTHENTICATION"})
    for answers in ([refusal, refusal, OK], [refusal, response(502, HTML), refusal, OK]):
        server, session = ScriptedServer(*answers), RenewingSession()
        assert await Reader(server).read(session) == b'{"fine": true}'
        assert (len(server.requests), session.generation) == (len(answers), 3)


async def test_a_third_refused_token_asks_for_a_person() -> None:
    server = ScriptedServer(json_response(401, {"category": "INVALID_AUTHENTICATION"}))
    session = RenewingSession()
    with pytest.raises(ReauthorizationRequired):
        await Reader(server).read(session)
    assert (len(server.requests), session.generation) == (3, 3)


async def test_an_answer_that_drips_forever_is_given_up() -> None:
    async def drip() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(0)

    async def drip_slowly() -> httpx.Response:
        return httpx.Response(200, content=drip())

    reader = Reader(ScriptedServer(drip_slowly), timeouts=Timeouts(whole=0.05), max_body=10**9)
    with pytest.raises(CrmUnavailable, match="no complete response"):
        await reader.read(policy=NO_RETRY)


async def test_an_answer_that_never_comes_is_given_up() -> None:
    reader = Reader(ScriptedServer(never), timeouts=Timeouts(whole=0.02))
    with pytest.raises(CrmUnavailable, match="no complete response"):
        await reader.read(policy=NO_RETRY)


async def test_a_retry_is_logged_with_ids_and_without_secrets() -> None:
    with capture_logs() as logs:
        await Reader(ScriptedServer(response(503), OK)).read()
    (entry,) = logs
    assert (entry["event"], entry["account_id"]) == ("crm.request_retried", "101")
    assert entry["request"] == "GET /crm/companies"
    assert TOKEN not in repr(logs)


@pytest.mark.parametrize(
    ("limit", "interval", "remaining"),
    [
        ("9" * 5_000, "10000", "1"),
        ("110", "9" * 400, "1"),
        ("110", "10000", "9" * 5_000),
        ("999999999999", "10000", "0"),
        ("110", "10000", "-1"),
        ("many", "10000", "1"),
    ],
)
async def test_a_rate_header_that_makes_no_sense_is_ignored(
    limit: str, interval: str, remaining: str
) -> None:
    headers = {
        "x_hubspot_ratelimit_max": limit,
        "x_hubspot_ratelimit_interval_milliseconds": interval,
        "x_hubspot_ratelimit_remaining": remaining,
    }
    reader = Reader(ScriptedServer(response(200, b"{}", **headers)))
    assert await reader.read() == b"{}"
    assert (reader.rate_limiter.limit, reader.rate_limiter.seconds) == (110, 10.0)


class MovingSession(LastingSession):
    """A session of an account whose API has an address of its own, which moves with the token."""

    async def access(self, rejected: str | None = None) -> ApiAccess:
        if rejected is None:
            return ApiAccess("old", "https://old.crm.test")
        return ApiAccess("new", "https://new.crm.test")


async def test_a_path_is_read_where_the_accounts_api_is_now() -> None:
    server = ScriptedServer(response(401), OK)
    await Reader(server).read(MovingSession(ACCOUNT), call=CALL._replace(url="/crm/companies?after=1"))
    assert [str(request.url) for request in server.requests] == [
        "https://old.crm.test/crm/companies?after=1",
        "https://new.crm.test/crm/companies?after=1",
    ]


@pytest.mark.parametrize(
    "continuation", [".evil.test/crm", "@evil.test/crm", ":8080/crm", "https://evil.test/crm", ""]
)
async def test_a_token_does_not_follow_a_continuation_to_another_host(continuation: str) -> None:
    server = ScriptedServer(OK)
    with pytest.raises(CrmRejected, match="/crm/companies goes on at what is no path"):
        await Reader(server).read(MovingSession(ACCOUNT), call=CALL._replace(url=continuation))
    assert server.requests == []


async def test_a_cancelled_read_gives_its_place_back() -> None:
    reader = Reader(ScriptedServer(never))
    reader.rate_limiter.limit = 1
    reading = asyncio.create_task(reader.read())
    for _ in range(10):
        await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    await reader.rate_limiter.acquire()
    assert reader.clock.monotonic() > 0


@pytest.mark.parametrize(
    ("text", "pause"),
    [
        ("0", timedelta()),
        ("1.5", timedelta(seconds=1.5)),
        ("-3", None),
        ("", None),
        ("Mon, 23 Nov 2026 09:00:00 GMT", timedelta()),
        ("Mon, 23 Nov 2026 10:00:00 -0000", None),
        ("\u00b2", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date(text: str, pause: timedelta | None) -> None:
    assert retry_after({"retry-after": text}, datetime(2026, 11, 23, 10, tzinfo=UTC)) == pause
