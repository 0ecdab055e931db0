"""What a process runs with."""

import base64
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from astrelo.bootstrap.settings.values import EncryptionKey
from astrelo.domain.schedule import SyncPolicy


class Environment(StrEnum):
    DEVELOPMENT = "development"
    PRODUCTION = "production"


class LogFormat(StrEnum):
    CONSOLE = "console"
    JSON = "json"


@dataclass(frozen=True, slots=True, kw_only=True)
class HubSpotApp:
    """Our app's credentials at HubSpot, and where HubSpot is (the sandbox in development)."""

    client_id: str
    client_secret: str = field(repr=False)
    authorize_url: str
    api_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesforceApp:
    """Our app's credentials at Salesforce, where its users sign in, and how its orgs are read."""

    client_id: str
    client_secret: str = field(repr=False)
    login_url: str
    bulk_threshold: int
    daily_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    concurrency: int
    heartbeat_seconds: float
    """After this long without a sign of life another worker takes a job over."""
    poll_seconds: float
    health_port: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a process runs with. `repr` hides every secret.

    In development `database_url`, `state_dir`, the keys and the JWT secret may be missing here:
    bootstrap/development/secrets.py and database.py fill them in.
    """

    environment: Environment
    database_url: str | None = field(repr=False)
    database_pool_size: int
    state_dir: Path | None
    postgres_binaries: Path | None
    encryption_keys: tuple[EncryptionKey, ...] = field(repr=False)
    jwt_secret: str | None = field(repr=False)
    host: str
    port: int
    public_url: str
    frontend_url: str
    cors_origins: tuple[str, ...]
    hubspot: HubSpotApp | None
    salesforce: SalesforceApp | None
    worker: WorkerSettings
    sync: SyncPolicy
    log_level: str
    log_format: LogFormat

    @property
    def is_production(self) -> bool:
        return self.environment is Environment.PRODUCTION

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every secret value, so that a log can be searched for them."""
        keys = [base64.b64encode(key.key).decode() for key in self.encryption_keys]
        apps = [app.client_secret for app in (self.hubspot, self.salesforce) if app]
        return tuple(secret for secret in (self.jwt_secret, *keys, *apps) if secret)
