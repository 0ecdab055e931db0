"""HubSpot's industries: the words that a portal file tells them in."""

from functools import cache
from importlib.resources import files


@cache
def industries() -> tuple[tuple[str, str], ...]:
    """Return the options of a company's `industry`, as (value, label) in display order."""
    lines = files("astrelo.sandbox").joinpath("industries.tsv").read_text(encoding="utf-8").splitlines()
    return tuple((value, label) for value, _, label in (line.partition("\t") for line in lines))
