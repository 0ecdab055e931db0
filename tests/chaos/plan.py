"""What will go wrong in a round: drawn from the seed before the round begins."""

from dataclasses import dataclass
from enum import StrEnum
from random import Random

import msgspec

from astrelo.sandbox.fault_plan import FaultPlan

STORM_SECONDS = 8.0
"""How long everything goes wrong before the round lets things settle."""
HEARTBEAT_SECONDS = 1.0
SETTLE_DELAY_SECONDS = 8.0
LONGEST_LAG_SECONDS = 3.0
"""How late search publishes, and again by the plan's moods: less than the settle delay together."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundPlan:
    storm_seconds: float
    portal_seed: int
    mutation_seed: int
    companies: int
    workers: int
    latency_ms: int
    search_lag_seconds: float
    slice_seconds: int
    duplicates_across_pages: bool
    mutations_per_second: int
    webhooks: bool
    faults: FaultPlan
    moments: tuple[Moment, ...]


def plan_of(seed: int, number: int, storm_seconds: float = STORM_SECONDS) -> RoundPlan:
    """Plan round `number` of `seed`: the same for the same arguments."""
    chance = Random(f"chaos {seed} {number}")
    workers = chance.choice([1, 2, 2])
    moments = [
        *_moments(chance, storm_seconds, Deed.KILL, chance.randint(1, 3), workers),
        *_moments(chance, storm_seconds, Deed.FREEZE, chance.randint(0, 2), workers),
        *_moments(
            chance,
            storm_seconds,
            chance.choice([Deed.RESTART_DATABASE, Deed.CRASH_DATABASE]),
            chance.randint(0, 1),
        ),
        *_moments(chance, storm_seconds, Deed.REQUEST, chance.randint(4, 8)),
    ]
    return RoundPlan(
        storm_seconds=storm_seconds,
        portal_seed=chance.randrange(1_000_000),
        mutation_seed=chance.randrange(1_000_000),
        companies=chance.randint(400, 900),
        workers=workers,
        latency_ms=chance.choice([5, 20, 60]),
        search_lag_seconds=chance.choice([0.0, 0.5, LONGEST_LAG_SECONDS]),
        slice_seconds=chance.choice([1, 2, 60]),
        duplicates_across_pages=chance.random() < 0.3,
        mutations_per_second=chance.choice([5, 20, 60]),
        webhooks=chance.random() < 0.6,
        faults=_faults(chance),
        moments=tuple(sorted(moments, key=lambda moment: moment.at)),
    )


def _moments(chance: Random, storm_seconds: float, deed: Deed, times: int, workers: int = 1) -> list[Moment]:
    return [
        Moment(
            at=chance.uniform(0.05, 1.0) * storm_seconds,
            deed=deed,
            worker=chance.randrange(workers),
            seconds=chance.uniform(0.2, 3 * HEARTBEAT_SECONDS),
            full=chance.random() < 0.5,
        )
        for _ in range(times)
    ]


def _faults(chance: Random) -> FaultPlan:
    """Plan a bad day at the CRM, worse in some rounds than in others."""
    share = chance.choice([0.0, 0.01, 0.05])
    later = {"retry-after": "1"}
    rules: list[dict[str, object]] = [
        {"kind": "respond", "status": 429, "match": "/crm/", "headers": later},
        {"kind": "respond", "status": 429, "match": "/search", "policy": "SECONDLY"},
        {"kind": "respond", "status": 423, "match": "/crm/"},
        {"kind": "respond", "status": 477, "match": "/crm/", "most": 1, "headers": later},
        {"kind": "respond", "status": 502},
        {"kind": "drop", "match": "/crm/"},
        {"kind": "drop_response", "match": "/crm/"},
        {"kind": "cut", "match": "/crm/"},
        {"kind": "truncate", "match": "/crm/"},
        {"kind": "drip", "match": "/crm/", "delay_ms": 300},
        {"kind": "delay", "jitter_ms": 200},
        {"kind": "expire_tokens", "match": "/crm/"},
    ]
    moods = {name: chance.choice([0.0, 0.2]) for name in ("late", "shuffle", "short_pages", "leak")}
    told = {
        "seed": chance.randrange(1_000_000),
        "rules": [rule | {"probability": share} for rule in rules],
        "index": moods | {"late_seconds": [0.2, LONGEST_LAG_SECONDS]},
    }
    return msgspec.convert(told, FaultPlan)
