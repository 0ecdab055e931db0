"""Errors as RFC 9457 problem messages. Never a secret, a URL or a traceback; the sentences are in application/messages.py."""

import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Self

import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi.datastructures import ResponseSpec
from litestar.types import ExceptionHandlersMap
from msgspec import Struct

from astrelo.adapters.inbound.http import problem_kinds
from astrelo.application import messages
from astrelo.domain import errors

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:astrelo:problem:"
REQUEST_ID = "request_id"
"""Where the middleware keeps the request's id in the ASGI scope."""
HUNG_UP = "hung_up"
"""Where the middleware notes that the client disconnected before its request was complete."""

_PAGING = frozenset({"cursor", "limit"})
"""Parameters that narrow nothing."""

_BODY = "data"
"""What the framework calls the body."""

log = structlog.get_logger()


class FieldError(Struct, frozen=True, kw_only=True):
    """One value that was not accepted. `field` is a parameter's name, or a path into the body."""

    field: str
    reason: str

    @classmethod
    def of_framework(cls, entry: Mapping[str, str]) -> Self:
        """Read what the framework says about a value that it refuses."""
        name = entry.get("key", _BODY)
        reason = entry.get("message", messages.IS_INVALID)
        if reason.startswith("Invalid enum value"):
            reason = f"{reason}; {messages.SEE_SCHEMA}"
        if name != _BODY:
            return cls(field=name, reason=reason)
        # Without a body the framework complains of a missing key of that name.
        return cls(field="body", reason=messages.IS_MISSING if reason == f"'{_BODY}'" else reason)


class Problem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """RFC 9457 problem messages. `code` is stable; `detail` and `action` are sentences for people."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    action: str
    errors: list[FieldError] = []
    request_id: str | None = None
    """In the server's log, when the fault is ours."""


class HttpError(Exception):
    """A problem that the HTTP layer itself finds."""

    def __init__(
        self,
        kind: problem_kinds.ProblemKind,
        happened: str,
        *,
        fields: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(happened)
        self.kind = kind
        self.happened = happened
        self.fields = list(fields)
        self.headers = dict(headers or {})


def describe(*kinds: problem_kinds.ProblemKind) -> dict[int, ResponseSpec]:
    """Return OpenAPI's description of a route's problems: these, and those that any route may return."""
    everywhere = (
        problem_kinds.INVALID_INPUT,
        problem_kinds.UNKNOWN_PARAMETER,
        problem_kinds.UNAUTHORIZED,
        problem_kinds.METHOD_NOT_ALLOWED,
        problem_kinds.INTERNAL_ERROR,
        problem_kinds.STORE_UNAVAILABLE,
        problem_kinds.QUERY_TOO_SLOW,
        problem_kinds.TOO_MANY_REQUESTS,
    )
    by_status: dict[int, list[problem_kinds.ProblemKind]] = {}
    for kind in (*everywhere, *kinds):
        by_status.setdefault(int(kind.status), []).append(kind)
    specs: dict[int, ResponseSpec] = {}
    for status, (first, *others) in by_status.items():
        codes = ", ".join(dict.fromkeys(f"`{kind.code}`" for kind in (first, *others)))
        specs[status] = ResponseSpec(
            data_container=Problem,
            description=f"{first.message.happened} Codes: {codes}.",
            media_type=MEDIA_TYPE,
            generate_examples=False,
        )
    return specs


def exception_handlers() -> ExceptionHandlersMap:
    """Return the handlers for everything that a request may raise."""
    return {
        errors.AstreloError: _on_domain_error,
        HttpError: _on_http_error,
        HTTPException: _on_framework_error,
        UnicodeDecodeError: _on_undecodable_body,
        RecursionError: _on_undecodable_body,
        Exception: _on_unexpected,
    }


def _on_domain_error(request: Request[Any, Any, Any], error: errors.AstreloError) -> Response[Problem]:
    kind = problem_kinds.kind_of(error)
    fields: list[FieldError] = []
    if isinstance(error, errors.InvalidInput):
        fields = [FieldError(field=error.field, reason=error.reason)]
    if isinstance(error, errors.QueryTooSlow):
        narrowing = request.query_params.keys() - _PAGING
        fields = [FieldError(field=name, reason=messages.NARROW) for name in sorted(narrowing)]
    headers = {}
    if isinstance(error, errors.RateLimited):
        headers["Retry-After"] = str(math.ceil(error.retry_after.total_seconds()))
    if kind.ours:
        log.error("request.failed", code=kind.code, path=request.scope.get("path_template"), exc_info=error)
    happened = kind.message.happened if kind.ours else messages.what_happened(error)
    return _respond(request, kind, happened, fields, headers)


def _on_http_error(request: Request[Any, Any, Any], error: HttpError) -> Response[Problem]:
    return _respond(request, error.kind, error.happened, error.fields, error.headers)


def _on_framework_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[Problem]:
    """Use the status only: the framework's own texts quote the whole URL, with `code` and `state` in it."""
    if isinstance(error, ValidationException):
        return _on_invalid_values(request, error)
    if request.scope.get(HUNG_UP):
        return _respond(request, problem_kinds.MALFORMED_REQUEST, messages.REQUEST_INCOMPLETE)
    if error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _on_unexpected(request, error)
    kind = problem_kinds.BY_STATUS.get(HTTPStatus(error.status_code), problem_kinds.MALFORMED_REQUEST)
    return _respond(request, kind, kind.message.happened, headers=error.headers)


def _on_invalid_values(request: Request[Any, Any, Any], error: ValidationException) -> Response[Problem]:
    entries = error.extra if isinstance(error.extra, list) else []
    fields = [FieldError.of_framework(entry) for entry in entries if isinstance(entry, dict)]
    if any(field.field in request.path_params for field in fields):
        return _respond(request, problem_kinds.NOT_FOUND, messages.NO_SUCH_PATH)
    names = ", ".join(field.field for field in fields)
    happened = messages.NOT_ACCEPTED.format(names=names) if names else messages.VALUE_MISSING
    return _respond(request, problem_kinds.INVALID_INPUT, happened, fields)


def _on_undecodable_body(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """Refuse what the framework's decoder lets through: text that is not UTF-8, and JSON nested too deep."""
    log.warning("request.undecodable", path=request.scope.get("path_template"), error=type(error).__name__)
    return _respond(request, problem_kinds.MALFORMED_REQUEST, messages.BODY_UNDECODABLE)


def _on_unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    log.error("request.broke", path=request.scope.get("path_template"), exc_info=error)
    return _respond(request, problem_kinds.INTERNAL_ERROR, problem_kinds.INTERNAL_ERROR.message.happened)


def _respond(
    request: Request[Any, Any, Any],
    kind: problem_kinds.ProblemKind,
    happened: str,
    fields: Sequence[FieldError] = (),
    headers: Mapping[str, str] | None = None,
) -> Response[Problem]:
    retry = {"Retry-After": str(kind.retry_after)} if kind.retry_after is not None else {}
    problem = Problem(
        type=f"{TYPE_PREFIX}{kind.code}",
        title=kind.message.title,
        status=int(kind.status),
        code=kind.code,
        detail=f"{happened} {kind.message.means}",
        action=kind.message.to_do,
        errors=list(fields),
        request_id=request.scope.get(REQUEST_ID) if kind.ours else None,  # type: ignore[arg-type]
    )
    return Response(
        problem, status_code=int(kind.status), media_type=MEDIA_TYPE, headers=retry | dict(headers or {})
    )
