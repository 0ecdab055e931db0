"""The `crm-sandbox` command."""

from pathlib import Path

import click
from click.core import ParameterSource

from crm_sandbox.command import Crm, run_sandbox


def _only_without_portal(context: click.Context, option: click.Parameter, companies: int) -> int:
    given = context.get_parameter_source(option.name or "") is not ParameterSource.DEFAULT
    if given and context.params.get("portal") is not None:
        raise click.UsageError(
            "--companies is the size of an account that is made up, --portal brings one as it is: "
            "leave one of them out."
        )
    return companies


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="crm-sandbox", prog_name="crm-sandbox")
@click.option(
    "--crm",
    type=click.Choice(["hubspot", "salesforce"]),
    default="hubspot",
    show_default=True,
    help="Which CRM to simulate.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8010,
    show_default=True,
    help="Port to listen on; 0 takes a free one.",
)
@click.option(
    "--companies",
    type=click.IntRange(1, 1_000_000),
    default=500,
    show_default=True,
    callback=_only_without_portal,
    help="How many companies a made-up account has.",
)
@click.option(
    "--portal",
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
    help="Salesforce only: an org with person accounts, where contacts without a company buy for themselves.",
)
def cli(
    crm: Crm,
    port: int,
    portal: Path | None,
    companies: int,
    latency_ms: int,
    rate_limit: bool,  # noqa: FBT001 - click passes flags by name
    fault_plan: Path | None,
    person_accounts: bool,  # noqa: FBT001 - click passes flags by name
) -> None:
    """Serve a strict, stateful HubSpot or Salesforce for development and tests."""
    run_sandbox(
        port,
        portal,
        companies,
        latency_ms,
        crm=crm,
        rate_limit=rate_limit,
        fault_plan=fault_plan,
        person_accounts=person_accounts,
    )


def main() -> None:
    """Run the command line; never returns. Exit codes: 0 stopped, 1 failed, 2 wrong usage."""
    cli.main(prog_name="crm-sandbox")
