"""Refuses, before a handler runs, what it did not declare.

A misspelt filter that is dropped in silence shows the whole list as if it were filtered, so unknown,
repeated and unstorable query parameters are refused, and bodies that are not JSON.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple, Self

from litestar.connection import ASGIConnection
from litestar.enums import ParamType
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.params import ParameterKwarg
from litestar.types import ASGIApp, Receive, Scope, Send
from litestar.typing import FieldDefinition

from astrelo.adapters.inbound.http import cookies, problem_kinds, problems
from astrelo.application import messages

OPEN_QUERY = "open_query"
"""The `opt` key of a route that ignores parameters it does not know, as RFC 6749 §4.1.2 asks of a callback."""

_SHOWN_NAME = 100

Connection = ASGIConnection[Any, Any, Any, Any]


class _QueryParameter(NamedTuple):
    is_text: bool
    is_time: bool

    @classmethod
    def of(cls, field: FieldDefinition) -> Self:
        kinds = {kind.annotation for kind in (field, *field.inner_types)}
        return cls(str in kinds, datetime in kinds)

    def takes(self, value: str) -> bool:
        """Return whether a value can be stored, and is one at all.

        The decoder reads the word null as "not given" unless text is asked for, and a year alone as seconds
        since 1970: a filter would fall away.
        """
        if "\0" in value or (self.is_time and not value[:5].endswith("-")):
            return False
        return self.is_text or value.lower() != "null"


class _Declared(NamedTuple):
    """What a handler declares of its request."""

    body: bool
    query: Mapping[str, _QueryParameter] | None
    """None where it ignores parameters that it does not know."""

    @classmethod
    def by(cls, handler: BaseRouteHandler) -> Self:
        query = None
        if isinstance(handler, HTTPRouteHandler) and not handler.opt.get(OPEN_QUERY):
            declared = query_parameters(handler)
            query = {name: _QueryParameter.of(field) for name, field in declared.items()}
        return cls("data" in handler.parsed_fn_signature.parameters, query)


def query_parameters(handler: HTTPRouteHandler) -> dict[str, FieldDefinition]:
    """Return a handler's query parameters, by their names in the URL."""
    return {
        definition.name or name: parameter
        for name, parameter in handler.parsed_fn_signature.parameters.items()
        if not parameter.is_di_field
        and isinstance(definition := parameter.kwarg_definition, ParameterKwarg)
        and definition.param_type is ParamType.QUERY
    }


class RequestChecks:
    """Makes all checks of a request before its handler's own code: who asks, then what is asked for.

    A middleware of each route, not guards of the framework: these run in threads unless they are coroutines, and each
    gets a copy of the handler, which takes longer than the checks.
    """

    def __init__(self, app: ASGIApp, authorize: Callable[[Connection, BaseRouteHandler], None]) -> None:
        self._app = app
        self._authorize = authorize
        self._declared: _Declared | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        handler, connection = scope["route_handler"], cookies.CookieRequest(scope, receive, send)
        self._authorize(connection, handler)
        if self._declared is None:
            self._declared = _Declared.by(handler)
        if self._declared.query is not None and scope["query_string"]:
            _check_query(connection, self._declared.query)
        if self._declared.body:
            _check_media_type(connection)
        await self._app(scope, receive, send)


def _check_media_type(connection: Connection) -> None:
    """Refuse a body that does not say it is JSON: other sites' forms can send every other kind unasked."""
    media_type = connection.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise problems.HttpError(problem_kinds.UNSUPPORTED_MEDIA_TYPE, messages.JSON_ONLY)


def _check_query(connection: Connection, known: Mapping[str, _QueryParameter]) -> None:
    """Refuse parameters that the handler does not declare, gets twice, or could not store."""
    given = list(connection.query_params.multi_items())
    names = [name for name, _ in given]
    unknown = [name for name in names if name not in known]
    if unknown:
        listed = ", ".join(sorted(known))
        happened = messages.KNOWN_PARAMETERS.format(names=listed) if known else messages.NO_PARAMETERS
        raise problems.HttpError(
            problem_kinds.UNKNOWN_PARAMETER, happened, fields=_errors(unknown, messages.IS_UNKNOWN)
        )
    if len(set(names)) < len(names):
        repeated = [name for name, times in Counter(names).items() if times > 1]
        errors = _errors(repeated, messages.IS_REPEATED)
        raise problems.HttpError(problem_kinds.INVALID_INPUT, messages.PARAMETER_REPEATED, fields=errors)
    unusable = [name for name, value in given if not known[name].takes(value)]
    if unusable:
        errors = _errors(unusable, messages.IS_UNUSABLE)
        raise problems.HttpError(problem_kinds.INVALID_INPUT, messages.VALUE_UNUSABLE, fields=errors)


def _errors(names: list[str], reason: str) -> list[problems.FieldError]:
    return [problems.FieldError(field=name[:_SHOWN_NAME], reason=reason) for name in dict.fromkeys(names)]
