"""What a process runs with: each field of `Settings` is the variable `ASTRELO_<FIELD>`.

The parsing, the table in the README and its test all read these fields.
"""

import base64
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from astrelo.application.webhook_endpoints.target_url import TargetPolicy
from astrelo.bootstrap.settings import values
from astrelo.domain.schedule import SyncPolicy

PREFIX = "ASTRELO_"
MAX_PORT = values.MAX_PORT


class Environment(StrEnum):
    DEVELOPMENT = "development"
    PRODUCTION = "production"


class LogFormat(StrEnum):
    CONSOLE = "console"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Readme:
    """What the README's table of settings says of a field besides its description."""

    default: str | None = None
    """Shown instead of the plain default."""
    required_in_production: bool = False


_ANY_CASE = BeforeValidator(str.lower)
_SECONDS = "number of seconds"
_Url = Annotated[str, AfterValidator(values.url)]


class Settings(BaseModel):
    """What a process runs with; immutable, and `repr` hides every secret.

    In development `database_url`, `state_dir`, the keys and the JWT secret may be missing here:
    bootstrap/development/secrets.py and database.py fill them in.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=str.upper, hide_input_in_errors=True
    )

    environment: Annotated[Environment, _ANY_CASE] = Field(
        Environment.DEVELOPMENT,
        description="`development` or `production`. In development missing secrets are made once and kept.",
    )
    database_url: Annotated[
        str | None,
        AfterValidator(values.database_url),
        Readme("an embedded server", required_in_production=True),
    ] = Field(
        None,
        repr=False,
        description="The PostgreSQL to use: `postgresql://user:password@host:port/database`.",
    )
    database_pool_size: int = Field(
        10, ge=4, le=500, description="Connections to PostgreSQL that a process may open."
    )
    state_dir: Annotated[Path | None, Readme("a folder of this clone's own, outside of it")] = Field(
        None, description="Where development keeps the embedded server's data, secrets and logs."
    )
    postgres_binaries: Annotated[Path | None, Readme("found by itself")] = Field(
        None, description="The `bin` folder of the PostgreSQL that the embedded server runs."
    )
    encryption_keys: Annotated[
        tuple[values.EncryptionKey, ...],
        BeforeValidator(values.keys),
        Readme("made once in development", required_in_production=True),
    ] = Field(
        (),
        repr=False,
        description="Keys for stored tokens, `id:base64,…`: the first encrypts, all decrypt.",
    )
    jwt_secret: Annotated[
        str | None,
        AfterValidator(values.secret),
        Readme("made once in development", required_in_production=True),
    ] = Field(
        None,
        repr=False,
        description=f"Signs and checks the callers' tokens (HS256), at least {values.MIN_SECRET_LENGTH} characters.",
    )
    host: Annotated[str, AfterValidator(values.address)] = Field(
        "127.0.0.1", description="Address the API listens on."
    )
    port: int = Field(8000, ge=1, le=MAX_PORT, description="Port the API listens on.")
    api_health_port: Annotated[int | None, Readme("not served")] = Field(
        None,
        ge=1,
        le=MAX_PORT,
        description="Port on which the API answers `/health/live` and `/health/ready`, besides its own.",
    )
    api_processes: int = Field(
        1, ge=1, le=64, description="Processes that serve the API, each with a pool of its own."
    )
    api_max_connections: int = Field(
        2_000, ge=10, le=100_000, description="Connections of clients that a process of the API holds."
    )
    api_max_connections_per_address: int = Field(
        100,
        ge=1,
        le=100_000,
        description="Of these, those of one address; of one client's requests behind a trusted proxy, those in progress.",
    )
    api_header_timeout: Annotated[float, _SECONDS] = Field(
        5, ge=0.1, le=600, description="Seconds in which a client must have sent a request's header fields."
    )
    api_body_timeout: Annotated[float, _SECONDS] = Field(
        15, ge=0.1, le=600, description="Seconds in which a client must have sent a request's body."
    )
    api_trusted_proxies: Annotated[
        tuple[IPv4Network | IPv6Network, ...], BeforeValidator(values.networks), Readme("none")
    ] = Field(
        (),
        description="Addresses or networks of the proxies before the API, separated by commas: their"
        " `X-Forwarded-For` is believed.",
    )
    public_url: Annotated[_Url, Readme("`http://HOST:PORT`", required_in_production=True)] = Field(
        default_factory=lambda given: f"http://{_reachable(given['host'])}:{given['port']}",
        description="The API as a browser reaches it; CRMs redirect to it.",
    )
    frontend_url: Annotated[_Url, Readme("the public URL", required_in_production=True)] = Field(
        default_factory=lambda given: given["public_url"],
        description="The product's frontend, where connecting ends (`/app?…`).",
    )
    cors_origins: Annotated[
        tuple[str, ...], BeforeValidator(values.origins), Readme("the frontend's origin")
    ] = Field(
        default_factory=lambda given: (
            urlsplit(given["frontend_url"])._replace(path="", query="", fragment="").geturl(),
        ),
        description="Origins that may call the API from a browser, separated by commas.",
    )
    hubspot_client_id: Annotated[str | None, Readme("none")] = Field(
        None, description="Client id of our HubSpot app. Without it HubSpot is not offered."
    )
    hubspot_client_secret: Annotated[str | None, Readme("none")] = Field(
        None, repr=False, description="Client secret of our HubSpot app."
    )
    hubspot_authorize_url: _Url = Field(
        "https://app.hubspot.com", description="Where HubSpot asks its users for consent."
    )
    hubspot_api_url: _Url = Field("https://api.hubapi.com", description="HubSpot's API.")
    salesforce_client_id: Annotated[str | None, Readme("none")] = Field(
        None, description="Client id of our Salesforce app. Without it Salesforce is not offered."
    )
    salesforce_client_secret: Annotated[str | None, Readme("none")] = Field(
        None, repr=False, description="Client secret of our Salesforce app."
    )
    salesforce_login_url: _Url = Field(
        "https://login.salesforce.com",
        description="Where users of Salesforce sign in who name no host of their own.",
    )
    salesforce_bulk_threshold: int = Field(
        50_000,
        ge=1,
        le=100_000_000,
        description="Records of a type from which on an org is read by a bulk job.",
    )
    salesforce_daily_share: float = Field(
        0.8,
        ge=0,
        le=1,
        description="The share of an org's daily API requests, 0 to 1, after whose use by anyone a sync waits.",
    )
    console: Literal["0", "1"] = Field(
        "0",
        description="`1`: serves the page at `/app` read-only, to support engineers who open a link that the product's"
        " backend asks for ([docs/console.md](docs/console.md)).",
    )
    worker_concurrency: int = Field(
        4, ge=1, le=100, description="Sync runs that one worker process works on at a time."
    )
    feed_retention_days: int = Field(
        30,
        ge=1,
        le=3650,
        description="Days for which the change feed keeps changes and deletions; a cursor from before expires.",
    )
    run_retention_days: int = Field(
        90,
        ge=1,
        le=3650,
        description="Days for which syncs that changed something are kept, with their reports.",
    )
    idle_run_retention_days: int = Field(
        7,
        ge=1,
        le=3650,
        description="Days for which syncs that found everything as it was are kept; then only their number a day is.",
    )
    worker_heartbeat: Annotated[float, _SECONDS] = Field(
        30,
        ge=1,
        le=3600,
        description="Seconds without a sign of life after which another worker takes a run over.",
    )
    worker_poll: Annotated[float, _SECONDS] = Field(
        1,
        ge=0.05,
        le=2,
        description="Seconds between looks at the queue when no notification comes.",
    )
    worker_health_port: Annotated[int | None, Readme("not served")] = Field(
        None,
        ge=1,
        le=MAX_PORT,
        description="Port on which a worker answers `/health/live` and `/health/ready`.",
    )
    sync_every: Annotated[float, _SECONDS] = Field(
        900, ge=10, le=86_400, description="Seconds between incremental syncs of a connection."
    )
    sync_full_every: Annotated[float, _SECONDS] = Field(
        86_400,
        ge=60,
        le=30 * 86_400,
        description="Seconds between full syncs, which also find deletions and changed associations.",
    )
    sync_settle_delay: Annotated[float, _SECONDS] = Field(
        3600,
        ge=0,
        le=86_400,
        description="Seconds by which a CRM's search may publish late: windows overlap by them.",
    )
    sync_slice: Annotated[float, _SECONDS] = Field(
        60,
        ge=1,
        le=3600,
        description="Seconds after which a run lets others have its worker for a while.",
    )
    sync_max_deletion_ratio: float = Field(
        0.25,
        ge=0,
        le=1,
        description="The largest share of an object type's records that is believed to be gone at once, 0 to 1.",
    )
    webhook_concurrency: int = Field(
        8,
        ge=2,
        le=100,
        description="Webhook deliveries that one worker process makes at a time, beside syncs.",
    )
    webhook_allow_loopback: Annotated[Literal["0", "1"], Readme("`0`; refused in production")] = Field(
        "0", description="`1`: webhook endpoints may be on this machine, on any port."
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], _ANY_CASE] = Field(
        "info", description="`debug`, `info`, `warning` or `error`."
    )
    log_format: Annotated[LogFormat, _ANY_CASE, Readme("`json` in production, `console` otherwise")] = Field(
        default_factory=lambda given: (
            LogFormat.JSON if given["environment"] is Environment.PRODUCTION else LogFormat.CONSOLE
        ),
        description="`console` or `json`.",
    )

    @property
    def is_production(self) -> bool:
        return self.environment is Environment.PRODUCTION

    @property
    def sync(self) -> SyncPolicy:
        return SyncPolicy(
            incremental_every=timedelta(seconds=self.sync_every),
            full_every=timedelta(seconds=self.sync_full_every),
            settle_delay=timedelta(seconds=self.sync_settle_delay),
            slice_length=timedelta(seconds=self.sync_slice),
            max_deletion_ratio=self.sync_max_deletion_ratio,
        )

    @property
    def webhook_targets(self) -> TargetPolicy:
        return TargetPolicy(
            allow_http=not self.is_production, allow_loopback=self.webhook_allow_loopback == "1"
        )

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every secret value, so that a log can be searched for them."""
        keys = [base64.b64encode(key.key).decode() for key in self.encryption_keys]
        others = (self.jwt_secret, self.hubspot_client_secret, self.salesforce_client_secret)
        return tuple(secret for secret in (*others, *keys) if secret)


def _reachable(host: str) -> str:
    """Return a host that a browser can open for one that a server listens on."""
    return "localhost" if host in {"0.0.0.0", "::"} else f"[{host}]" if ":" in host else host  # noqa: S104 - compared, not bound
