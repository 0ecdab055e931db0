"""What the demo's summary says of a run's certificates."""

from uuid import UUID

from astrelo.application.read_models import IntegrationStatus, IntegrationView, RunView, StepView
from astrelo.bootstrap.demo_report import summarise, summary_text
from astrelo.domain.identifiers import ObjectType, Provider
from astrelo.domain.sync import RunStatus, StepStatus, SyncMode
from tests.builders import at


def step_of(kind: ObjectType, *, certified: bool = True, reason: str | None = None) -> StepView:
    return StepView(
        object_type=kind,
        status=StepStatus.REFUSED if reason else StepStatus.COMPLETED,
        received=4,
        repeats=1,
        distinct=3,
        inserted=3,
        updated=0,
        unchanged=0,
        stale=0,
        archived=0,
        merged=0,
        rejected={},
        unreadable={},
        expected_total=None,
        certified=certified,
        reason=reason,
    )


def told_of(*steps: StepView) -> str:
    run = RunView(
        id=UUID(int=1),
        provider=Provider.HUBSPOT,
        mode=SyncMode.FULL,
        status=RunStatus.COMPLETED,
        reason=None,
        requested_at=at(0),
        started_at=at(0),
        finished_at=at(1),
        parked_until=None,
        attempts=1,
        steps=list(steps),
    )
    integration = IntegrationView(provider=Provider.HUBSPOT, status=IntegrationStatus.ACTIVE)
    return summary_text(summarise(integration, run, requests=1, seconds=1.0), "Acme", run.steps)


def test_certified_object_types_are_named_with_the_records_accounted_for() -> None:
    told = told_of(*(step_of(kind) for kind in ObjectType))
    assert (
        "Certified: companies, contacts, deals. Read to the end, and all 9 records are accounted for." in told
    )
    assert "NOT certified" not in told


def test_an_object_type_without_a_certificate_stands_out() -> None:
    refused = step_of(ObjectType.DEALS, certified=False, reason="no permission for deals")
    told = told_of(step_of(ObjectType.COMPANIES), step_of(ObjectType.CONTACTS, certified=False), refused)
    assert "Certified: companies. Read to the end, and all 3 records" in told
    assert "NOT certified: contacts, its counts do not add up." in told
    assert "NOT certified: deals, no permission for deals." in told
