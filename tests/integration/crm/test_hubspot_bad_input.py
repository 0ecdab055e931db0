"""Bad input from HubSpot's answers to the database: nothing is lost, and the run's row says what happened.

What bad input the API itself gets is tested in test_api_bad_input.py.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta

import asyncpg
import httpx
import pytest

from astrelo.domain.connection import ConnectionStatus, TokenSet
from astrelo.domain.identifiers import ObjectType, Provider
from astrelo.domain.sync import RunStatus, StepStatus, SyncRun
from tests.support.harness.sync import SyncHarness
from tests.support.hubspot.broken import (
    BrokenHubSpot,
    Query,
    Responder,
    associations_to,
    error_response,
    hubspot_object,
    page,
)

pytestmark = pytest.mark.anyio

HUBSPOT = Provider.HUBSPOT
LONG = "n" * 100_000
GOOD = hubspot_object("2", name="Good", domain="good.com", email="jo@good.com", dealname="Good")

Open = Callable[[BrokenHubSpot], AbstractAsyncContextManager[SyncHarness]]


@pytest.fixture
def connected(database: str) -> Open:
    """Give a user who is connected to a HubSpot."""

    @asynccontextmanager
    async def open_firm(hubspot: BrokenHubSpot) -> AsyncIterator[SyncHarness]:
        async with asyncpg.create_pool(database, min_size=1, max_size=8) as pool:
            made = SyncHarness(pool)
            made.clock = hubspot.clock
            made.crms = {HUBSPOT: hubspot.provider}
            life = made.clock.now() + timedelta(hours=1)
            tokens = TokenSet(
                access_token="an-access-token", refresh_token="a-refresh-token", expires_at=life
            )
            await made.connect(HUBSPOT, tokens, "101")
            yield made

    return open_firm


async def _sync(connected: Open, **answers: Responder) -> SyncRun:
    async with connected(BrokenHubSpot(**answers)) as made:
        return await made.sync()


def _receive(run: SyncRun, object_type: ObjectType) -> tuple[int, int, dict[str, int]]:
    counts = run.step(object_type).counts
    assert counts.adds_up
    return counts.received, counts.inserted, dict(counts.rejected)


TEXTS = {
    "100 KB": LONG,
    "100 KB of four bytes each": "\N{DUCK}" * 25_000,
    "NUL": "\0a\0",
    "nothing but NUL": "\0",
    "a lone surrogate": "a\ud800",
    "the separator of joined columns": "a\x1fb",
    "what is no character": "\ufffe\uffff\x01",
    "a literal array": '{"a",NULL}',
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
async def test_any_text_in_any_property_is_stored_or_named_as_unreadable(connected: Open, text: str) -> None:
    columns = (
        "name", "domain", "numberofemployees", "annualrevenue", "hs_annual_revenue_currency_code", "industry",
        "country", "state", "hs_country_code", "hs_state_code", "city", "description", "phone",
        "linkedin_company_page", "hs_linkedin_handle", "lifecyclestage", "hubspot_owner_id", "email",
        "firstname", "lastname", "jobtitle", "mobilephone", "dealname", "amount", "deal_currency_code",
        "pipeline", "dealstage", "hs_deal_stage_probability", "hs_is_closed", "hs_is_closed_won", "closedate",
    )  # fmt: skip
    odd = page(hubspot_object("1", **dict.fromkeys(columns, text)), GOOD)
    run = await _sync(
        connected,
        companies=lambda asked: odd,
        contacts=lambda asked: odd,
        deals=lambda asked: odd,
        owners=lambda asked: page({"id": "7", "firstName": text, "lastName": text, "email": text}),
        pipelines=lambda asked: page({"id": text, "label": text, "stages": [{"id": text, "label": text}]}),
    )
    assert run.status is RunStatus.COMPLETED
    assert [_receive(run, kind) for kind in ObjectType] == [(2, 2, {})] * 3


async def test_a_domain_or_an_e_mail_too_long_for_an_index_is_null_and_counted(connected: Open) -> None:
    run = await _sync(
        connected,
        companies=lambda asked: page(hubspot_object("1", domain=f"{'d' * 3_000}.com"), GOOD),
        contacts=lambda asked: page(hubspot_object("1", email=f"{'e' * 3_000}@good.com"), GOOD),
    )
    assert run.step(ObjectType.COMPANIES).counts.unreadable == {"domain": 1}
    assert run.step(ObjectType.CONTACTS).counts.unreadable == {"email": 1}


@pytest.mark.parametrize("odd", ["9" * 3_000, "", " 2", "2\0", None], ids=repr)
async def test_an_id_that_can_be_none_is_rejected_by_reason(connected: Open, odd: str | None) -> None:
    run = await _sync(connected, companies=lambda asked: page(hubspot_object(odd), GOOD))
    assert run.status is RunStatus.COMPLETED
    received, inserted, rejected = _receive(run, ObjectType.COMPANIES)
    assert (received, inserted, sum(rejected.values())) == (2, 1, 1)


@pytest.mark.parametrize("odd", ["9" * 3_000, "2\0", 10**300, -1], ids=["long", "NUL", "large", "negative"])
async def test_an_association_with_what_no_record_can_be_fails_no_run(connected: Open, odd: object) -> None:
    run = await _sync(
        connected,
        contacts=lambda asked: page(hubspot_object("1")),
        deals=lambda asked: page(hubspot_object("1")),
        associations=associations_to(odd, 2),
    )
    assert run.status is RunStatus.COMPLETED
    assert _receive(run, ObjectType.DEALS) == (1, 1, {})


@pytest.mark.parametrize("number", ["1" + "0" * 400, "-1e400", "9" * 5_000, "1e-400", "0.0000001"], ids=len)
async def test_a_number_out_of_range_fails_no_run(connected: Open, number: str) -> None:
    numbers = dict.fromkeys(
        ("numberofemployees", "annualrevenue", "amount", "hs_deal_stage_probability", "closedate"), number
    )
    odd = page(hubspot_object("1", **numbers), GOOD)
    run = await _sync(connected, companies=lambda asked: odd, deals=lambda asked: odd)
    assert run.status is RunStatus.COMPLETED
    assert _receive(run, ObjectType.DEALS) == (2, 2, {})


async def test_null_records_and_records_of_another_shape_are_rejected_and_the_others_kept(
    connected: Open,
) -> None:
    junk = page(None, [], 7, "text", {}, {"id": "9"}, {"id": "9", "properties": [None]}, GOOD, GOOD)
    run = await _sync(connected, companies=lambda asked: junk, contacts=lambda asked: junk)
    assert run.status is RunStatus.COMPLETED
    assert _receive(run, ObjectType.COMPANIES) == (9, 1, {"malformed": 7})
    assert run.step(ObjectType.COMPANIES).counts.repeats == 1


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z", "-62135596800000"])
async def test_a_modification_time_at_the_end_of_all_times_is_stored(connected: Open, moment: str) -> None:
    odd = {"id": "1", "properties": {"hs_lastmodifieddate": moment, "lastmodifieddate": moment}}
    run = await _sync(
        connected,
        companies=lambda asked: page(odd),
        contacts=lambda asked: page(odd),
        deals=lambda asked: page(odd),
    )
    assert [_receive(run, kind)[:2] for kind in ObjectType] == [(1, 1)] * 3


ODD_WORD = "\0\n" + "x" * 10_000


@pytest.mark.parametrize("status", [400, 404, 429])
async def test_a_refusal_in_words_that_no_column_holds_is_still_kept(connected: Open, status: int) -> None:
    """Else it would hang as running, be taken up five times, and end without a reason."""
    body = {"category": ODD_WORD, "policyName": ODD_WORD, "correlationId": ODD_WORD}
    run = await _sync(connected, companies=error_response(status, body, retry_after="100"))
    assert run.status is (RunStatus.PARKED if status == 429 else RunStatus.PARTIAL)
    assert (run.reason or "").startswith("HubSpot ")


async def test_a_refused_object_type_whose_scope_no_column_holds_is_refused_all_the_same(
    connected: Open,
) -> None:
    scopes = {"context": {"requiredGranularScopes": [ODD_WORD, "crm.objects.deals.read"]}}
    refusal = error_response(403, {"category": "MISSING_SCOPES", "errors": [scopes]})
    run = await _sync(connected, companies=lambda asked: page(GOOD), deals=refusal, owners=refusal)
    assert run.status is RunStatus.PARTIAL
    assert run.step(ObjectType.DEALS).status is StepStatus.REFUSED
    assert "crm.objects.deals.read" in (run.reason or "")


async def test_a_stream_that_goes_in_circles_ends_visibly(connected: Open) -> None:
    def circle(asked: Query) -> object:
        return page(GOOD, after="b" if asked.get("after") == "a" else "a")

    run = await _sync(connected, companies=circle)
    assert run.status is RunStatus.PARTIAL
    assert run.step(ObjectType.COMPANIES).status is StepStatus.FAILED
    assert "circle" in (run.reason or "")


async def test_html_instead_of_json_fails_the_run_and_says_so(connected: Open) -> None:
    run = await _sync(connected, companies=lambda asked: b"<html>Sorry</html>")
    assert run.status is RunStatus.FAILED
    assert "HTML" in (run.reason or "")


async def test_a_grant_revoked_in_the_middle_of_a_run_asks_for_a_new_one_and_parks_the_run(
    connected: Open,
) -> None:
    hubspot = BrokenHubSpot(
        deals=error_response(401, {"category": "INVALID_AUTHENTICATION"}),
        oauth=error_response(400, {"status": "BAD_REFRESH_TOKEN", "error": "invalid_grant"}),
    )
    async with connected(hubspot) as made:
        run = await made.sync()
        async with made.uow(made.user_id) as tx:
            connection = await tx.connections.get(HUBSPOT)
    assert (run.status, run.parked_until) == (RunStatus.PARKED, None)
    assert "BAD_REFRESH_TOKEN" in (run.reason or "")
    assert connection is not None
    assert connection.status is ConnectionStatus.NEEDS_REAUTHORIZATION


async def test_tokens_refused_again_and_again_are_renewed_twice_and_park_the_run(connected: Open) -> None:
    renewals: list[Query] = []

    def renew(asked: Query) -> object:
        renewals.append(asked)
        return {"access_token": f"access-{len(renewals)}", "expires_in": 1800}

    run = await _sync(
        connected,
        **dict.fromkeys(("companies", "contacts", "deals", "search"), error_response(401, {})),
        oauth=renew,
    )
    assert (run.status, run.parked_until) == (RunStatus.PARKED, None)
    assert len(renewals) == 2


async def test_a_redirect_is_not_followed_with_a_token(connected: Open) -> None:
    elsewhere = error_response(302, {}, location="http://elsewhere.test/companies")
    run = await _sync(connected, companies=elsewhere)
    assert run.step(ObjectType.COMPANIES).status is StepStatus.FAILED
    assert "302" in (run.reason or "")


def _cut(asked: Query) -> httpx.Response:
    raise httpx.RemoteProtocolError("peer closed connection")


async def test_connections_that_are_always_dropped_fail_the_run_visibly(connected: Open) -> None:
    run = await _sync(connected, companies=_cut)
    assert run.status is RunStatus.FAILED
    assert "not available" in (run.reason or "")
