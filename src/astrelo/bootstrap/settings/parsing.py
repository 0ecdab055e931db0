"""Parse the environment into settings, and report all problems together."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from astrelo.bootstrap.settings.model import PREFIX, Environment, Readme, Settings
from astrelo.domain.identifiers import Provider

_VARIABLES = {name.upper(): field for name, field in Settings.model_fields.items()}


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
    given = {
        name.removeprefix(PREFIX): text.strip()
        for name, text in environ.items()
        if name.startswith(PREFIX) and not name.startswith(f"{PREFIX}TEST_") and text.strip()
    }
    garbled = [
        WrongSetting(ascii(f"{PREFIX}{name}")[1:-1], "must be text in UTF-8")
        for name, text in given.items()
        if any("\ud800" <= character <= "\udfff" for character in name + text)
    ]
    if garbled:
        raise InvalidSettings(garbled)
    missing = list(_find_missing(given))
    try:
        settings = Settings.model_validate(given)
    except ValidationError as error:
        # A default that was not made comes from something wrong, which is reported itself.
        wrong = [
            WrongSetting(f"{PREFIX}{detail['loc'][0]}", _reason(detail))
            for detail in error.errors(include_url=False, include_input=False)
            if detail["type"] != "default_factory_not_called"
        ]
        raise InvalidSettings([*missing, *wrong]) from None
    if problems := missing or list(_find_conflicts(settings)):
        raise InvalidSettings(problems)
    return settings


def _find_conflicts(settings: Settings) -> Iterator[WrongSetting]:
    api, frontend = urlsplit(settings.public_url), urlsplit(settings.frontend_url)
    if settings.is_production and settings.console == "1" and api[:2] == frontend[:2]:
        reason = f"needs a {PREFIX}PUBLIC_URL on a host of its own: at this one, /app is the frontend's"
        yield WrongSetting(f"{PREFIX}CONSOLE", reason)


def _find_missing(given: Mapping[str, str]) -> Iterator[WrongSetting]:
    if given.get("ENVIRONMENT", "").lower() == Environment.PRODUCTION:
        for name, field in _VARIABLES.items():
            if _readme(field).required_in_production and name not in given:
                yield WrongSetting(f"{PREFIX}{name}", "is required in production")
        if given.get("WEBHOOK_ALLOW_LOOPBACK", "0") != "0":
            yield WrongSetting(f"{PREFIX}WEBHOOK_ALLOW_LOOPBACK", "is for development only")
    for crm in Provider:
        for one, other in (("CLIENT_ID", "CLIENT_SECRET"), ("CLIENT_SECRET", "CLIENT_ID")):
            present, absent = f"{crm.name}_{one}", f"{crm.name}_{other}"
            if present in given and absent not in given:
                reason = f"is missing, but {PREFIX}{present} is set; {crm.label} needs both"
                yield WrongSetting(f"{PREFIX}{absent}", reason)


def _readme(field: FieldInfo) -> Readme:
    return next((mark for mark in field.metadata if isinstance(mark, Readme)), Readme())


def _reason(error: ErrorDetails) -> str:
    """Say what is allowed, without quoting the value: it may be a secret."""
    match error["type"]:
        case "extra_forbidden":
            return "is not a setting of Astrelo; see the table in the README"
        case "value_error":
            return str(error["ctx"]["error"])
        case "enum" | "literal_error":
            return f"must be {error['ctx']['expected']}"
    field = _VARIABLES[str(error["loc"][0])]
    lowest = next(mark.ge for mark in field.metadata if hasattr(mark, "ge"))
    highest = next(mark.le for mark in field.metadata if hasattr(mark, "le"))
    kind = next((mark for mark in field.metadata if isinstance(mark, str)), "number")
    if field.annotation in {int, int | None}:
        kind = "whole number"
    return f"must be a {kind} from {lowest} to {highest}"


def settings_table() -> str:
    """Return the README's table of settings, in Markdown."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in _VARIABLES.items():
        shown = _readme(field)
        default = shown.default or f"`{field.default}`"
        required = "; required in production" if shown.required_in_production else ""
        rows.append(f"| `{PREFIX}{name}` | {default}{required} | {field.description} |")
    return "\n".join(rows)
