"""Sentences for people about connections and runs: what to do, and what deserves a look."""

from collections import Counter
from collections.abc import Iterator, Sequence

from astrelo.application.read.views import (
    CrowdedDomain,
    IntegrationStatus,
    OwnersStepView,
    RunView,
    StepView,
    UnreadableView,
)
from astrelo.domain.identifiers import Provider
from astrelo.domain.normalization import MAX_TEXT_LENGTH
from astrelo.domain.sync import RunStatus, StepStatus
from astrelo.domain.unreadable import Trouble

_IF_IT_STAYS = "If that ends the same way, tell us: it is ours to mend."


def action_for_connection(status: IntegrationStatus, provider: Provider) -> str | None:
    """Say what brings the data up to date again; None when nothing need be done."""
    name = provider.label
    match status:
        case IntegrationStatus.ACTIVE:
            return None
        case IntegrationStatus.NEEDS_REAUTHORIZATION:
            return (
                f"Connect {name} again: it no longer accepts our access. Your data is kept meanwhile. "
                f"If {name} does not let you in, ask its administrator."
            )
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
            return (
                "Nothing: the run goes on by itself at the time given as parked_until. "
                "Where an administrator can help, the reason says so."
            )
        case RunStatus.FAILED if _ended_as(run, StepStatus.FAILED):
            return f"Request a sync again: it goes on where this one stopped. {_IF_IT_STAYS}"
        case RunStatus.FAILED:
            return "Request a sync again: it goes on where this one stopped."
        case RunStatus.PARTIAL:
            return " ".join(_advice_on_what_lacks(run)) or None
        case _:
            return None


def _advice_on_what_lacks(run: RunView) -> Iterator[str]:
    name = run.provider.label
    not_believed = any(step.status is StepStatus.COMPLETED and step.reason is not None for step in run.steps)
    failed = _ended_as(run, StepStatus.FAILED)
    if _ended_as(run, StepStatus.REFUSED):
        yield (
            f"Have an administrator of {name} grant what is missing, which the reason names, then connect it again."
        )
    if failed:
        yield f"The next sync reads the {_listed(failed)} again. {_IF_IT_STAYS}"
    if not_believed:
        yield (
            f"Check in {name} whether so many records were really deleted. If they were, "
            "ask the operator to let a full sync accept it; until then they stay."
        )


def _ended_as(run: RunView, status: StepStatus) -> Sequence[str]:
    ended = {"owners": run.owners.status} | {step.object_type.value: step.status for step in run.steps}
    return [name for name, ended_as in ended.items() if ended_as is status]


def _listed(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def warnings_of(
    run: RunView, unreadable: Sequence[UnreadableView], crowded: Sequence[CrowdedDomain]
) -> list[str]:
    """List what a run could not keep, read or be sure of. `unreadable` is its account of single values."""
    about_steps = [
        sentence for step in run.steps for sentence in _warnings_of_step(run.provider.label, step, unreadable)
    ]
    return (
        _left_out("owners", run.owners)
        + about_steps
        + [
            f"{domain.records} company records share the domain {domain.domain}: they count as one company."
            for domain in crowded
        ]
    )


def _warnings_of_step(crm: str, step: StepView, unreadable: Sequence[UnreadableView]) -> list[str]:
    warnings = [
        f"{count} of the {step.object_type} were rejected: {reason}."
        for reason, count in sorted(step.rejected.items())
    ]
    of_step = [noted for noted in unreadable if noted.object_type is step.object_type]
    warnings += [_about_values(crm, noted) for noted in (*of_step, *_not_noted(step, of_step))]
    warnings += [
        f"{crm} hides {field} of the {step.object_type} from the user who connected ({count} records); it is "
        f"empty here. Have an administrator of {crm} show the field to that user, then request a full sync."
        for field, count in sorted(step.hidden.items())
    ]
    if step.status is StepStatus.COMPLETED and not step.reconciled:
        warnings.append(f"The counts of the {step.object_type} do not add up: please tell us.")
    if step.status is StepStatus.COMPLETED and step.reason is not None:
        warnings.append(f"Deletions were not taken over: {step.reason}.")
    return warnings + _left_out(step.object_type, step)


def _not_noted(step: StepView, noted: Sequence[UnreadableView]) -> Iterator[UnreadableView]:
    """Count what a run of a release without that account could not read."""
    rest = Counter(step.unreadable)
    for entry in noted:
        rest[entry.field] -= entry.records
    for field, count in sorted((+rest).items()):
        yield UnreadableView(
            object_type=step.object_type,
            field=field,
            trouble=Trouble.UNREADABLE,
            records=count,
            record_ids=[],
        )


def _about_values(crm: str, noted: UnreadableView) -> str:
    of_them, field = f"{noted.records} of the {noted.object_type}", noted.field
    match noted.trouble:
        case Trouble.UNREADABLE:
            return f"{of_them} had an unreadable {field}; it is empty here. Correct it in {crm}."
        case Trouble.CUT:
            return (
                f"{of_them} had a {field} that is too long; its first {MAX_TEXT_LENGTH:,} characters are kept. "
                f"Shorten it in {crm}."
            )
        case Trouble.NO_EXCHANGE_RATE:
            return (
                f"{of_them} had an amount in a currency without an exchange rate at that time; "
                f"{field} is empty here. Check the currency in {crm}."
            )
        case Trouble.UNKNOWN_CURRENCY:
            return (
                f"{of_them} had an amount in a currency that {crm} does not name; {field} is empty here. "
                f"Give them a currency in {crm}, or tell us which one your account keeps."
            )
        case Trouble.UNKNOWN_OWNER:
            return (
                f"{of_them} had an owner that {crm} does not list; {field} is empty here. "
                f"Give them another owner in {crm}."
            )


def _left_out(name: str, step: StepView | OwnersStepView) -> list[str]:
    if step.status is StepStatus.REFUSED:
        return [f"The {name} were refused. {_sentence(step.reason)}"]
    if step.status is StepStatus.FAILED:
        return [f"The {name} were not read to their end. {_sentence(step.reason)}"]
    return []


def _sentence(reason: str | None) -> str:
    return f"{reason or 'No reason was given'}."
