"""The `astrelo` command. Each command imports what it needs when it runs: the worker stays lean."""
# ruff: noqa: PLC0415 - that is what the imports inside of functions are for

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn
from uuid import UUID

import click
from click.core import ParameterSource

from astrelo.domain.identifiers import Provider

_FAILED = 1
_WRONG_USAGE = 2
_COULD_NOT_COMPARE = 3
_INTERRUPTED = 130  # what shells report for SIGINT

_BOTH = "both"


def _only_without_portal(context: click.Context, option: click.Parameter, companies: int) -> int:
    given = context.get_parameter_source(option.name or "") is not ParameterSource.DEFAULT
    if given and context.params.get("portal") is not None:
        raise click.UsageError(
            "--companies is the size of a portal that is made up, --portal brings one as it is: leave one of them out."
        )
    return companies


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="astrelo", prog_name="astrelo")
def cli() -> None:
    """Astrelo's CRM integration: companies, contacts and deals from HubSpot and Salesforce.

    Settings come from the environment (ASTRELO_…); the README lists them.
    """


@cli.command()
@click.option(
    "--provider",
    type=click.Choice([*map(str, Provider), _BOTH]),
    default=str(Provider.HUBSPOT),
    show_default=True,
    help="The CRM to connect; both hold the same records.",
)
@click.option(
    "--companies",
    type=click.IntRange(1, 1_000_000),
    default=500,
    show_default=True,
    callback=_only_without_portal,
    help="Size of the portal that is made up.",
)
@click.option(
    "--portal",
    type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path),
    is_eager=True,  # known when the size is looked at
    help="A portal of JSON lines, gzipped or not, instead of a made-up one; Salesforce presents HubSpot's as an org.",
)
@click.option("--once", is_flag=True, help="Stop after the summary.")
@click.option("--json", "as_json", is_flag=True, help="Make the last line on stdout one JSON object.")
def demo(
    provider: str,
    companies: int,
    portal: Path | None,
    once: bool,  # noqa: FBT001 - click passes flags by name
    as_json: bool,  # noqa: FBT001 - click passes flags by name
) -> None:
    """Connect sandbox CRMs and watch them sync. Needs the package crm-sandbox.

    Starts PostgreSQL, a sandbox per CRM, the API and a worker, connects by OAuth as a browser would, and stays
    up until Ctrl-C. What is stored stays for the next time.
    """
    providers = tuple(Provider) if provider == _BOTH else (Provider(provider),)
    with _problems_for_people():
        from astrelo.bootstrap.development.demo.command import DemoOptions, run_demo

        options = DemoOptions(
            providers=providers, companies=companies, portal=portal, once=once, as_json=as_json
        )
        run_demo(options, _environment())


@cli.command()
def serve() -> None:
    """Serve the REST API. Brings the database's schema up to date first."""
    from astrelo.bootstrap.api import run_api
    from astrelo.bootstrap.startup import load_settings

    with _problems_for_people():
        run_api(load_settings(_environment()))


@cli.command()
def worker() -> None:
    """Run syncs. Start as many as you like, on as many machines."""
    from astrelo.bootstrap.startup import load_settings
    from astrelo.bootstrap.worker import run_worker

    with _problems_for_people():
        run_worker(load_settings(_environment()))


@cli.command()
@click.option(
    "--distribute",
    is_flag=True,
    help="Then spread the tables of tenants over the database's Citus cluster; again after each upgrade.",
)
def migrate(distribute: bool) -> None:  # noqa: FBT001 - click passes flags by name
    """Bring the database's schema up to date, and say what was applied."""
    from astrelo.bootstrap.database import run_distribution, run_migrations
    from astrelo.bootstrap.startup import load_settings

    with _problems_for_people():
        settings = load_settings(_environment())
        applied = run_migrations(settings)
        click.echo("\n".join(f"applied {name}" for name in applied) or "nothing to apply")
        if distribute:
            tables = run_distribution(settings)
            click.echo("\n".join(f"distributed {name}" for name in tables) or "nothing to distribute")


@cli.command()
@click.option(
    "--connection",
    type=click.UUID,
    required=True,
    help="Id of the connection, as GET /api/integrations has it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def verify(connection: UUID, as_json: bool) -> None:  # noqa: FBT001 - click passes flags by name
    """Compare a CRM with what is stored of it, record by record.

    Writes no records. Exit codes: 0 equal, 1 differences, 3 could not be compared, for instance because
    a sync of the account is running.
    """
    from astrelo.bootstrap import verify as verification
    from astrelo.bootstrap.startup import load_settings

    with _problems_for_people(failed=_COULD_NOT_COMPARE):
        compared = verification.run_verify(load_settings(_environment()), connection)
    click.echo(verification.as_json(compared) if as_json else verification.as_text(compared))
    sys.exit(0 if all(comparison.is_equal for comparison in compared) else _FAILED)


@cli.command()
@click.option("--user", type=click.UUID, required=True, help="The user the token speaks for.")
def token(user: UUID) -> None:
    """Print a development token for a user."""
    from astrelo.bootstrap.development.session_tokens import development_token
    from astrelo.bootstrap.startup import load_settings

    with _problems_for_people():
        click.echo(development_token(load_settings(_environment()), user))


def main() -> None:
    """Run the command line; never returns. Exit codes: 0 done, 1 failed, 2 wrong usage or settings, 130 Ctrl-C.

    `verify` has its own meaning for 1: see there.
    """
    cli.main(prog_name="astrelo")


def _environment() -> dict[str, str]:
    return dict(os.environ)  # noqa: TID251 - handed to the one parser


@contextmanager
def _problems_for_people(failed: int = _FAILED) -> Iterator[None]:
    """Turn problems of the machine or its settings into a sentence and an exit code, without a traceback."""
    from astrelo.bootstrap.problems import Problem
    from astrelo.bootstrap.settings import InvalidSettings

    try:
        yield
    except InvalidSettings as error:
        _fail(str(error), _WRONG_USAGE)
    except Problem as error:
        _fail(str(error), failed)
    except KeyboardInterrupt:
        _fail("Stopped.", _INTERRUPTED)


def _fail(message: str, code: int) -> NoReturn:
    click.echo(message, err=True)
    sys.exit(code)
