"""What Salesforce's refusals of reads come out as."""

from datetime import timedelta

import httpx
import pytest

from astrelo.adapters.outbound.crm.http import HttpClient
from astrelo.adapters.outbound.crm.retries import DEFAULT_RETRY
from astrelo.adapters.outbound.crm.transport import MAX_REFUSALS, Call, CrmTransport
from astrelo.adapters.outbound.salesforce.api.error_mapper import (
    QueryTimedOut,
    Refused,
    SalesforceErrorMapper,
)
from astrelo.adapters.outbound.salesforce.api.rate_limiters import OrgRateLimiter
from astrelo.domain.connection import CrmAccount
from astrelo.domain.errors import (
    CrmError,
    CrmUnavailable,
    PermissionMissing,
    RateLimited,
    ReauthorizationRequired,
)
from astrelo.domain.identifiers import CrmAccountId, ObjectType, Provider
from tests.support.crm.responses import HTML, Responder, ScriptedServer, json_response, response
from tests.support.fakes.clock import FakeClock
from tests.support.fakes.crm_session import LastingSession
from tests.support.fakes.randomness import FakeRandomness

pytestmark = pytest.mark.anyio

ACCOUNT = CrmAccount(account_id=CrmAccountId("00D000000000001AAA"), name="Acme")
CALL = Call(
    "GET", "https://acme.my.salesforce.com/services/data/v68.0/query?q=x", "/query", ObjectType.COMPANIES
)
OK = response(200, b"{}")


class Reader:
    def __init__(self, *answers: Responder) -> None:
        self.clock = FakeClock()
        self.server = ScriptedServer(*answers)
        self.rate_limiter = OrgRateLimiter(self.clock, 0.8)
        http_client = HttpClient(httpx.MockTransport(self.server), Provider.SALESFORCE)
        self._transport = CrmTransport(
            http_client, SalesforceErrorMapper(self.clock), self.clock, FakeRandomness()
        )

    async def read(self, call: Call = CALL) -> bytes:
        return await self._transport.read(call, LastingSession(ACCOUNT), self.rate_limiter, bytes)


def refusal(status: int, code: str, message: str = "'Jane Roe' is odd", **headers: str) -> Responder:
    return json_response(status, [{"message": message, "errorCode": code, "fields": []}], **headers)


async def refuse(given: Responder, call: Call = CALL) -> CrmError:
    with pytest.raises(CrmError) as error:
        await Reader(given).read(call)
    assert "Jane" not in str(error.value)
    return error.value


PASSING = {
    "an unknown exception": refusal(500, "UNKNOWN_EXCEPTION"),
    "a server out of service": refusal(503, "SERVER_UNAVAILABLE"),
    "no server, by 400": refusal(400, "SERVER_UNAVAILABLE"),
    "a bad gateway in HTML": response(502, HTML),
    "a page instead of a refusal": response(404, HTML),
    **{f"HTTP {status}": response(status) for status in (408, 420, 421, 423, 425, 429, 444, 449, 460, 499)},
    "a timeout of the edge": response(598),
    "a redirect": response(302, location="https://evil.test/"),
    "an internal error without a body": response(500),
}


@pytest.mark.parametrize("failure", PASSING.values(), ids=PASSING)
async def test_a_failure_that_may_pass_is_retried_and_then_given_up(failure: Responder) -> None:
    passing = Reader(failure, OK)
    assert await passing.read() == b"{}"
    assert all(request.url.host == "acme.my.salesforce.com" for request in passing.server.requests)
    staying = Reader(failure)
    with pytest.raises(CrmUnavailable):
        await staying.read()
    assert len(staying.server.requests) == DEFAULT_RETRY.max_attempts


async def test_an_announced_pause_is_kept_and_a_long_one_parks() -> None:
    short = Reader(response(503, retry_after="7"), OK)
    await short.read()
    assert short.clock.slept == [7.0]
    error = await refuse(response(503, retry_after="600"))
    assert isinstance(error, RateLimited)
    assert error.retry_after == timedelta(seconds=600)


@pytest.mark.parametrize("code", ["QUERY_TIMEOUT", "REQUEST_RUNNING_TOO_LONG"])
async def test_a_query_that_runs_too_long_every_time_says_so(code: str) -> None:
    assert await Reader(refusal(400, code), OK).read() == b"{}"
    reader = Reader(refusal(400, code))
    with pytest.raises(QueryTimedOut):
        await reader.read()
    assert len(reader.server.requests) == 2


async def test_the_days_limit_parks_for_an_hour_at_once() -> None:
    reader = Reader(refusal(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."))
    with pytest.raises(RateLimited) as parked:
        await reader.read()
    assert parked.value.retry_after == timedelta(hours=1)
    assert len(reader.server.requests) == 1


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("LOGIN_DURING_RESTRICTED_TIME", "ask the org's administrator for other login hours, or wait"),
        ("LOGIN_DURING_RESTRICTED_DOMAIN", "refuses our IP addresses; ask its administrator to admit them"),
    ],
)
async def test_an_hour_or_an_address_that_is_barred_is_waited_out_by_the_run(code: str, reason: str) -> None:
    error = await refuse(refusal(403, code))
    assert isinstance(error, RateLimited)
    assert error.retry_after == timedelta(hours=1)
    assert reason in str(error)


async def test_too_many_requests_at_one_time_are_waited_out_in_place() -> None:
    message = "ConcurrentPerOrgLongTxn Limit exceeded."
    reader = Reader(refusal(403, "REQUEST_LIMIT_EXCEEDED", message), OK)
    assert await reader.read() == b"{}"
    assert reader.clock.monotonic() == 10.0


@pytest.mark.parametrize(
    "given",
    [
        refusal(401, "INVALID_SESSION_ID"),
        refusal(403, "INVALID_SESSION_ID"),
        response(401, HTML),
        response(401),
        refusal(403, "ORG_NOT_OWNED_BY_INSTANCE"),
    ],
    ids=["an ended session", "by 403", "HTML", "no body", "an org that has moved"],
)
async def test_a_refused_token_is_renewed_and_at_last_a_person_is_asked(given: Responder) -> None:
    assert await Reader(given, OK).read() == b"{}"
    reader = Reader(given)
    with pytest.raises(ReauthorizationRequired, match="access token"):
        await reader.read()
    assert len(reader.server.requests) == MAX_REFUSALS


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("INACTIVE_OWNER_OR_USER", "user who connected is inactive"),
        ("INVALID_LOGIN", "sign in"),
        ("ORG_LOCKED", "org is locked"),
        ("TRIAL_EXPIRED", "trial"),
    ],
)
async def test_a_user_or_an_org_that_is_shut_out_asks_for_a_person(code: str, reason: str) -> None:
    error = await refuse(refusal(403, code))
    assert isinstance(error, ReauthorizationRequired)
    assert reason in error.reason


@pytest.mark.parametrize(
    ("status", "code", "needs"),
    [
        (400, "INVALID_TYPE", "'Read' on Account"),
        (403, "INSUFFICIENT_ACCESS", "'Read' on Account"),
        (403, "API_DISABLED_FOR_ORG", "API Enabled"),
        (403, "API_CURRENTLY_DISABLED", "API Enabled"),
    ],
)
async def test_a_missing_permission_names_what_the_admin_is_to_grant(
    status: int, code: str, needs: str
) -> None:
    error = await refuse(refusal(status, code))
    assert isinstance(error, PermissionMissing)
    assert error.object_type is ObjectType.COMPANIES
    assert needs in str(error)


async def test_a_missing_permission_for_what_is_no_record_names_no_object_type() -> None:
    error = await refuse(refusal(400, "INVALID_TYPE"), CALL._replace(object_type=None))
    assert isinstance(error, PermissionMissing)
    assert error.object_type is None


BLOCKED = {
    "a policy": refusal(403, "TXN_SECURITY_NO_ACCESS"),
    "a policy, by 400": refusal(400, "TXN_SECURITY_NO_ACCESS"),
    "a code of the future": refusal(403, "USER_IS_ON_HOLD"),
    "no code": response(403),
    "no errors": json_response(403, []),
    "words instead of a code": refusal(403, "Jane is not welcome"),
    "an object": json_response(403, {"error": "Bad_Id", "message": "Jane"}),
}


@pytest.mark.parametrize("given", BLOCKED.values(), ids=BLOCKED)
async def test_a_403_that_names_nothing_to_grant_asks_for_the_customers_administrator(
    given: Responder,
) -> None:
    error = await refuse(given)
    assert isinstance(error, PermissionMissing)
    assert error.object_type is ObjectType.COMPANIES
    assert "ask the org's administrator" in str(error)
    for word in ("ours to mend", "tell us", "makes no sense", "grant"):
        assert word not in str(error)


@pytest.mark.parametrize(
    "code",
    ["INACTIVE_OWNER_OR_USER", "INACTIVE_USER", "INVALID_LOGIN", "PASSWORD_LOCKOUT", "ORG_LOCKED"],
)
async def test_a_user_or_org_that_only_an_administrator_can_admit_again_asks_for_one(code: str) -> None:
    error = await refuse(refusal(403, code))
    assert isinstance(error, ReauthorizationRequired)
    assert "administrator" in error.reason


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "INVALID_FIELD"),
        (400, "INVALID_QUERY_LOCATOR"),
        (400, "MALFORMED_QUERY"),
        (404, "NOT_FOUND"),
        (404, "ENTITY_IS_DELETED"),
        (409, "CONFLICT"),
        (410, "GONE"),
        (300, "SEVERAL"),
    ],
)
async def test_every_other_code_is_the_callers_to_judge(status: int, code: str) -> None:
    error = await refuse(refusal(status, code))
    assert isinstance(error, Refused)
    assert (error.status, error.code) == (status, code)
    assert "GET /query" in str(error)


@pytest.mark.parametrize(
    "given",
    [
        refusal(400, "'Jane Roe' is no code"),
        json_response(400, []),
        json_response(400, {"odd": 1}),
        json_response(400, [1]),
        json_response(400, [{"errorCode": 7}]),
        response(400, b"\xff"),
        response(400),
        response(400, b"[" * 100_000),
    ],
    ids=[
        "no code word",
        "no error",
        "an object",
        "a number",
        "a numeric code",
        "no text",
        "nothing",
        "depth",
    ],
)
async def test_a_refusal_that_names_no_code_is_a_refusal_all_the_same(given: Responder) -> None:
    error = await refuse(given)
    assert isinstance(error, Refused)
    assert (error.status, error.code) == (400, "")


async def test_an_error_reported_as_an_object_is_understood_too() -> None:
    error = await refuse(json_response(400, {"errorCode": "INVALID_FIELD", "message": "Jane"}))
    assert isinstance(error, Refused)
    assert error.code == "INVALID_FIELD"


@pytest.mark.parametrize(
    "header",
    [
        "api-usage=80/100",
        "api-usage=80/100; per-app-api-usage=1/250(appName=astrelo)",
        "per-app-api-usage=1/250(appName=astrelo); api-usage=80/100; api-bursts=1/750",
    ],
)
async def test_the_usage_that_an_answer_reports_stops_the_next_request(header: str) -> None:
    reader = Reader(response(200, b"{}", sforce_limit_info=header))
    await reader.read()
    with pytest.raises(RateLimited, match="DAILY_SHARE"):
        await reader.read()
    assert len(reader.server.requests) == 1


@pytest.mark.parametrize(
    "header",
    [
        "api-usage=79/100",
        "per-app-api-usage=250/250(appName=astrelo)",
        "api-usage=80",
        "api-usage=" + "9" * 5_000 + "/1",
        "api-usage=9/" + "9" * 5_000,
        "api-usage=-1/0",
        "",
    ],
)
async def test_usage_below_the_share_and_usage_that_makes_no_sense_stop_nothing(header: str) -> None:
    reader = Reader(response(200, b"{}", sforce_limit_info=header))
    await reader.read()
    await reader.read()


async def test_a_refusal_reports_the_usage_too() -> None:
    reader = Reader(refusal(400, "INVALID_FIELD", sforce_limit_info="api-usage=100/100"))
    with pytest.raises(Refused):
        await reader.read()
    with pytest.raises(RateLimited):
        await reader.read()
