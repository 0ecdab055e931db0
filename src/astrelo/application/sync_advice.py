"""Sentences for people about connections and runs: what to do, and what deserves a look."""

from collections.abc import Sequence

from astrelo.application.read_models import CrowdedDomain, IntegrationStatus, RunView, StepView
from astrelo.domain.identifiers import Provider
from astrelo.domain.sync import RunStatus, StepStatus


def action_for_connection(status: IntegrationStatus, provider: Provider) -> str | None:
    """Say what brings the data up to date again; None when nothing need be done."""
    name = provider.label
    match status:
        case IntegrationStatus.ACTIVE:
            return None
        case IntegrationStatus.NEEDS_REAUTHORIZATION:
            return f"Connect {name} again: it no longer accepts our access. Your data is kept meanwhile."
        case IntegrationStatus.DISCONNECTED:
            return f"Connect {name} to bring your data up to date; until then it stays as it is."
        case IntegrationStatus.NOT_CONNECTED:
            return f"Connect {name} to bring in your companies, contacts and deals."


def action_for_run(run: RunView) -> str | None:
    """Say what would help a run that does not simply go on."""
    match run.status:
        case RunStatus.PARKED if run.parked_until is None:
            return f"Connect {run.provider.label} again; the run then goes on where it stopped."
        case RunStatus.PARKED:
            return "Nothing: the run goes on by itself at the time given as parked_until."
        case RunStatus.FAILED:
            return "Request a sync again: it goes on where this one stopped."
        case RunStatus.PARTIAL if _deletions_not_believed(run):
            return (
                f"Check in {run.provider.label} whether so many records were really deleted. If they were, "
                "ask the operator to let a full sync accept it; until then they stay."
            )
        case RunStatus.PARTIAL:
            return f"Grant the missing permissions in {run.provider.label}, then connect it again."
        case _:
            return None


def _deletions_not_believed(run: RunView) -> bool:
    """Tell whether that is all: the only reason that a step which was not refused has."""
    reasons = [step.status for step in run.steps if step.reason is not None]
    return bool(reasons) and StepStatus.REFUSED not in reasons


def warnings_of(run: RunView, crowded: Sequence[CrowdedDomain]) -> list[str]:
    """List what a run could not keep, read or be sure of."""
    about_steps = [sentence for step in run.steps for sentence in _warnings_of_step(step)]
    return about_steps + [
        f"{domain.records} company records share the domain {domain.domain}: they count as one company."
        for domain in crowded
    ]


def _warnings_of_step(step: StepView) -> list[str]:
    warnings = [
        f"{count} of the {step.object_type} were rejected: {reason}."
        for reason, count in sorted(step.rejected.items())
    ]
    warnings += [
        f"{count} of the {step.object_type} had an unreadable {field}; it is empty here."
        for field, count in sorted(step.unreadable.items())
    ]
    if step.status is StepStatus.COMPLETED and not step.certified:
        warnings.append(f"The counts of the {step.object_type} do not add up: please tell us.")
    if step.status is StepStatus.COMPLETED and step.reason is not None:
        warnings.append(f"Deletions were not taken over: {step.reason}.")
    if step.status is StepStatus.REFUSED:
        warnings.append(f"The {step.object_type} were refused: {step.reason or 'no reason was given'}.")
    return warnings
