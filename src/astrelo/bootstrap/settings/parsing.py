"""Parse the environment into settings, and report all problems together."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from astrelo.bootstrap.settings.model import (
    Environment,
    HubSpotApp,
    LogFormat,
    SalesforceApp,
    Settings,
    WorkerSettings,
)
from astrelo.bootstrap.settings.variables import PREFIX, VARIABLES, Variable
from astrelo.domain.identifiers import Provider
from astrelo.domain.schedule import SyncPolicy


class WrongSetting(NamedTuple):
    variable: str
    reason: str


class InvalidSettings(Exception):
    """The environment cannot be used; lists everything that is wrong with it, never a secret's value."""

    def __init__(self, problems: Sequence[WrongSetting]) -> None:
        lines = "".join(f"\n  {problem.variable}: {problem.reason}" for problem in problems)
        super().__init__(f"The settings in the environment cannot be used:{lines}")
        self.problems = tuple(problems)


def parse_settings(environ: Mapping[str, str]) -> Settings:
    """Read every `ASTRELO_…` variable; an empty one counts as not set.

    Raises InvalidSettings with all problems at once, misspelt names included.
    """
    problems = _find_unknown_names(environ)
    values = {variable.name: _parse(variable, environ, problems) for variable in VARIABLES}
    problems += _find_missing(values)
    if problems:
        raise InvalidSettings(problems)
    return _assemble(values)


def _find_unknown_names(environ: Mapping[str, str]) -> list[WrongSetting]:
    known = {variable.full_name for variable in VARIABLES}
    strangers = sorted(
        name
        for name in environ
        if name.startswith(PREFIX) and name not in known and not name.startswith(f"{PREFIX}TEST_")
    )
    return [
        WrongSetting(name, "is not a setting of Astrelo; see the table in the README") for name in strangers
    ]


def _parse(variable: Variable, environ: Mapping[str, str], problems: list[WrongSetting]) -> Any:  # noqa: ANN401 - each variable has its own type; _assemble knows them
    text = environ.get(variable.full_name, "").strip() or variable.default
    if text is None:
        return None
    try:
        return variable.parse(text)
    except ValueError as error:
        problems.append(WrongSetting(variable.full_name, str(error)))
        return None


def _find_missing(values: Mapping[str, Any]) -> list[WrongSetting]:
    problems = []
    if values["ENVIRONMENT"] == Environment.PRODUCTION:
        problems += [
            WrongSetting(variable.full_name, "is required in production")
            for variable in VARIABLES
            if variable.required_in_production and not values[variable.name]
        ]
    for crm in Provider:
        for one, other in (("CLIENT_ID", "CLIENT_SECRET"), ("CLIENT_SECRET", "CLIENT_ID")):
            present, absent = f"{crm.name}_{one}", f"{crm.name}_{other}"
            if values[present] and not values[absent]:
                reason = f"is missing, but {PREFIX}{present} is set; {crm.label} needs both"
                problems.append(WrongSetting(f"{PREFIX}{absent}", reason))
    return problems


def _assemble(values: Mapping[str, Any]) -> Settings:
    environment = Environment(values["ENVIRONMENT"])
    public_url = values["PUBLIC_URL"] or f"http://{_reachable(values['HOST'])}:{values['PORT']}"
    frontend_url = values["FRONTEND_URL"] or public_url
    frontend = urlsplit(frontend_url)
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
        cors_origins=values["CORS_ORIGINS"] or (f"{frontend.scheme}://{frontend.netloc}",),
        hubspot=_hubspot(values),
        salesforce=_salesforce(values),
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
            max_deletion_ratio=values["SYNC_MAX_DELETION_RATIO"],
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


def _salesforce(values: Mapping[str, Any]) -> SalesforceApp | None:
    if values["SALESFORCE_CLIENT_ID"] is None:
        return None
    return SalesforceApp(
        client_id=values["SALESFORCE_CLIENT_ID"],
        client_secret=values["SALESFORCE_CLIENT_SECRET"],
        login_url=values["SALESFORCE_LOGIN_URL"],
        bulk_threshold=values["SALESFORCE_BULK_THRESHOLD"],
        daily_share=values["SALESFORCE_DAILY_SHARE"],
    )


def _reachable(host: str) -> str:
    """Give a host that a browser can open for one that a server listens on."""
    return "localhost" if host in {"0.0.0.0", "::"} else f"[{host}]" if ":" in host else host  # noqa: S104 - compared, not bound
