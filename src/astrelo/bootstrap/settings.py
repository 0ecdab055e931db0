"""Everything that can be set, parsed once from the environment.

`VARIABLES` is the one list: parsing, the table in the README and its test all read it.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from astrelo.domain.schedule import SyncPolicy

PREFIX = "ASTRELO_"
KEY_BYTES = 32
MIN_SECRET_LENGTH = 32
"""HS256 needs a key of at least 256 bits (RFC 7518 §3.2)."""
_HIGHEST_PORT = 65535
_HOST = re.compile(r"(?:\[[\da-fA-F:.]+\]|[^:\[\]]*)(?::(?P<port>\d{1,5}))?", re.ASCII)


class Environment(StrEnum):
    DEVELOPMENT = "development"
    PRODUCTION = "production"


class LogFormat(StrEnum):
    CONSOLE = "console"
    JSON = "json"


class EncryptionKey(NamedTuple):
    """An AES-256 key for stored tokens; `key_id` is written beside what it encrypts."""

    key_id: str
    key: bytes

    def __repr__(self) -> str:
        return f"EncryptionKey({self.key_id!r}, …)"


@dataclass(frozen=True, slots=True, kw_only=True)
class HubSpotApp:
    """Our app's credentials at HubSpot, and where HubSpot is (the sandbox in development)."""

    client_id: str
    client_secret: str = field(repr=False)
    authorize_url: str
    api_url: str


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
    bootstrap/development.py fills them in.
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
        app = [self.hubspot.client_secret] if self.hubspot else []
        return tuple(secret for secret in (self.jwt_secret, *keys, *app) if secret)


class WrongSetting(NamedTuple):
    variable: str
    reason: str


class InvalidSettings(Exception):
    """The environment cannot be used; lists everything that is wrong with it, never a secret's value."""

    def __init__(self, problems: Sequence[WrongSetting]) -> None:
        lines = "".join(f"\n  {problem.variable}: {problem.reason}" for problem in problems)
        super().__init__(f"The settings in the environment cannot be used:{lines}")
        self.problems = tuple(problems)


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


def _text(value: str) -> str:
    return value


def _url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise ValueError("must be an http or https URL")
    if parts.query or parts.fragment or parts.username is not None:
        raise ValueError("must be a URL without user, query and fragment")
    return value.rstrip("/")


def _origins(value: str) -> tuple[str, ...]:
    origins = tuple(_url(part.strip()) for part in value.split(",") if part.strip())
    if any(urlsplit(origin).path for origin in origins):
        raise ValueError(
            "must be origins such as https://app.example.com, separated by commas, without a path"
        )
    return origins


def _database_url(value: str) -> str:
    """Refuse what urlsplit takes apart elsewhere than its author: the rest of a password would be shown."""
    form = (
        "must be a URL of the form postgresql://user:password@host:port/database; "
        "in a password / is written as %2F, # as %23, ? as %3F and @ as %40"
    )
    try:
        parts = urlsplit(value)
    except ValueError:
        raise ValueError(form) from None
    hosts = parts.netloc.rpartition("@")[2].split(",")
    if (
        parts.scheme not in {"postgres", "postgresql"}
        or parts.fragment
        or parts.netloc.count("@") > 1
        or "@" in parts.path + parts.query
        or not all(_is_host(host) for host in hosts)
    ):
        raise ValueError(form)
    return value


def _is_host(text: str) -> bool:
    """Tell whether a text is a host, perhaps with a port; it may be empty."""
    match = _HOST.fullmatch(text)
    return match is not None and int(match["port"] or 0) <= _HIGHEST_PORT


def _keys(value: str) -> tuple[EncryptionKey, ...]:
    keys = tuple(_key(part.strip()) for part in value.split(",") if part.strip())
    if len({key.key_id for key in keys}) != len(keys):
        raise ValueError("has two keys with the same id; each needs its own")
    return keys


def _key(text: str) -> EncryptionKey:
    key_id, colon, encoded = text.partition(":")
    expected = f"must be a list 'id:key,…' with {KEY_BYTES} random bytes in base64 as each key"
    if not colon or not key_id.isascii() or not key_id.replace("-", "").replace("_", "").isalnum():
        raise ValueError(expected)
    try:
        key = base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise ValueError(expected) from error
    if len(key) != KEY_BYTES:
        raise ValueError(f"{expected}; '{key_id}' has {len(key)} bytes")
    return EncryptionKey(key_id, key)


def _secret(value: str) -> str:
    if len(value) < MIN_SECRET_LENGTH:
        raise ValueError(f"must have at least {MIN_SECRET_LENGTH} characters; it has {len(value)}")
    return value


def _whole(least: int, most: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        if not value.isdecimal() or not least <= int(value) <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return int(value)

    return parse


def _seconds(least: float, most: float) -> Callable[[str], float]:
    def parse(value: str) -> float:
        allowed = f"must be a number of seconds from {least:g} to {most:g}"
        try:
            seconds = float(value)
        except ValueError as error:
            raise ValueError(allowed) from error
        if not least <= seconds <= most:
            raise ValueError(allowed)
        return seconds

    return parse


def _share(value: str) -> float:
    try:
        share = float(value)
    except ValueError as error:
        raise ValueError("must be a number from 0 to 1") from error
    if not 0 <= share <= 1:
        raise ValueError("must be a number from 0 to 1")
    return share


def _one_of(allowed: Sequence[str]) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if value.lower() not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return value.lower()

    return parse


VARIABLES: tuple[Variable, ...] = (
    Variable(
        name="ENVIRONMENT",
        meaning="`development` or `production`. In development missing secrets are made once and kept.",
        parse=_one_of([str(environment) for environment in Environment]),
        default="development",
    ),
    Variable(
        name="DATABASE_URL",
        meaning="The PostgreSQL to use: `postgresql://user:password@host:port/database`.",
        parse=_database_url,
        shown_default="an embedded server",
        required_in_production=True,
    ),
    Variable(
        name="DATABASE_POOL_SIZE",
        meaning="Connections to PostgreSQL that a process may open.",
        parse=_whole(4, 500),
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
        parse=_keys,
        shown_default="made once in development",
        required_in_production=True,
    ),
    Variable(
        name="JWT_SECRET",
        meaning=f"Signs and checks the callers' tokens (HS256), at least {MIN_SECRET_LENGTH} characters.",
        parse=_secret,
        shown_default="made once in development",
        required_in_production=True,
    ),
    Variable(name="HOST", meaning="Address the API listens on.", parse=_text, default="127.0.0.1"),
    Variable(name="PORT", meaning="Port the API listens on.", parse=_whole(1, _HIGHEST_PORT), default="8000"),
    Variable(
        name="PUBLIC_URL",
        meaning="The API as a browser reaches it; CRMs redirect to it.",
        parse=_url,
        shown_default="`http://HOST:PORT`",
        required_in_production=True,
    ),
    Variable(
        name="FRONTEND_URL",
        meaning="The product's frontend, where connecting ends (`/app?…`).",
        parse=_url,
        shown_default="the public URL",
        required_in_production=True,
    ),
    Variable(
        name="CORS_ORIGINS",
        meaning="Origins that may call the API from a browser, separated by commas.",
        parse=_origins,
        shown_default="the frontend's origin",
    ),
    Variable(
        name="HUBSPOT_CLIENT_ID",
        meaning="Client id of our HubSpot app. Without it HubSpot is not offered.",
        parse=_text,
        shown_default="none",
    ),
    Variable(
        name="HUBSPOT_CLIENT_SECRET",
        meaning="Client secret of our HubSpot app.",
        parse=_text,
        shown_default="none",
    ),
    Variable(
        name="HUBSPOT_AUTHORIZE_URL",
        meaning="Where HubSpot asks its users for consent.",
        parse=_url,
        default="https://app.hubspot.com",
    ),
    Variable(
        name="HUBSPOT_API_URL",
        meaning="HubSpot's API.",
        parse=_url,
        default="https://api.hubapi.com",
    ),
    Variable(
        name="WORKER_CONCURRENCY",
        meaning="Sync runs that one worker process works on at a time.",
        parse=_whole(1, 100),
        default="4",
    ),
    Variable(
        name="WORKER_HEARTBEAT",
        meaning="Seconds without a sign of life after which another worker takes a run over.",
        parse=_seconds(1, 3600),
        default="30",
    ),
    Variable(
        name="WORKER_POLL",
        meaning="Seconds between looks at the queue when no notification comes.",
        parse=_seconds(0.05, 2),
        default="1",
    ),
    Variable(
        name="WORKER_HEALTH_PORT",
        meaning="Port on which a worker answers `/health/live` and `/health/ready`.",
        parse=_whole(1, _HIGHEST_PORT),
        shown_default="not served",
    ),
    Variable(
        name="SYNC_EVERY",
        meaning="Seconds between incremental syncs of a connection.",
        parse=_seconds(10, 86_400),
        default="900",
    ),
    Variable(
        name="SYNC_FULL_EVERY",
        meaning="Seconds between full syncs, which also find deletions and changed associations.",
        parse=_seconds(60, 30 * 86_400),
        default="86400",
    ),
    Variable(
        name="SYNC_SETTLE_DELAY",
        meaning="Seconds by which a CRM's search may publish late: windows overlap by them.",
        parse=_seconds(0, 86_400),
        default="3600",
    ),
    Variable(
        name="SYNC_SLICE",
        meaning="Seconds after which a run lets others have its worker for a while.",
        parse=_seconds(1, 3600),
        default="60",
    ),
    Variable(
        name="SYNC_MOST_DELETIONS",
        meaning="The largest share of an object type's records that is believed to be gone at once, 0 to 1.",
        parse=_share,
        default="0.25",
    ),
    Variable(
        name="LOG_LEVEL",
        meaning="`debug`, `info`, `warning` or `error`.",
        parse=_one_of(["debug", "info", "warning", "error"]),
        default="info",
    ),
    Variable(
        name="LOG_FORMAT",
        meaning="`console` or `json`.",
        parse=_one_of([str(log_format) for log_format in LogFormat]),
        shown_default="`json` in production, `console` otherwise",
    ),
)


def parse_settings(environ: Mapping[str, str]) -> Settings:
    """Read every `ASTRELO_…` variable; an empty one counts as not set.

    Raises InvalidSettings with all problems at once, misspelt names included.
    """
    problems = _unknown_names(environ)
    values = {variable.name: _parsed(variable, environ, problems) for variable in VARIABLES}
    problems += _incomplete(values)
    if problems:
        raise InvalidSettings(problems)
    return _assembled(values)


def settings_table() -> str:
    """Return the README's table of settings, in Markdown."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for variable in VARIABLES:
        default = variable.shown_default or f"`{variable.default}`"
        required = "; required in production" if variable.required_in_production else ""
        rows.append(f"| `{variable.full_name}` | {default}{required} | {variable.meaning} |")
    return "\n".join(rows)


def _unknown_names(environ: Mapping[str, str]) -> list[WrongSetting]:
    known = {variable.full_name for variable in VARIABLES}
    strangers = sorted(
        name
        for name in environ
        if name.startswith(PREFIX) and name not in known and not name.startswith(f"{PREFIX}TEST_")
    )
    return [
        WrongSetting(name, "is not a setting of Astrelo; see the table in the README") for name in strangers
    ]


def _parsed(variable: Variable, environ: Mapping[str, str], problems: list[WrongSetting]) -> Any:  # noqa: ANN401 - each variable has its own type; _assembled knows them
    text = environ.get(variable.full_name, "").strip() or variable.default
    if text is None:
        return None
    try:
        return variable.parse(text)
    except ValueError as error:
        problems.append(WrongSetting(variable.full_name, str(error)))
        return None


def _incomplete(values: Mapping[str, Any]) -> list[WrongSetting]:
    problems = []
    if values["ENVIRONMENT"] == Environment.PRODUCTION:
        problems += [
            WrongSetting(variable.full_name, "is required in production")
            for variable in VARIABLES
            if variable.required_in_production and not values[variable.name]
        ]
    for one, other in (("CLIENT_ID", "CLIENT_SECRET"), ("CLIENT_SECRET", "CLIENT_ID")):
        if values[f"HUBSPOT_{one}"] and not values[f"HUBSPOT_{other}"]:
            reason = f"is missing, but {PREFIX}HUBSPOT_{one} is set; HubSpot needs both"
            problems.append(WrongSetting(f"{PREFIX}HUBSPOT_{other}", reason))
    return problems


def _assembled(values: Mapping[str, Any]) -> Settings:
    environment = Environment(values["ENVIRONMENT"])
    public_url = values["PUBLIC_URL"] or f"http://{_reachable(values['HOST'])}:{values['PORT']}"
    frontend_url = values["FRONTEND_URL"] or public_url
    by_default = LogFormat.JSON if environment is Environment.PRODUCTION else LogFormat.CONSOLE
    return Settings(
        environment=environment,
        database_url=values["DATABASE_URL"],
        database_pool_size=values["DATABASE_POOL_SIZE"],
        state_dir=values["STATE_DIR"],
        postgres_binaries=values["POSTGRES_BINARIES"],
        encryption_keys=values["ENCRYPTION_KEYS"] or (),
        jwt_secret=values["JWT_SECRET"],
        host=values["HOST"],
        port=values["PORT"],
        public_url=public_url,
        frontend_url=frontend_url,
        cors_origins=values["CORS_ORIGINS"] or (_origin(frontend_url),),
        hubspot=_hubspot(values),
        worker=WorkerSettings(
            concurrency=values["WORKER_CONCURRENCY"],
            heartbeat_seconds=values["WORKER_HEARTBEAT"],
            poll_seconds=values["WORKER_POLL"],
            health_port=values["WORKER_HEALTH_PORT"],
        ),
        sync=SyncPolicy(
            incremental_every=timedelta(seconds=values["SYNC_EVERY"]),
            full_every=timedelta(seconds=values["SYNC_FULL_EVERY"]),
            settle_delay=timedelta(seconds=values["SYNC_SETTLE_DELAY"]),
            slice_length=timedelta(seconds=values["SYNC_SLICE"]),
            most_deletions=values["SYNC_MOST_DELETIONS"],
        ),
        log_level=values["LOG_LEVEL"],
        log_format=LogFormat(values["LOG_FORMAT"] or by_default),
    )


def _hubspot(values: Mapping[str, Any]) -> HubSpotApp | None:
    if values["HUBSPOT_CLIENT_ID"] is None:
        return None
    return HubSpotApp(
        client_id=values["HUBSPOT_CLIENT_ID"],
        client_secret=values["HUBSPOT_CLIENT_SECRET"],
        authorize_url=values["HUBSPOT_AUTHORIZE_URL"],
        api_url=values["HUBSPOT_API_URL"],
    )


def _reachable(host: str) -> str:
    """Give a host that a browser can open for one that a server listens on."""
    return "localhost" if host in {"0.0.0.0", "::"} else f"[{host}]" if ":" in host else host  # noqa: S104 - compared, not bound


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
