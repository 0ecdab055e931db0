"""The processes of a demo: embedded PostgreSQL, sandboxes, API and worker, started together, ended together."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from astrelo.bootstrap.development.database import embedded_server
from astrelo.bootstrap.development.demo.crms import DemoCrm
from astrelo.bootstrap.development.embedded_postgres import EmbeddedPostgres
from astrelo.bootstrap.development.processes import Children, usual_ports
from astrelo.bootstrap.development.secrets import complete_settings
from astrelo.bootstrap.development.state_dir import hold_demo_lock
from astrelo.bootstrap.problems import Problem
from astrelo.bootstrap.settings import PREFIX, Settings, parse_settings
from astrelo.domain.identifiers import Provider

_HOST = "127.0.0.1"
_KEPT = ("STATE_DIR", "POSTGRES_BINARIES", "LOG_LEVEL", "LOG_FORMAT")
"""What of the caller's own settings holds for a demo; above all not a database that means something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningSandbox:
    """A CRM, and the sandbox that simulates it."""

    crm: DemoCrm
    port: int

    @property
    def url(self) -> str:
        return f"http://{_HOST}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A demo that is up (or coming up): where everything is."""

    settings: Settings
    database: EmbeddedPostgres
    children: Children
    api_url: str
    sandboxes: Sequence[RunningSandbox]
    logs: Path

    def check(self) -> None:
        """Raise Problem for the first part that has ended."""
        self.children.check()
        if self.database.has_ended():
            raise Problem(f"The embedded PostgreSQL ended. Its log is {self.database.log}.")


@contextmanager
def start_stage(
    crms: Sequence[DemoCrm], dataset: Path | None, companies: int, environ: Mapping[str, str]
) -> Iterator[Stage]:
    """Start everything, and stop it when the block ends, in the reverse order.

    Every CRM holds the same dataset. Returns before the servers respond. Enter it in the main thread. Raises
    Problem when another demo of this clone runs, or a worker by itself: it would take our jobs.
    """
    kept = {name: value for name, value in environ.items() if name in {PREFIX + suffix for suffix in _KEPT}}
    settings = complete_settings(parse_settings(kept))
    if settings.state_dir is None:
        raise Problem("A demo needs a state folder.")
    logs = settings.state_dir / "logs"
    with hold_demo_lock(settings.state_dir), embedded_server(settings) as server, Children() as children:
        if not server.owned:
            raise Problem(
                "Another process of this clone (astrelo serve or worker) uses its PostgreSQL. Stop it, "
                f"or give the demo a folder of its own: {PREFIX}STATE_DIR=/some/folder."
            )
        # An org's address is kept with its connection, and a due sync may ask there before anyone connects again.
        api_port, *crm_ports = usual_ports(str(settings.state_dir), 1 + len(Provider))
        port_of = dict(zip(Provider, crm_ports, strict=True))
        stage = Stage(
            settings=settings.model_copy(update={"port": api_port, "database_url": server.dsn}),
            database=server,
            children=children,
            api_url=f"http://{_HOST}:{api_port}",
            sandboxes=[RunningSandbox(crm=crm, port=port_of[crm.provider]) for crm in crms],
            logs=logs,
        )
        size = ["--companies", str(companies)] if dataset is None else ["--dataset", str(dataset.resolve())]
        child_environ = _child_environ(stage, environ, kept)
        for sandbox in stage.sandboxes:
            arguments = ["--crm", sandbox.crm.provider, "--port", str(sandbox.port), *size]
            log = logs / f"sandbox-{sandbox.crm.provider}.log"
            name = f"{sandbox.crm.provider.label} sandbox"
            children.start(name, arguments, child_environ, log, "crm_sandbox")
        children.start("API", ["serve"], child_environ, logs / "api.log")
        children.start("worker", ["worker"], child_environ, logs / "worker.log")
        yield stage


def _child_environ(stage: Stage, environ: Mapping[str, str], kept: Mapping[str, str]) -> dict[str, str]:
    foreign = {name: value for name, value in environ.items() if not name.startswith(PREFIX)}
    ours = {
        "DATABASE_URL": stage.settings.database_url or "",
        "STATE_DIR": str(stage.settings.state_dir),
        "HOST": _HOST,
        "PORT": str(stage.settings.port),
        "PUBLIC_URL": stage.api_url,
        "WEBHOOK_ALLOW_LOOPBACK": "1",  # a receiver that somebody tries out runs here as well
    }
    for sandbox in stage.sandboxes:
        ours |= sandbox.crm.settings(sandbox.url)
    # Output goes to files: no colours there, and each line at once.
    plain = {"PYTHONUNBUFFERED": "1", "NO_COLOR": "1"}
    return {**foreign, **kept, **plain, **{PREFIX + name: value for name, value in ours.items()}}
