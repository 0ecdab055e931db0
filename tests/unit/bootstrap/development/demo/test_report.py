"""What the demo reports at its end: the figures of each CRM, its reconciliations, and what all make together."""

import json
from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec

from astrelo.application.read.views import (
    CompanyCounts,
    CompanySummary,
    IntegrationCounts,
    IntegrationStatus,
    IntegrationView,
    OwnersStepView,
    RunView,
    StepView,
    UnreadableView,
)
from astrelo.bootstrap.development.demo.report import SyncedCrm, summarise, summary_object, summary_text
from astrelo.domain.identifiers import ObjectType, Provider
from astrelo.domain.sync import RunStatus, StepStatus, SyncMode
from astrelo.domain.unreadable import Trouble
from tests.support.builders import at

ENTITIES = CompanySummary(companies=4, with_two_sources=2)
FIGURES = {"companies", "contacts", "deals", "owners", "links", "unreadable", "requests", "seconds"}


def step_of(
    kind: ObjectType,
    *,
    reconciled: bool = True,
    reason: str | None = None,
    unreadable: Mapping[str, int] | None = None,
    records: int = 3,
) -> StepView:
    return StepView(
        object_type=kind,
        status=StepStatus.REFUSED if reason else StepStatus.COMPLETED,
        received=records + 1,
        repeats=1,
        distinct=records,
        inserted=records,
        updated=0,
        unchanged=0,
        stale=0,
        archived=0,
        merged=0,
        rejected={},
        hidden={},
        unreadable=dict(unreadable or {}),
        expected_total=None,
        reconciled=reconciled,
        reason=reason,
    )


def synced_crm(
    *steps: StepView,
    provider: Provider = Provider.HUBSPOT,
    entities: int = 3,
    unreadable: Sequence[UnreadableView] = (),
) -> SyncedCrm:
    run = RunView(
        id=UUID(int=1),
        provider=provider,
        mode=SyncMode.FULL,
        status=RunStatus.COMPLETED,
        reason=None,
        requested_at=at(0),
        started_at=at(0),
        finished_at=at(1),
        parked_until=None,
        attempts=1,
        owners=OwnersStepView(status=StepStatus.COMPLETED),
        steps=list(steps or (step_of(kind) for kind in ObjectType)),
    )
    integration = IntegrationView(
        provider=provider,
        status=IntegrationStatus.ACTIVE,
        account_name=f"Acme's {provider}",
        counts=IntegrationCounts(companies=CompanyCounts(records=3, entities=entities)),
    )
    return summarise(integration, run, 1, 1.0, unreadable)


def both() -> list[SyncedCrm]:
    return [synced_crm(), synced_crm(provider=Provider.SALESFORCE, entities=2)]


def report_of(*steps: StepView) -> str:
    return summary_text([synced_crm(*steps)], ENTITIES)


def unwrap(text: str) -> str:
    return text.replace("\n  ", " ")


def test_reconciled_object_types_are_named_with_the_records_accounted_for() -> None:
    report = report_of(*(step_of(kind) for kind in ObjectType))
    sentence = "Reconciled: companies, contacts, deals. Read to the end, and all 9 records are accounted for."
    assert sentence in unwrap(report)
    assert "NOT reconciled" not in report


def test_an_object_type_without_a_reconciliation_stands_out() -> None:
    refused = step_of(ObjectType.DEALS, reconciled=False, reason="no permission for deals")
    report = report_of(step_of(ObjectType.COMPANIES), step_of(ObjectType.CONTACTS, reconciled=False), refused)
    assert "Reconciled: companies. Read to the end, and all 3 records" in report
    assert "NOT reconciled: contacts, its counts do not add up." in report
    assert "NOT reconciled: deals, no permission for deals." in report


def test_amounts_without_us_dollars_say_why() -> None:
    crm = synced_crm(
        provider=Provider.SALESFORCE,
        unreadable=[
            UnreadableView(
                object_type=ObjectType.DEALS,
                field="amount_usd",
                trouble=trouble,
                records=1_650,
                record_ids=[],
            )
            for trouble in (Trouble.UNKNOWN_CURRENCY, Trouble.UNKNOWN_OWNER)
        ],
    )
    text = " ".join(summary_text([crm], ENTITIES).split())
    assert text.endswith(
        "1,650 of the deals had an amount in a currency that Salesforce does not name. amount_usd is empty here."
    )


def test_lines_of_unreadable_values_break_between_fields_only() -> None:
    unreadable = {"domain": 12, "email": 52, "hq_country": 36, "hq_region": 75}
    steps = [step_of(kind) for kind in (ObjectType.CONTACTS, ObjectType.DEALS)]
    text = report_of(step_of(ObjectType.COMPANIES, unreadable=unreadable), *steps)
    assert "domain 12, email 52, hq_country 36,\n  hq_region 75." in text


def test_one_crm_is_shown_without_a_word_about_others() -> None:
    report = report_of()
    assert report.startswith("4 companies synced from Acme's hubspot in 1.0 s with 1 CRM requests.")
    assert "Together" not in report


def test_two_crms_are_shown_one_after_the_other_and_together() -> None:
    report = summary_text(both(), ENTITIES)
    assert report.index("HubSpot: 4 companies synced from Acme's hubspot") < report.index(
        "Salesforce: 4 companies synced from Acme's salesforce"
    )
    sentence = "Together: 8 company records of HubSpot and Salesforce make 4 companies, 2 of them in both."
    assert unwrap(report).endswith(sentence)


def test_no_line_is_broken_by_a_terminal_of_80_columns_however_large_the_figures() -> None:
    steps = [step_of(kind, records=1_234_567) for kind in ObjectType]
    crms = [synced_crm(*steps, provider=provider, entities=1_234_567) for provider in Provider]
    report = summary_text(crms, CompanySummary(companies=2_345_678, with_two_sources=1_234_567))
    assert "1,234,568" in report
    assert max(len(line) for line in report.splitlines()) <= 80


def test_a_reason_that_is_longer_than_a_line_is_shown_whole() -> None:
    reason = "its user may not see " + ", ".join(f"field_number_{number}" for number in range(12))
    deals = step_of(ObjectType.DEALS, reconciled=False, reason=reason)
    report = report_of(step_of(ObjectType.COMPANIES), step_of(ObjectType.CONTACTS), deals)
    assert f"NOT reconciled: deals, {reason}." in unwrap(report)


def test_the_figures_of_one_crm_stand_at_the_top_of_its_json() -> None:
    shown = json.loads(msgspec.json.encode(summary_object([synced_crm()], ENTITIES)))
    assert set(shown) == FIGURES | {"entities"}
    assert shown["companies"]["entities"] == 3
    assert shown["entities"] == {"companies": 4, "with_two_sources": 2, "counted_at": None}


def test_the_figures_of_two_crms_stand_below_their_names_in_the_json() -> None:
    shown = json.loads(msgspec.json.encode(summary_object(both(), ENTITIES)))
    assert set(shown) == {"hubspot", "salesforce", "entities"}
    assert set(shown["hubspot"]) == set(shown["salesforce"]) == FIGURES
    assert [shown[name]["companies"]["entities"] for name in ("hubspot", "salesforce")] == [3, 2]
    assert shown["entities"] == {"companies": 4, "with_two_sources": 2, "counted_at": None}
