"""What to do about connections and runs, and what in a run deserves a look. The sentences are in application/messages.py."""

from collections import Counter
from collections.abc import Iterator, Sequence

from astrelo.application import messages
from astrelo.application.read import views
from astrelo.domain.identifiers import Provider
from astrelo.domain.normalization import MAX_TEXT_LENGTH
from astrelo.domain.records import RejectionReason
from astrelo.domain.sync import RunStatus, StepStatus
from astrelo.domain.unreadable import Trouble


def action_for_connection(status: views.IntegrationStatus, provider: Provider) -> str | None:
    """Return what brings the data up to date again; None when nothing need be done."""
    if status is views.IntegrationStatus.ACTIVE:
        return None
    return messages.CONNECTIONS[status].format(crm=provider.label).to_do


def action_for_run(run: views.RunView) -> str | None:
    """Return what would help a run that does not continue by itself."""
    match run.status:
        case RunStatus.PARKED if run.parked_until is None:
            return messages.WAITS_FOR_REAUTHORIZATION.format(crm=run.provider.label).to_do
        case RunStatus.FAILED if _types_that_ended(run, StepStatus.FAILED):
            return f"{messages.RUNS[run.status].to_do} {messages.IF_IT_HAPPENS_AGAIN}"
        case RunStatus.PARKED | RunStatus.FAILED:
            return messages.RUNS[run.status].to_do
        case RunStatus.PARTIAL:
            return " ".join(_actions_for_partial_run(run)) or None
        case _:
            return None


def _actions_for_partial_run(run: views.RunView) -> Iterator[str]:
    crm = run.provider.label
    if _types_that_ended(run, StepStatus.REFUSED):
        yield messages.ADMINISTRATOR_GRANTS.format(crm=crm)
    if failed := _types_that_ended(run, StepStatus.FAILED):
        *others, last = failed
        records = f"{', '.join(others)} and {last}" if others else last
        yield messages.RECORDS_UNREADABLE.to_do.format(records=records)
    if any(step.status is StepStatus.COMPLETED and step.reason is not None for step in run.steps):
        yield messages.DELETIONS_DOUBTED.to_do.format(crm=crm)


def _types_that_ended(run: views.RunView, status: StepStatus) -> Sequence[str]:
    statuses = {"owners": run.owners.status} | {step.object_type.value: step.status for step in run.steps}
    return [name for name, ended_as in statuses.items() if ended_as is status]


def warnings_of(
    run: views.RunView, unreadable: Sequence[views.UnreadableView], crowded: Sequence[views.CrowdedDomain]
) -> list[str]:
    """List what a run could not keep, read or be sure of. `unreadable` is its account of single values."""
    crm = run.provider.label
    warnings = list(_warnings_of_left_out(crm, "owners", run.owners))
    for step in run.steps:
        warnings += _warnings_of_step(crm, step, unreadable)
    for domain in crowded:
        warnings.append(messages.WARN_CROWDED_DOMAIN.format(count=domain.records, domain=domain.domain).text)
    return warnings


def _warnings_of_step(
    crm: str, step: views.StepView, unreadable: Sequence[views.UnreadableView]
) -> Iterator[str]:
    records = step.object_type
    for reason, count in sorted(step.rejected.items()):
        rejected = messages.REJECTED[RejectionReason(reason)]
        yield rejected.format(count=count, records=records, reason=reason).text
    of_step = [entry for entry in unreadable if entry.object_type is step.object_type]
    for entry in (*of_step, *_unreadable_without_account(step, of_step)):
        message = messages.UNREADABLE[entry.trouble]
        fields = {"crm": crm, "records": records, "field": entry.field, "limit": MAX_TEXT_LENGTH}
        yield message.format(count=entry.records, **fields).text
    for field, count in sorted(step.hidden.items()):
        yield messages.WARN_HIDDEN.format(crm=crm, field=field, records=records, count=count).text
    if step.status is StepStatus.COMPLETED and not step.reconciled:
        yield messages.WARN_NOT_RECONCILED.format(records=records).text
    if step.status is StepStatus.COMPLETED and step.reason is not None:
        yield f"{step.reason.removesuffix('.')}. {messages.DELETIONS_DOUBTED.to_do.format(crm=crm)}"
    yield from _warnings_of_left_out(crm, records, step)


def _unreadable_without_account(
    step: views.StepView, noted: Sequence[views.UnreadableView]
) -> Iterator[views.UnreadableView]:
    """Count what a run of a release without that account could not read."""
    rest = Counter(step.unreadable)
    for entry in noted:
        rest[entry.field] -= entry.records
    for field, count in sorted((+rest).items()):
        yield views.UnreadableView(
            object_type=step.object_type,
            field=field,
            trouble=Trouble.UNREADABLE,
            records=count,
            record_ids=[],
        )


def _warnings_of_left_out(
    crm: str, records: str, step: views.StepView | views.OwnersStepView
) -> Iterator[str]:
    template = {StepStatus.REFUSED: messages.WARN_REFUSED, StepStatus.FAILED: messages.WARN_FAILED}.get(
        step.status
    )
    if template is not None:
        reason = f"{(step.reason or 'No reason was given').removesuffix('.')}."
        yield template.format(crm=crm, records=records, reason=reason).text
