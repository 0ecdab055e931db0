"""HubSpot in chaos."""

from collections.abc import Iterable, Mapping
from random import Random

import msgspec

from astrelo.domain.identifiers import Provider
from crm_sandbox import Dataset
from crm_sandbox.faults.plan import FaultPlan
from crm_sandbox.http.requests import Request
from crm_sandbox.hubspot import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, Flags, Sandbox, create_sandbox
from tests.chaos.crms.crm import UNLIMITED, ChaosCrm, CrmPlan, Departed, Page

MAX_LAG_SECONDS = 3.0
"""How late search publishes, and again by the plan's moods: less than the settle delay together."""


class HubSpotChaos(ChaosCrm):
    """Search that publishes late, shuffles and leaks; limits of many kinds; webhooks."""

    @property
    def provider(self) -> Provider:
        return Provider.HUBSPOT

    def plan(self, chance: Random, storm_seconds: float) -> CrmPlan:
        lag = chance.choice([0.0, 0.5, MAX_LAG_SECONDS])
        flags = {
            "latency_ms": chance.choice([5, 20, 60]),
            "search_lag_seconds": lag,
            "duplicate_across_pages": chance.random() < 0.3,
            "requests_per_window": UNLIMITED,
            "searches_per_second": UNLIMITED,
        }
        faults = _faults(chance)
        return CrmPlan(
            provider=self.provider,
            flags=flags,
            faults=faults,
            lag_seconds=lag + (MAX_LAG_SECONDS if faults.index.late else 0.0),
            mutation_seed=chance.randrange(1_000_000),
            mutations_per_second=chance.choice([5, 20, 60]),
            webhooks=chance.random() < 0.6,
        )

    def sandbox(self, dataset: Dataset, flags: Mapping[str, object]) -> Sandbox:
        return create_sandbox(dataset, flags=msgspec.convert(flags, Flags))

    def environ(self, url: str) -> Mapping[str, str]:
        return {
            "ASTRELO_HUBSPOT_CLIENT_ID": DEFAULT_CLIENT_ID,
            "ASTRELO_HUBSPOT_CLIENT_SECRET": DEFAULT_CLIENT_SECRET,
            "ASTRELO_HUBSPOT_AUTHORIZE_URL": url,
            "ASTRELO_HUBSPOT_API_URL": url,
        }

    def page_of(self, request: Request) -> Page | None:
        """Identify lists by their cursor, searches by all that they ask for."""
        if not request.path.startswith("/crm/objects/"):
            return None
        what = (
            request.query_params.get("after") or "" if request.method == "GET" else request.content.decode()
        )
        return request.path, what

    def departed(self, export: bytes) -> Iterable[Departed]:
        """Name none: only full runs and webhooks report what was archived."""
        return ()


def _faults(chance: Random) -> FaultPlan:
    """Plan a bad day, worse in some rounds than in others."""
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
    plan = {
        "seed": chance.randrange(1_000_000),
        "rules": [
            *(rule | {"probability": share} for rule in rules),
            {"kind": "drop_response", "match": "/oauth/", "probability": chance.choice([0.0, 0.2])},
        ],
        "index": moods | {"late_seconds": [0.2, MAX_LAG_SECONDS]},
    }
    return msgspec.convert(plan, FaultPlan)


HUBSPOT = HubSpotChaos()
