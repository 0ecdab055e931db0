"""Guards that refuse, before a handler runs, what it did not declare.

A misspelt filter that is dropped in silence shows the whole list as if it were filtered, so unknown,
repeated and unstorable query parameters are refused, and bodies that are not JSON.
"""

from collections import Counter
from datetime import datetime
from typing import Any

from litestar.connection import ASGIConnection
from litestar.enums import ParamType
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.params import ParameterKwarg
from litestar.typing import FieldDefinition

from astrelo.adapters.inbound.http import problem_kinds, problems
from astrelo.application import messages

OPEN_QUERY = "open_query"
"""The `opt` key of a route that ignores parameters it does not know, as RFC 6749 §4.1.2 asks of a callback."""

_SHOWN_NAME = 100

Connection = ASGIConnection[Any, Any, Any, Any]


def strict_body(connection: Connection, handler: BaseRouteHandler) -> None:
    """Refuse a body that does not say it is JSON: other sites' forms can send every other kind unasked."""
    if "data" not in handler.parsed_fn_signature.parameters:
        return
    media_type = connection.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise problems.HttpError(problem_kinds.UNSUPPORTED_MEDIA_TYPE, messages.JSON_ONLY)


def strict_query(connection: Connection, handler: BaseRouteHandler) -> None:
    """Refuse parameters that the handler does not declare, gets twice, or could not store."""
    if not isinstance(handler, HTTPRouteHandler) or handler.opt.get(OPEN_QUERY):
        return
    given = list(connection.query_params.multi_items())
    known = query_parameters(handler)
    unknown = [name for name, _ in given if name not in known]
    if unknown:
        names = ", ".join(sorted(known))
        happened = messages.KNOWN_PARAMETERS.format(names=names) if known else messages.NO_PARAMETERS
        raise problems.HttpError(
            problem_kinds.UNKNOWN_PARAMETER, happened, fields=_errors(unknown, messages.IS_UNKNOWN)
        )
    repeated = [name for name, times in Counter(name for name, _ in given).items() if times > 1]
    if repeated:
        errors = _errors(repeated, messages.IS_REPEATED)
        raise problems.HttpError(problem_kinds.INVALID_INPUT, messages.PARAMETER_REPEATED, fields=errors)
    unusable = [name for name, value in given if not _is_usable(value, known[name])]
    if unusable:
        errors = _errors(unusable, messages.IS_UNUSABLE)
        raise problems.HttpError(problem_kinds.INVALID_INPUT, messages.VALUE_UNUSABLE, fields=errors)


def query_parameters(handler: HTTPRouteHandler) -> dict[str, FieldDefinition]:
    return {
        definition.name or name: parameter
        for name, parameter in handler.parsed_fn_signature.parameters.items()
        if not parameter.is_di_field
        and isinstance(definition := parameter.kwarg_definition, ParameterKwarg)
        and definition.param_type is ParamType.QUERY
    }


def _is_usable(value: str, parameter: FieldDefinition) -> bool:
    """Return whether a value can be stored, and is one at all.

    The decoder reads the word null as "not given" unless text is asked for, and a year alone as seconds
    since 1970: a filter would fall away.
    """
    if "\0" in value:
        return False
    kinds = {kind.annotation for kind in (parameter, *parameter.inner_types)}
    if datetime in kinds and not value[:5].endswith("-"):
        return False
    return str in kinds or value.lower() != "null"


def _errors(names: list[str], reason: str) -> list[problems.FieldError]:
    return [problems.FieldError(field=name[:_SHOWN_NAME], reason=reason) for name in dict.fromkeys(names)]
