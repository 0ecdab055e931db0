"""What came of a case, and how a line shows it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum

_SHOWN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    what: str
    got: object
    right: object
    control: bool = False

    @property
    def passed(self) -> bool:
        """A truth value is no number here, although Python holds True for 1."""
        return self.got == self.right and isinstance(self.got, bool) == isinstance(self.right, bool)

    def line(self) -> str:
        """One line of ASCII."""
        word = "ok  " if self.passed else "FAIL"
        mark = " [control]" if self.control else ""
        return f"  {word} {self.what} = {show(self.got)}, right {show(self.right)}{mark}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The outcomes of one file."""

    name: str
    outcomes: list[Outcome]
    remark: str = ""
    """What is wrong with the file itself."""

    @property
    def failures(self) -> int:
        return sum(not outcome.passed for outcome in self.outcomes)

    def lines(self, *, verbose: bool) -> Iterable[str]:
        yield from (one.line() for one in self.outcomes if verbose or not one.passed)
        remark = f" ({in_ascii(self.remark)})" if self.remark else ""
        yield f"{in_ascii(self.name)}: {self.failures} of {len(self.outcomes)} fail{remark}"


def not_run(name: str, reason: str, cases: int = 1) -> Report:
    """Count a file whose cases could not be run as failed: at least one failure."""
    outcome = Outcome(what=name, got=reason, right="a case that can be run")
    return Report(name=name, outcomes=[outcome] * max(cases, 1), remark=reason)


def look_at(look: Callable[[], object]) -> object:
    """Return what a call gives, as JSON has it; a call that raises gives the name of what it raised."""
    try:
        return plain(look())
    except Exception as error:  # noqa: BLE001 - whatever a case raises is its outcome
        return f"raised {type(error).__name__}"


def plain(value: object) -> object:
    """Write a value as JSON has it, so that it can be compared with what a file says."""
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, tuple | list | set | frozenset):
        return [plain(one) for one in value]
    return value


def show(value: object) -> str:
    """Quote a value in ASCII, shortened."""
    text = ascii(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def in_ascii(text: str) -> str:
    """Write a text on one line of ASCII, its quotes as they are."""
    return text.replace("\n", "\\n").replace("\r", "\\r").encode("ascii", "backslashreplace").decode()
