"""The `crm-sandbox` command."""

import errno
import re
from pathlib import Path
from urllib.parse import urlsplit

import click
from click.core import ParameterSource

from crm_sandbox.cli.serving import Crm, Options, Registration, build_sandbox, run_sandbox
from crm_sandbox.datasets import DatasetError
from crm_sandbox.faults.plan import FaultPlanError

_CRMS = click.Choice(["hubspot", "salesforce"])
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
"""RFC 6749, section 3.3."""


def _reject_beside_dataset(context: click.Context, option: click.Parameter, companies: int) -> int:
    given = context.get_parameter_source(option.name or "") is not ParameterSource.DEFAULT
    if given and context.params.get("dataset") is not None:
        raise click.UsageError(
            "--companies is the size of an account that is made up, --dataset brings one as it is: "
            "leave one of them out."
        )
    return companies


def _require_text(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    if value is not None and not value.strip():
        raise click.BadParameter("it is empty.")
    return value


def _check_redirect_uris(
    _context: click.Context, _option: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    for value in values:
        if not _is_absolute_uri(value):
            raise click.BadParameter(
                f"{value!r} is no absolute URI without a fragment, such as http://localhost:3000/callback; "
                "a port written as :* stands for any."
            )
    return values


def _is_absolute_uri(uri: str) -> bool:
    try:
        parts = urlsplit(uri.replace(":*", "", 1))
        _ = parts.port  # read for its ValueError
    except ValueError:
        return False
    whole = bool(parts.scheme and (parts.netloc or parts.path))
    return whole and not parts.fragment and re.search(r"\s", uri) is None


def _parse_scopes(_context: click.Context, _option: click.Parameter, value: str | None) -> tuple[str, ...]:
    if value is None:
        return ()
    scopes = tuple(dict.fromkeys(value.replace(",", " ").split()))
    if not scopes or not all(map(_SCOPE.fullmatch, scopes)):
        raise click.BadParameter(f"{value!r} is no list of scopes: write them with spaces or commas between.")
    return scopes


def _choose_crm(argument: Crm | None, option: Crm | None, *, person_accounts: bool) -> Crm:
    if argument and option and argument != option:
        raise click.UsageError(f"The CRM is {argument} and --crm says {option}: leave one of them out.")
    crm = argument or option or "hubspot"
    if person_accounts and crm != "salesforce":
        raise click.UsageError("--person-accounts is for Salesforce: HubSpot has none.")
    return crm


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="crm-sandbox", prog_name="crm-sandbox")
@click.argument("crm", type=_CRMS, required=False, metavar="[hubspot|salesforce]")
@click.option("--crm", "crm_option", type=_CRMS, help="Which CRM to simulate; hubspot unless said.")
@click.option(
    "--host", default="127.0.0.1", show_default=True, callback=_require_text, help="Address to listen on."
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8010,
    show_default=True,
    help="Port to listen on; 0 takes a free one.",
)
@click.option("--tls", is_flag=True, help="Serve HTTPS with a certificate made for localhost and 127.0.0.1.")
@click.option(
    "--client-id", callback=_require_text, help="Register an app of this id instead of the sandbox's own."
)
@click.option("--client-secret", callback=_require_text, help="The app's secret.")
@click.option(
    "--redirect-uri",
    "redirect_uris",
    multiple=True,
    callback=_check_redirect_uris,
    help="Where the app waits for its authorization codes; may be given several times.",
)
@click.option(
    "--scopes",
    callback=_parse_scopes,
    help='The app\'s scopes, as "oauth crm.objects.contacts.read". HubSpot: those that every authorization asks for; '
    "Salesforce: those that it may ask for.",
)
@click.option(
    "--companies",
    type=click.IntRange(1, 1_000_000),
    default=500,
    show_default=True,
    callback=_reject_beside_dataset,
    help="How many companies a made-up account has.",
)
@click.option(
    "--dataset",
    "--portal",
    "dataset",
    type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path),
    is_eager=True,  # known when the size is looked at
    help="An account of JSON lines, gzipped or not, instead of a made-up one; Salesforce presents HubSpot's as an org.",
)
@click.option(
    "--latency-ms",
    type=click.IntRange(0, 60_000),
    default=0,
    show_default=True,
    help="Delay before each answer.",
)
@click.option(
    "--rate-limit/--no-rate-limit",
    default=True,
    show_default=True,
    help="Refuse requests beyond the CRM's limits.",
)
@click.option(
    "--fault-plan",
    type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path),
    help="A plan of faults as JSON, for a bad day.",
)
@click.option(
    "--person-accounts",
    is_flag=True,
    help="Salesforce: an org with person accounts, where contacts without a company buy for themselves.",
)
def cli(
    crm: Crm | None,
    crm_option: Crm | None,
    host: str,
    port: int,
    tls: bool,  # noqa: FBT001 - click passes flags by name
    client_id: str | None,
    client_secret: str | None,
    redirect_uris: tuple[str, ...],
    scopes: tuple[str, ...],
    companies: int,
    dataset: Path | None,
    latency_ms: int,
    rate_limit: bool,  # noqa: FBT001 - click passes flags by name
    fault_plan: Path | None,
    person_accounts: bool,  # noqa: FBT001 - click passes flags by name
) -> None:
    """Serve a strict, stateful HubSpot or Salesforce for development and tests.

    It needs no account and reaches nothing but who asks it. Stop it with Ctrl-C; nothing is kept.
    """
    options = Options(
        crm=_choose_crm(crm, crm_option, person_accounts=person_accounts),
        dataset=dataset,
        companies=companies,
        registration=Registration(
            client_id=client_id, client_secret=client_secret, redirect_uris=redirect_uris, scopes=scopes
        ),
        latency_ms=latency_ms,
        rate_limit=rate_limit,
        fault_plan=fault_plan,
        person_accounts=person_accounts,
        tls=tls,
    )
    try:
        run_sandbox(build_sandbox(options), host, port, tls=tls)
    except (DatasetError, FaultPlanError) as error:
        raise click.UsageError(str(error)) from error
    except UnicodeError as error:
        raise click.UsageError(f"{host!r} is the name of no host.") from error
    except OSError as error:
        raise _cannot_listen(host, port, error) from error


def main() -> None:
    """Run the command line; never returns. Exit codes: 0 stopped, 1 cannot listen, 2 wrong usage."""
    cli.main(prog_name="crm-sandbox")


def _cannot_listen(host: str, port: int, error: OSError) -> click.ClickException:
    if error.errno == errno.EADDRINUSE:
        return click.ClickException(
            f"Port {port} is taken. End what listens there, or choose another one: --port 0 takes a free one."
        )
    if error.errno == errno.EACCES:
        return click.ClickException(f"Port {port} is not for this user: choose one above 1023.")
    return click.UsageError(f"Nothing can listen on {host!r}, port {port}: {error.strerror or error}.")
