"""What will go wrong in a round: drawn from the seed before the round begins."""

from dataclasses import dataclass
from enum import StrEnum
from random import Random

import msgspec

from astrelo.sandbox import Fault

STORM_SECONDS = 8.0
"""How long everything goes wrong before the round lets things settle."""
HEARTBEAT_SECONDS = 1.0
SETTLE_DELAY_SECONDS = 4.0
LONGEST_LAG_SECONDS = 2.0
"""How late search publishes at most: less than the settle delay, as an operator would set it."""


class Deed(StrEnum):
    KILL = "kill"
    FREEZE = "freeze"
    RESTART_DATABASE = "restart of PostgreSQL"
    CRASH_DATABASE = "crash of PostgreSQL"
    REQUEST = "request"
    BREAK_CRM = "fault"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One deed, so many seconds into the storm."""

    at: float
    deed: Deed
    worker: int = 0
    seconds: float = 0.0
    """How long a worker stays frozen, or a killed one away."""
    full: bool = False
    fault: Fault | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundPlan:
    portal_seed: int
    mutation_seed: int
    companies: int
    workers: int
    latency_ms: int
    search_lag_seconds: float
    slice_seconds: int
    duplicates_across_pages: bool
    moments: tuple[Moment, ...]


def plan_of(seed: int, number: int) -> RoundPlan:
    """Plan round `number` of `seed`: the same for the same arguments."""
    chance = Random(f"chaos {seed} {number}")
    workers = chance.choice([1, 2, 2])
    moments = [
        *_moments(chance, Deed.KILL, chance.randint(1, 3), workers),
        *_moments(chance, Deed.FREEZE, chance.randint(0, 2), workers),
        *_moments(chance, chance.choice([Deed.RESTART_DATABASE, Deed.CRASH_DATABASE]), chance.randint(0, 1)),
        *_moments(chance, Deed.REQUEST, chance.randint(2, 5)),
        *_moments(chance, Deed.BREAK_CRM, chance.randint(2, 6)),
    ]
    return RoundPlan(
        portal_seed=chance.randrange(1_000_000),
        mutation_seed=chance.randrange(1_000_000),
        companies=chance.randint(400, 900),
        workers=workers,
        latency_ms=chance.choice([5, 20, 60]),
        search_lag_seconds=chance.uniform(0, LONGEST_LAG_SECONDS),
        slice_seconds=chance.choice([1, 2, 60]),
        duplicates_across_pages=chance.random() < 0.3,
        moments=tuple(sorted(moments, key=lambda moment: moment.at)),
    )


def _moments(chance: Random, deed: Deed, times: int, workers: int = 1) -> list[Moment]:
    return [
        Moment(
            at=chance.uniform(0.5, STORM_SECONDS),
            deed=deed,
            worker=chance.randrange(workers),
            seconds=chance.uniform(0.2, 3 * HEARTBEAT_SECONDS),
            full=chance.random() < 0.5,
            fault=_fault(chance) if deed is Deed.BREAK_CRM else None,
        )
        for _ in range(times)
    ]


def _fault(chance: Random) -> Fault:
    told: dict[str, object] = {
        "kind": chance.choice(
            ["truncate", "cut", "drop", "drop_response", "delay", "expire_tokens", "respond"]
        ),
        "match": chance.choice(
            ["", "/search", "/associations/", "/companies", "/contacts", "/deals", "/owners"]
        ),
        "skip": chance.randint(0, 10),
        "times": chance.randint(1, 2),
        "delay_ms": chance.randint(100, 1500),
        "status": chance.choice([429, 423, 500, 502, 503]),
    }
    if told["status"] in {429, 423}:
        told["headers"] = {"retry-after": "1"}
    return msgspec.convert(told, Fault)
