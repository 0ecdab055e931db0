"""Salesforce in chaos."""

from collections.abc import Iterable, Mapping
from random import Random

import msgspec

from astrelo.domain.identifiers import ObjectType, Provider
from crm_sandbox import Dataset
from crm_sandbox.faults.plan import FaultPlan
from crm_sandbox.http.requests import Request
from crm_sandbox.salesforce import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, Flags, Sandbox, create_sandbox
from tests.chaos.crms.crm import UNLIMITED, ChaosCrm, CrmPlan, Departed, Page, Turn

MAX_LAG_SECONDS = 3.0
"""How late rows appear, and again by the plan's moods: less than the settle delay together."""
BULK_THRESHOLD = 500
"""Fewer than a dataset has contacts and mostly companies, more than it mostly has deals."""
_API = "/services/data/"
_TOKENS = "/services/oauth2/token"
_OBJECTS = {
    "Account": ObjectType.COMPANIES,
    "Contact": ObjectType.CONTACTS,
    "Opportunity": ObjectType.DEALS,
}
_DAY_SECONDS = 86_400.0
_SPELLS: tuple[Mapping[str, tuple[object, object]], ...] = (
    {"hidden_fields": (["Account.Industry", "Contact.Title", "Opportunity.Amount"], [])},
    {"hidden_objects": (["Opportunity"], [])},
    {"hidden_objects": (["OpportunityContactRole"], [])},
    {"daily_used": (UNLIMITED, 0)},
    {"bulk_outcome": ("Failed", "JobComplete")},
    {"bulk_outcome": ("Aborted", "JobComplete")},
    {"bulk_job_seconds": (0.2, 7 * _DAY_SECONDS)},
    {"login_refusal": ("in_progress", None)},
    {"login_refusal": ("rate_limit_exceeded", None)},
)
"""What is so for a while, and how it is otherwise."""


class SalesforceChaos(ChaosCrm):
    """Sessions of seconds, refresh tokens for one use, jobs and locators that die, fields that come and go."""

    @property
    def provider(self) -> Provider:
        return Provider.SALESFORCE

    def plan(self, chance: Random, storm_seconds: float) -> CrmPlan:
        lag = chance.choice([0.0, 0.5, MAX_LAG_SECONDS])
        faults = _faults(chance)
        return CrmPlan(
            provider=self.provider,
            flags=_flags(chance) | {"publish_lag_seconds": lag},
            faults=faults,
            lag_seconds=lag + (MAX_LAG_SECONDS if faults.index.late else 0.0),
            mutation_seed=chance.randrange(1_000_000),
            mutations_per_second=chance.choice([5, 20, 60]),
            turns=tuple(_turns(chance, storm_seconds)),
        )

    def sandbox(self, dataset: Dataset, flags: Mapping[str, object]) -> Sandbox:
        return create_sandbox(dataset, flags=msgspec.convert(flags, Flags))

    def environ(self, url: str) -> Mapping[str, str]:
        return {
            "ASTRELO_SALESFORCE_CLIENT_ID": DEFAULT_CLIENT_ID,
            "ASTRELO_SALESFORCE_CLIENT_SECRET": DEFAULT_CLIENT_SECRET,
            "ASTRELO_SALESFORCE_LOGIN_URL": url,
            "ASTRELO_SALESFORCE_BULK_THRESHOLD": str(BULK_THRESHOLD),
            "ASTRELO_SALESFORCE_DAILY_SHARE": "0.9",
        }

    def page_of(self, request: Request) -> Page | None:
        """Identify queries by their text, what follows them by its link, results by job and locator."""
        if not request.path.startswith(_API) or request.method != "GET":
            return None
        if "/query" not in request.path or request.path.endswith("/resultPages"):
            return None
        if "/jobs/" in request.path and not request.path.endswith("/results"):
            return None
        return request.path, request.query_params.get("q") or "", request.query_params.get("locator") or ""

    def departed(self, export: bytes) -> Iterable[Departed]:
        """Name what lies in the recycle bin; what was merged away or deleted with its account does too."""
        for line in export.splitlines():
            record = msgspec.json.decode(line)
            if record["archived"] and record["object"] in _OBJECTS:
                yield Departed(_OBJECTS[record["object"]], record["id"])


def _flags(chance: Random) -> dict[str, object]:
    return {
        "latency_ms": chance.choice([5, 20, 60]),
        "session_seconds": chance.choice([1.5, 4.0, 7_200.0]),
        "rows_per_page": chance.choice([100, 400, 2_000]),
        "short_page_every": chance.choice([0, 3]),
        "locator_seconds": chance.choice([0.3, 2 * _DAY_SECONDS]),
        "bulk_polls": chance.choice([0, 1, 3]),
        "bulk_rows_per_page": chance.choice([150, 700, 10_000]),
        "multi_currency": chance.random() < 0.5,
        "state_country_picklists": chance.random() < 0.5,
        "dun_and_bradstreet": chance.random() < 0.5,
        "result_pages_link": chance.choice(["nextRecordsUrl", "nextRecordUrl"]),
    }


def _turns(chance: Random, storm_seconds: float) -> Iterable[Turn]:
    """Draw up to three spells, one after the other and over before the storm is, and a move of the org."""
    spells = chance.sample(_SPELLS, k=chance.randint(0, 3))
    share = storm_seconds / max(len(spells), 1)
    for number, spell in enumerate(spells):
        begin, length = (number + chance.uniform(0.05, 0.5)) * share, chance.uniform(0.1, 0.45) * share
        # What an org shows and what it has left is believed for minutes.
        is_remembered = not spell.keys().isdisjoint({"hidden_fields", "hidden_objects", "daily_used"})
        now = {name: values[0] for name, values in spell.items()}
        then = {name: values[1] for name, values in spell.items()}
        yield Turn(at=begin, flags=now, is_remembered=is_remembered)
        yield Turn(at=begin + length, flags=then)
    if chance.random() < 0.5:
        yield Turn(at=chance.uniform(0.1, 0.9) * storm_seconds, flags={"instance_number": 1})


def _faults(chance: Random) -> FaultPlan:
    """Plan a bad day, worse in some rounds than in others."""
    share = chance.choice([0.0, 0.02, 0.06])
    lost = chance.choice([0.0, 0.1, 0.3])
    rules: list[dict[str, object]] = [
        {"kind": "respond", "status": 500, "match": _API},
        {"kind": "respond", "status": 502},
        {"kind": "respond", "status": 503, "match": _API},
        {"kind": "respond", "status": 400, "match": "/query"},
        {"kind": "respond", "status": 403, "match": _API, "most": 1},
        {"kind": "drop"},
        {"kind": "drop_response", "match": _API},
        {"kind": "cut", "match": _API},
        {"kind": "truncate", "match": _API},
        {"kind": "drip", "match": _API, "delay_ms": 300},
        {"kind": "delay", "jitter_ms": 200},
        {"kind": "expire_tokens", "match": _API},
    ]
    losses = ({"kind": kind, "match": _TOKENS, "probability": lost} for kind in ("drop_response", "cut"))
    moods = {name: chance.choice([0.0, 0.2]) for name in ("late", "short_pages")}
    plan = {
        "seed": chance.randrange(1_000_000),
        "rules": [*losses, *(rule | {"probability": share} for rule in rules)],
        "index": moods | {"late_seconds": [0.2, MAX_LAG_SECONDS]},
    }
    return msgspec.convert(plan, FaultPlan)


SALESFORCE = SalesforceChaos()
