"""What every simulated CRM remembers, open to tests and to the admin API."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Protocol

from msgspec import Meta

from crm_sandbox.clock import SandboxClock
from crm_sandbox.faults.fault import MAX_DELAY_MS, FaultQueue
from crm_sandbox.faults.plan import FaultPlan, PlannedFaults
from crm_sandbox.journal import Journal
from crm_sandbox.oauth import IssuedSecrets


@dataclass(slots=True, kw_only=True)
class CommonFlags:
    """The flags that every CRM has; each adds its own."""

    latency_ms: Annotated[float, Meta(ge=0, le=MAX_DELAY_MS)] = 0.0
    mutate_every: int = 0


class Authority(Protocol):
    """What can be asked of any authorization server."""

    issued: IssuedSecrets
    refreshes: int
    replays: int = 0
    """How often a refresh token was sent that had been used up."""

    @abstractmethod
    def expire_access_tokens(self) -> None: ...

    @abstractmethod
    def uninstall(self) -> None:
        """End every grant of every account."""


class SimulatedCrmState:
    """`journal` of what was asked, `faults` waiting to happen, `planned` ones with their rules, `flags` that change its behaviour, `clock` to be advanced."""

    def __init__(self, clock: SandboxClock, flags: CommonFlags) -> None:
        self.clock = clock
        self.flags = flags
        self.faults = FaultQueue()
        self.journal = Journal()
        self.planned = PlannedFaults(FaultPlan())

    @property
    @abstractmethod
    def authority(self) -> Authority: ...

    @abstractmethod
    def describe_accounts(self) -> list[Mapping[str, object]]:
        """Describe each account; every description has its `id`, as text, and its `name`."""

    @abstractmethod
    def set_plan(self, plan: FaultPlan) -> None:
        """Replace the fault plan."""

    @abstractmethod
    def mutate(self) -> None:
        """Do one step of the script of mutations."""

    def set_flags(self, wanted: CommonFlags) -> None:
        """Set every flag; ValueError when one names what does not exist."""
        for name in type(wanted).__dataclass_fields__:
            setattr(self.flags, name, getattr(wanted, name))

    def stats(self) -> dict[str, object]:
        tokens = {
            "token_refreshes": self.authority.refreshes,
            "refresh_token_replays": self.authority.replays,
        }
        return self.journal.summary() | tokens
