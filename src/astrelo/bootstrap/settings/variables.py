"""Every variable that can be set. The parsing, the table in the README and its test all read this one list."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from astrelo.bootstrap.settings.model import Environment, LogFormat
from astrelo.bootstrap.settings.values import (
    MAX_PORT,
    MIN_SECRET_LENGTH,
    database_url,
    keys,
    one_of,
    origins,
    seconds,
    secret,
    share,
    text,
    url,
    whole,
)

PREFIX = "ASTRELO_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One setting: how it is read, what holds without it, and what the README says about it.

    `parse` raises ValueError with a sentence about what is allowed, without quoting the value.
    """

    name: str
    meaning: str
    parse: Callable[[str], Any]
    default: str | None = None
    shown_default: str | None = None
    """What the README's table shows instead of the plain default."""
    required_in_production: bool = False

    @property
    def full_name(self) -> str:
        return PREFIX + self.name


VARIABLES: tuple[Variable, ...] = (
    Variable(
        name="ENVIRONMENT",
        meaning="`development` or `production`. In development missing secrets are made once and kept.",
        parse=one_of([str(environment) for environment in Environment]),
        default="development",
    ),
    Variable(
        name="DATABASE_URL",
        meaning="The PostgreSQL to use: `postgresql://user:password@host:port/database`.",
        parse=database_url,
        shown_default="an embedded server",
        required_in_production=True,
    ),
    Variable(
        name="DATABASE_POOL_SIZE",
        meaning="Connections to PostgreSQL that a process may open.",
        parse=whole(4, 500),
        default="10",
    ),
    Variable(
        name="STATE_DIR",
        meaning="Where development keeps the embedded server's data, secrets and logs.",
        parse=Path,
        shown_default="a folder of this clone's own, outside of it",
    ),
    Variable(
        name="POSTGRES_BINARIES",
        meaning="The `bin` folder of the PostgreSQL that the embedded server runs.",
        parse=Path,
        shown_default="found by itself",
    ),
    Variable(
        name="ENCRYPTION_KEYS",
        meaning="Keys for stored tokens, `id:base64,…`: the first encrypts, all decrypt.",
        parse=keys,
        shown_default="made once in development",
        required_in_production=True,
    ),
    Variable(
        name="JWT_SECRET",
        meaning=f"Signs and checks the callers' tokens (HS256), at least {MIN_SECRET_LENGTH} characters.",
        parse=secret,
        shown_default="made once in development",
        required_in_production=True,
    ),
    Variable(name="HOST", meaning="Address the API listens on.", parse=text, default="127.0.0.1"),
    Variable(name="PORT", meaning="Port the API listens on.", parse=whole(1, MAX_PORT), default="8000"),
    Variable(
        name="PUBLIC_URL",
        meaning="The API as a browser reaches it; CRMs redirect to it.",
        parse=url,
        shown_default="`http://HOST:PORT`",
        required_in_production=True,
    ),
    Variable(
        name="FRONTEND_URL",
        meaning="The product's frontend, where connecting ends (`/app?…`).",
        parse=url,
        shown_default="the public URL",
        required_in_production=True,
    ),
    Variable(
        name="CORS_ORIGINS",
        meaning="Origins that may call the API from a browser, separated by commas.",
        parse=origins,
        shown_default="the frontend's origin",
    ),
    Variable(
        name="HUBSPOT_CLIENT_ID",
        meaning="Client id of our HubSpot app. Without it HubSpot is not offered.",
        parse=text,
        shown_default="none",
    ),
    Variable(
        name="HUBSPOT_CLIENT_SECRET",
        meaning="Client secret of our HubSpot app.",
        parse=text,
        shown_default="none",
    ),
    Variable(
        name="HUBSPOT_AUTHORIZE_URL",
        meaning="Where HubSpot asks its users for consent.",
        parse=url,
        default="https://app.hubspot.com",
    ),
    Variable(
        name="HUBSPOT_API_URL",
        meaning="HubSpot's API.",
        parse=url,
        default="https://api.hubapi.com",
    ),
    Variable(
        name="SALESFORCE_CLIENT_ID",
        meaning="Client id of our Salesforce app. Without it Salesforce is not offered.",
        parse=text,
        shown_default="none",
    ),
    Variable(
        name="SALESFORCE_CLIENT_SECRET",
        meaning="Client secret of our Salesforce app.",
        parse=text,
        shown_default="none",
    ),
    Variable(
        name="SALESFORCE_LOGIN_URL",
        meaning="Where users of Salesforce sign in who name no host of their own.",
        parse=url,
        default="https://login.salesforce.com",
    ),
    Variable(
        name="SALESFORCE_BULK_THRESHOLD",
        meaning="Records of a type from which on an org is read by a bulk job.",
        parse=whole(1, 100_000_000),
        default="50000",
    ),
    Variable(
        name="SALESFORCE_DAILY_SHARE",
        meaning="The share of an org's daily API requests, 0 to 1, after whose use by anyone a sync waits.",
        parse=share,
        default="0.8",
    ),
    Variable(
        name="WORKER_CONCURRENCY",
        meaning="Sync runs that one worker process works on at a time.",
        parse=whole(1, 100),
        default="4",
    ),
    Variable(
        name="WORKER_HEARTBEAT",
        meaning="Seconds without a sign of life after which another worker takes a run over.",
        parse=seconds(1, 3600),
        default="30",
    ),
    Variable(
        name="WORKER_POLL",
        meaning="Seconds between looks at the queue when no notification comes.",
        parse=seconds(0.05, 2),
        default="1",
    ),
    Variable(
        name="WORKER_HEALTH_PORT",
        meaning="Port on which a worker answers `/health/live` and `/health/ready`.",
        parse=whole(1, MAX_PORT),
        shown_default="not served",
    ),
    Variable(
        name="SYNC_EVERY",
        meaning="Seconds between incremental syncs of a connection.",
        parse=seconds(10, 86_400),
        default="900",
    ),
    Variable(
        name="SYNC_FULL_EVERY",
        meaning="Seconds between full syncs, which also find deletions and changed associations.",
        parse=seconds(60, 30 * 86_400),
        default="86400",
    ),
    Variable(
        name="SYNC_SETTLE_DELAY",
        meaning="Seconds by which a CRM's search may publish late: windows overlap by them.",
        parse=seconds(0, 86_400),
        default="3600",
    ),
    Variable(
        name="SYNC_SLICE",
        meaning="Seconds after which a run lets others have its worker for a while.",
        parse=seconds(1, 3600),
        default="60",
    ),
    Variable(
        name="SYNC_MAX_DELETION_RATIO",
        meaning="The largest share of an object type's records that is believed to be gone at once, 0 to 1.",
        parse=share,
        default="0.25",
    ),
    Variable(
        name="LOG_LEVEL",
        meaning="`debug`, `info`, `warning` or `error`.",
        parse=one_of(["debug", "info", "warning", "error"]),
        default="info",
    ),
    Variable(
        name="LOG_FORMAT",
        meaning="`console` or `json`.",
        parse=one_of([str(log_format) for log_format in LogFormat]),
        shown_default="`json` in production, `console` otherwise",
    ),
)


def settings_table() -> str:
    """Return the README's table of settings, in Markdown."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for variable in VARIABLES:
        default = variable.shown_default or f"`{variable.default}`"
        required = "; required in production" if variable.required_in_production else ""
        rows.append(f"| `{variable.full_name}` | {default}{required} | {variable.meaning} |")
    return "\n".join(rows)
