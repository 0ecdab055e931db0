"""A run's states, and the reconciliation that nothing was lost."""

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astrelo.domain.connection import ConnectionStatus, CrmAccount, CrmConnection
from astrelo.domain.errors import InvalidTransition
from astrelo.domain.identifiers import (
    ConnectionId,
    CrmAccountId,
    Cursor,
    ObjectType,
    Provider,
    SyncRunId,
    UserId,
)
from astrelo.domain.sync import Counts, OwnersStep, RunStatus, StepStatus, SyncRun, SyncStep
from tests.support.builders import VERSIONS
from tests.support.domain_records import NOON, at

numbers = st.integers(0, 1000)
reasons = st.dictionaries(st.sampled_from(["bad_id", "malformed"]), st.integers(1, 50))
some_counts = st.builds(
    Counts,
    received=numbers,
    repeats=numbers,
    inserted=numbers,
    updated=numbers,
    unchanged=numbers,
    stale=numbers,
    rejected=reasons,
    unreadable=st.dictionaries(st.sampled_from(["domain", "email"]), st.integers(1, 50)),
)


def queued_run() -> SyncRun:
    connection = CrmConnection(
        id=ConnectionId(UUID(int=3)),
        user_id=UserId(UUID(int=2)),
        provider=Provider.HUBSPOT,
        account=CrmAccount(account_id=CrmAccountId("1"), name="Acme"),
        scopes=frozenset(),
        status=ConnectionStatus.ACTIVE,
        connected_at=NOON,
    )
    return SyncRun.request(SyncRunId(UUID(int=1)), connection, NOON, VERSIONS)


def running_run() -> SyncRun:
    return queued_run().claim(at(1))


def end_as(*statuses: StepStatus) -> SyncRun:
    run = running_run()
    steps = (
        replace(step, status=status, reason=None if status is StepStatus.COMPLETED else "why")
        for step, status in zip(run.steps, statuses, strict=True)
    )
    return replace(run, steps=tuple(steps))


def complete(run: SyncRun, **refused: str) -> SyncRun:
    def end(step: SyncStep) -> SyncStep:
        reason = refused.get(step.object_type)
        status = StepStatus.COMPLETED if reason is None else StepStatus.REFUSED
        return replace(step, status=status, reason=reason)

    return replace(run, steps=tuple(map(end, run.steps)))


def balance(counts: Counts) -> Counts:
    accounted_for = counts.inserted + counts.updated + counts.unchanged + counts.stale + counts.rejections
    return replace(counts, received=accounted_for + counts.repeats)


class TestCounts:
    @given(some_counts, some_counts, some_counts)
    @settings(max_examples=60, deadline=None)
    def test_batches_may_be_added_in_any_grouping(self, one: Counts, two: Counts, three: Counts) -> None:
        assert (one + two) + three == one + (two + three)
        assert one + two == two + one
        assert one + Counts() == one

    @given(some_counts, some_counts)
    @settings(max_examples=60, deadline=None)
    def test_the_sum_of_balanced_counts_is_balanced(self, one: Counts, two: Counts) -> None:
        assert (balance(one) + balance(two)).adds_up

    @given(some_counts)
    @settings(max_examples=60, deadline=None)
    def test_one_record_unaccounted_for_is_seen(self, counts: Counts) -> None:
        lost = replace(balance(counts), received=balance(counts).received + 1)
        assert not lost.adds_up

    def test_reasons_and_fields_are_added_one_by_one(self) -> None:
        total = Counts(rejected={"bad_id": 1}, unreadable={"domain": 2}) + Counts(
            rejected={"bad_id": 2, "malformed": 1}
        )
        assert total.rejected == {"bad_id": 3, "malformed": 1}
        assert total.unreadable == {"domain": 2}


class TestReconciliation:
    def test_a_completed_step_whose_counts_add_up_is_reconciled(self) -> None:
        counts = Counts(
            received=7, repeats=1, inserted=2, updated=1, unchanged=1, stale=1, rejected={"bad_id": 1}
        )
        assert SyncStep(
            object_type=ObjectType.DEALS, status=StepStatus.COMPLETED, counts=counts
        ).is_reconciled

    @pytest.mark.parametrize(
        ("status", "counts"),
        [
            (StepStatus.RUNNING, Counts()),
            (StepStatus.REFUSED, Counts()),
            (StepStatus.COMPLETED, Counts(received=1)),
        ],
    )
    def test_nothing_else_is(self, status: StepStatus, counts: Counts) -> None:
        assert not SyncStep(object_type=ObjectType.DEALS, status=status, counts=counts).is_reconciled


class TestTheCourseOfARun:
    def test_a_full_run_reads_every_object_type(self) -> None:
        assert [step.object_type for step in queued_run().open_steps] == list(ObjectType)

    def test_claiming_it_raises_the_epoch_of_every_step(self) -> None:
        taken_over = running_run().claim(at(2))
        assert {step.epoch for step in taken_over.steps} == {2}
        assert (taken_over.attempts, taken_over.started_at) == (2, at(1))

    def test_a_takeover_keeps_the_cursors(self) -> None:
        *others, deals = running_run().steps
        advanced = replace(running_run(), steps=(*others, replace(deals, cursor=Cursor("after 100"))))
        assert advanced.claim(at(2)).step(ObjectType.DEALS).cursor == "after 100"

    def test_it_completes_when_every_step_is_done(self) -> None:
        finished = complete(running_run()).finish(at(9))
        assert (finished.status, finished.finished_at, finished.reason) == (RunStatus.COMPLETED, at(9), None)

    def test_a_refused_object_type_makes_it_partial_and_is_named(self) -> None:
        finished = complete(running_run(), deals="The grant does not cover deals.").finish(at(9))
        assert (finished.status, finished.reason) == (RunStatus.PARTIAL, "The grant does not cover deals.")

    def test_refused_owners_make_it_partial_though_they_have_no_step(self) -> None:
        refused = OwnersStep(status=StepStatus.REFUSED, reason="The grant does not cover owners.")
        finished = replace(complete(running_run()), owners=refused).finish(at(9))
        assert (finished.status, finished.reason) == (RunStatus.PARTIAL, "The grant does not cover owners.")

    def test_one_that_read_no_object_type_because_of_what_failed_has_failed(self) -> None:
        run = end_as(StepStatus.FAILED, StepStatus.REFUSED, StepStatus.FAILED).finish(at(9))
        assert (run.status, run.reason) == (RunStatus.FAILED, "why why why")

    def test_one_that_read_any_is_partial(self) -> None:
        run = end_as(StepStatus.FAILED, StepStatus.COMPLETED, StepStatus.FAILED).finish(at(9))
        assert (run.status, run.reason) == (RunStatus.PARTIAL, "why why")

    def test_one_to_which_everything_is_refused_is_partial(self) -> None:
        run = end_as(StepStatus.REFUSED, StepStatus.REFUSED, StepStatus.REFUSED).finish(at(9))
        assert run.status is RunStatus.PARTIAL

    def test_what_was_refused_or_failed_is_tried_again_on_request(self) -> None:
        ended = end_as(StepStatus.REFUSED, StepStatus.COMPLETED, StepStatus.FAILED).fail("why", at(9))
        assert [step.object_type for step in ended.requeue().open_steps] == []
        resumed = ended.resume()
        assert [(step.object_type, step.reason) for step in resumed.open_steps] == [
            (ObjectType.COMPANIES, None),
            (ObjectType.DEALS, None),
        ]

    def test_a_parked_run_says_why_and_until_when_and_goes_on_from_there(self) -> None:
        parked = running_run().park("daily limit", at(60))
        assert (parked.status, parked.reason, parked.parked_until) == (
            RunStatus.PARKED,
            "daily limit",
            at(60),
        )
        resumed = parked.requeue().claim(at(61))
        assert (resumed.status, resumed.reason, resumed.parked_until) == (RunStatus.RUNNING, None, None)

    def test_a_parked_run_that_is_postponed_waits_for_nothing_but_its_turn(self) -> None:
        postponed = running_run().park("daily limit", at(60)).postpone()
        assert (postponed.status, postponed.reason, postponed.parked_until) == (RunStatus.QUEUED, None, None)

    def test_a_failed_run_can_be_resumed_with_its_attempts_counted_anew(self) -> None:
        resumed = running_run().fail("HubSpot does not answer.", at(5)).requeue()
        assert (resumed.status, resumed.attempts, resumed.finished_at, resumed.reason) == (
            RunStatus.QUEUED, 0, None, None,
        )  # fmt: skip

    def test_cancelling_fences_running_work_off(self) -> None:
        cancelled = running_run().cancel("cancelled by the user", at(3))
        assert (cancelled.status, cancelled.finished_at) == (RunStatus.CANCELLED, at(3))
        assert {step.epoch for step in cancelled.steps} == {2}


ENDED = {
    "completed": lambda: complete(running_run()).finish(at(9)),
    "partial": lambda: complete(running_run(), deals="refused").finish(at(9)),
    "failed": lambda: running_run().fail("why", at(9)),
    "cancelled": lambda: running_run().cancel("why", at(9)),
}
ACTIONS: dict[str, Callable[[SyncRun], SyncRun]] = {
    "started": lambda run: run.claim(at(10)),
    "parked": lambda run: run.park("why", None),
    "finished": lambda run: run.finish(at(10)),
    "failed": lambda run: run.fail("why", at(10)),
    "cancelled": lambda run: run.cancel("why", at(10)),
}


class TestARunThatHasEnded:
    @pytest.mark.parametrize("action", ACTIONS)
    @pytest.mark.parametrize("state", ENDED)
    def test_it_refuses_and_names_both_its_state_and_the_action(self, state: str, action: str) -> None:
        with pytest.raises(InvalidTransition, match=f"A sync run that is {state} cannot be {action}"):
            ACTIONS[action](ENDED[state]())

    @pytest.mark.parametrize("state", ["completed", "partial", "cancelled"])
    def test_only_a_failed_one_can_be_resumed(self, state: str) -> None:
        with pytest.raises(InvalidTransition, match=f"{state} cannot be resumed"):
            ENDED[state]().requeue()

    @pytest.mark.parametrize("status", RunStatus)
    def test_open_are_those_that_may_still_write(self, status: RunStatus) -> None:
        assert status.is_open == (status.value in {"queued", "running", "parked"})
