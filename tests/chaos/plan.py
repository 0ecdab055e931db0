"""What will go wrong in a round: drawn from the seed before the round begins."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from astrelo.domain.identifiers import Provider
from tests.chaos.crms.crm import ChaosCrm, CrmPlan

STORM_SECONDS = 8.0
"""How long everything goes wrong before the round lets things settle."""
HEARTBEAT_SECONDS = 1.0
SETTLE_DELAY_SECONDS = 8.0


class Deed(StrEnum):
    KILL = "kill"
    FREEZE = "freeze"
    RESTART_DATABASE = "restart of PostgreSQL"
    CRASH_DATABASE = "crash of PostgreSQL"
    REQUEST = "request"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One deed, so many seconds into the storm."""

    at: float
    deed: Deed
    worker: int = 0
    seconds: float = 0.0
    """How long a worker stays frozen, or a killed one away."""
    full: bool = False
    provider: Provider | None = None
    """Whose sync is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundPlan:
    storm_seconds: float
    portal_seed: int
    companies: int
    """Of the portal that every CRM of the round begins with."""
    workers: int
    slice_seconds: int
    crms: tuple[CrmPlan, ...]
    moments: tuple[Moment, ...]

    @property
    def providers(self) -> tuple[Provider, ...]:
        return tuple(plan.provider for plan in self.crms)


def plan_of(
    seed: int, number: int, crms: Sequence[ChaosCrm], storm_seconds: float = STORM_SECONDS
) -> RoundPlan:
    """Plan round `number` of `seed`: the same for the same arguments."""
    chance = Random(f"chaos {seed} {number}")
    workers = chance.choice([1, 2, 2])
    moments = [
        *_moments(chance, storm_seconds, Deed.KILL, chance.randint(1, 3), workers=workers),
        *_moments(chance, storm_seconds, Deed.FREEZE, chance.randint(0, 2), workers=workers),
        *_moments(
            chance,
            storm_seconds,
            chance.choice([Deed.RESTART_DATABASE, Deed.CRASH_DATABASE]),
            chance.randint(0, 1),
        ),
        *(
            moment
            for crm in crms
            for moment in _moments(
                chance, storm_seconds, Deed.REQUEST, chance.randint(4, 8), provider=crm.provider
            )
        ),
    ]
    return RoundPlan(
        storm_seconds=storm_seconds,
        portal_seed=chance.randrange(1_000_000),
        companies=chance.randint(400, 900),
        workers=workers,
        slice_seconds=chance.choice([1, 2, 60]),
        crms=tuple(crm.plan(chance, storm_seconds) for crm in crms),
        moments=tuple(sorted(moments, key=lambda moment: moment.at)),
    )


def _moments(
    chance: Random,
    storm_seconds: float,
    deed: Deed,
    times: int,
    *,
    workers: int = 1,
    provider: Provider | None = None,
) -> list[Moment]:
    return [
        Moment(
            at=chance.uniform(0.05, 1.0) * storm_seconds,
            deed=deed,
            worker=chance.randrange(workers),
            seconds=chance.uniform(0.2, 3 * HEARTBEAT_SECONDS),
            full=chance.random() < 0.5,
            provider=provider,
        )
        for _ in range(times)
    ]
