"""HubSpot's own values, which the made-up dataset uses and Salesforce must be able to present."""

from functools import cache
from importlib.resources import files

LIFECYCLE_STAGES = (
    "subscriber",
    "lead",
    "lead",
    "marketingqualifiedlead",
    "opportunity",
    "customer",
    "71234567",
    None,
)
DEAL_STAGES = (
    ("default", "appointmentscheduled"),
    ("default", "qualifiedtobuy"),
    ("default", "presentationscheduled"),
    ("default", "decisionmakerboughtin"),
    ("default", "contractsent"),
    ("default", "closedwon"),
    ("default", "closedlost"),
    ("84512001", "84512011"),
    ("84512001", "84512012"),
)
"""Pipeline and stage; the numbered ones are of a custom pipeline."""


@cache
def industries() -> tuple[tuple[str, str], ...]:
    """Return the options of a company's `industry`, as (value, label) in display order."""
    table = files("crm_sandbox.datasets").joinpath("hubspot_industries.tsv")
    lines = table.read_text(encoding="utf-8").splitlines()
    return tuple((value, label) for value, _, label in (line.partition("\t") for line in lines))
