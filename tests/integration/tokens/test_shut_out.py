"""A Salesforce org that does not let us renew for now: its run waits and says why, and nobody connects again."""

from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest

from astrelo.domain.connection import CrmConnection
from astrelo.domain.errors import AuthorizationFailure, CrmRejected, RateLimited
from astrelo.domain.identifiers import Provider
from astrelo.domain.sync import RunStatus, SyncRun
from crm_sandbox import Dataset, SandboxTransport
from crm_sandbox.salesforce import Sandbox, create_sandbox
from crm_sandbox.salesforce.errors import LoginRefusal
from tests.support.harness.connect import connect_harness
from tests.support.harness.granting_crm import GrantingCrm
from tests.support.harness.sync import SyncHarness
from tests.support.salesforce.sandbox import salesforce_over, tokens_of

pytestmark = pytest.mark.anyio

SALESFORCE = Provider.SALESFORCE
HOUR = timedelta(hours=1)
PASSING: dict[LoginRefusal, str] = {
    "ip_restricted": "refuses our IP addresses or the user's login hours; ask its administrator to admit them",
    "rate_limit_exceeded": "has signed in too often within the hour",
}


class Org(SyncHarness):
    """A connected org whose session has run out."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        super().__init__(pool)
        dataset = Dataset(name="Acme", account_id=101, records=())
        self.sandbox: Sandbox = create_sandbox(dataset, clock=lambda: self.clock.now().timestamp())
        self.crms[SALESFORCE] = salesforce_over(SandboxTransport(self.sandbox), self.clock)

    async def open(self) -> None:
        org_id = self.sandbox.org.org_id
        await self.connect(SALESFORCE, tokens_of(self.sandbox.oauth.connect(org_id)), org_id)
        self.sandbox.oauth.expire_access_tokens()

    async def go_on(self, run: SyncRun) -> SyncRun:
        self.clock.advance(HOUR.total_seconds())
        await self.run_sync()(self.user_id, run.id)
        return await self.load_run(run)

    async def connection(self) -> CrmConnection:
        async with self.uow(self.user_id) as tx:
            connection = await tx.connections.get(SALESFORCE)
        assert connection is not None
        return connection


@pytest.fixture
async def org(database: str) -> AsyncIterator[Org]:
    async with asyncpg.create_pool(database, min_size=1, max_size=8) as pool:
        made = Org(pool)
        await made.open()
        yield made


@pytest.mark.parametrize("refused", PASSING)
async def test_a_renewal_that_is_refused_for_now_parks_the_run_which_says_why(
    org: Org, refused: LoginRefusal
) -> None:
    org.sandbox.flags.login_refusal = refused
    run = await org.sync(SALESFORCE)
    assert (run.status, run.parked_until) == (RunStatus.PARKED, org.clock.now() + HOUR)
    assert run.reason is not None
    assert PASSING[refused] in run.reason
    assert (await org.connection()).is_active


async def test_an_org_that_admits_us_hours_later_is_read_on_with_the_grant_that_there_was(org: Org) -> None:
    org.sandbox.flags.login_refusal = "ip_restricted"
    run = await org.sync(SALESFORCE)
    for _ in range(3):
        run = await org.go_on(run)
        assert run.status is RunStatus.PARKED
    org.sandbox.flags.login_refusal = None
    assert (await org.go_on(run)).status is RunStatus.COMPLETED
    assert (await org.connection()).is_active
    assert (org.sandbox.oauth.refreshes, org.sandbox.oauth.replays) == (1, 0)
    assert len(org.sandbox.oauth.grants) == 1


async def test_a_user_or_an_app_that_is_shut_out_for_good_asks_for_a_person(org: Org) -> None:
    org.sandbox.flags.login_refusal = "not_approved"
    run = await org.sync(SALESFORCE)
    assert (run.status, run.parked_until) == (RunStatus.PARKED, None)
    connection = await org.connection()
    assert not connection.is_active
    assert connection.reason is not None
    assert "ask the org's administrator to approve it" in connection.reason


async def test_a_user_who_connects_meanwhile_learns_why_and_that_it_passes(database: str) -> None:
    def ask_for_a_pause() -> None:
        raise RateLimited(Provider.HUBSPOT, HOUR, "A_POLICY", "too many logins within the hour")

    async with connect_harness(database) as world:
        callback = await world.consent(await world.begin())
        world.offer(GrantingCrm(then=ask_for_a_pause))
        error = await world.assert_refused(callback)
    assert error.failure is AuthorizationFailure.FAILED
    assert "too many logins within the hour" in error.detail
    assert "try again in" in error.detail


async def test_connecting_an_org_without_our_version_of_the_api_fails_with_that_reason(database: str) -> None:
    def lack_the_version() -> None:
        raise CrmRejected(Provider.HUBSPOT, 404, "the org does not offer version 68.0 of the API")

    async with connect_harness(database) as world:
        callback = await world.consent(await world.begin())
        world.offer(GrantingCrm(then=lack_the_version))
        error = await world.assert_refused(callback)
    assert error.failure is AuthorizationFailure.FAILED
    assert "could not be connected: the org does not offer version 68.0 of the API;" in error.detail
