"""Errors as RFC 9457 problem messages. Never a secret, a URL or a traceback; the sentences are in application/messages.py."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, Self

import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi.datastructures import ResponseSpec
from litestar.types import ExceptionHandlersMap
from msgspec import UNSET, Meta, Struct, UnsetType

from astrelo.adapters.inbound.http import problem_kinds
from astrelo.application import messages
from astrelo.domain import errors

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:astrelo:problem:"
REQUEST_ID = "request_id"
"""Where the middleware keeps the request's id in the ASGI scope."""
HUNG_UP = "hung_up"
"""Where the middleware notes that the client disconnected before its request was complete."""

_PAGING = frozenset({"cursor", "limit", "expand"})
"""Parameters that narrow nothing."""

_BODY = "data"
"""What the framework calls the body."""

log = structlog.get_logger()


class FieldError(Struct, frozen=True, kw_only=True):
    """One value that was not accepted."""

    field: Annotated[
        str, Meta(description="A parameter's name, or a path into the body.", examples=["limit"])
    ]
    reason: Annotated[str, Meta(description="What is allowed.", examples=["Expected `int` <= 100"])]

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


class Problem(Struct, frozen=True, kw_only=True):
    """RFC 9457 problem messages."""

    type: Annotated[str, Meta(description="`code` as a URI.", examples=["urn:astrelo:problem:invalid_input"])]
    title: Annotated[
        str, Meta(description="What the code means, for people.", examples=["A value cannot be accepted"])
    ]
    status: Annotated[int, Meta(description="The HTTP status.", examples=[400])]
    code: Annotated[
        str,
        Meta(
            description="For programs: it never changes its meaning.",
            extra_json_schema={"enum": sorted(problem_kinds.ALL_KINDS)},
        ),
    ]
    detail: Annotated[str, Meta(description="What happened, and what it means; for people, may change.")]
    action: Annotated[str, Meta(description="What to do; for people, may change.")]
    errors: Annotated[
        list[FieldError] | UnsetType, Meta(description="Where single values are at fault: which.")
    ] = UNSET
    request_id: Annotated[
        str | UnsetType, Meta(description="Where the fault is ours: where our log has the rest.")
    ] = UNSET


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


@dataclass
class ProblemSpec(ResponseSpec):
    """OpenAPI's description of the problems of one status that a handler raises."""

    kinds: tuple[problem_kinds.ProblemKind, ...] = ()


def describe(*kinds: problem_kinds.ProblemKind) -> dict[int, ProblemSpec]:
    """Return OpenAPI's description of the problems that a handler raises.

    Those of guards and of decoding are not to be named: `openapi.responses` adds them.
    """
    by_status: dict[int, list[problem_kinds.ProblemKind]] = {}
    for kind in dict.fromkeys(kinds):
        by_status.setdefault(int(kind.status), []).append(kind)
    return {
        status: ProblemSpec(
            data_container=Problem,
            description=" ".join(f"`{kind.code}`: {kind.message.happened}" for kind in of_status),
            media_type=MEDIA_TYPE,
            generate_examples=False,
            kinds=tuple(of_status),
        )
        for status, of_status in by_status.items()
    }


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
    return respond(request, kind, happened, fields, headers)


def _on_http_error(request: Request[Any, Any, Any], error: HttpError) -> Response[Problem]:
    return respond(request, error.kind, error.happened, error.fields, error.headers)


def _on_framework_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[Problem]:
    """Use the status only: the framework's own texts quote the whole URL, with `code` and `state` in it."""
    if isinstance(error, ValidationException):
        return _on_invalid_values(request, error)
    if request.scope.get(HUNG_UP):
        return respond(request, problem_kinds.MALFORMED_REQUEST, messages.REQUEST_INCOMPLETE)
    if error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _on_unexpected(request, error)
    kind = problem_kinds.BY_STATUS.get(HTTPStatus(error.status_code), problem_kinds.MALFORMED_REQUEST)
    return respond(request, kind, kind.message.happened, headers=error.headers)


def _on_invalid_values(request: Request[Any, Any, Any], error: ValidationException) -> Response[Problem]:
    entries = error.extra if isinstance(error.extra, list) else []
    fields = [FieldError.of_framework(entry) for entry in entries if isinstance(entry, dict)]
    if any(field.field in request.path_params for field in fields):
        return respond(request, problem_kinds.NOT_FOUND, messages.NO_SUCH_PATH)
    names = ", ".join(field.field for field in fields)
    happened = messages.NOT_ACCEPTED.format(names=names) if names else messages.VALUE_MISSING
    return respond(request, problem_kinds.INVALID_INPUT, happened, fields)


def _on_undecodable_body(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """Refuse what the framework's decoder lets through: text that is not UTF-8, and JSON nested too deep."""
    log.warning("request.undecodable", path=request.scope.get("path_template"), error=type(error).__name__)
    return respond(request, problem_kinds.MALFORMED_REQUEST, messages.BODY_UNDECODABLE)


def _on_unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    log.error("request.broke", path=request.scope.get("path_template"), exc_info=error)
    return respond(request, problem_kinds.INTERNAL_ERROR, problem_kinds.INTERNAL_ERROR.message.happened)


def respond(
    request: Request[Any, Any, Any],
    kind: problem_kinds.ProblemKind,
    happened: str,
    fields: Sequence[FieldError] = (),
    headers: Mapping[str, str] | None = None,
) -> Response[Problem]:
    """Make the response of a problem: `happened` is what happened in this case."""
    retry = {"Retry-After": str(kind.retry_after)} if kind.retry_after is not None else {}
    problem = Problem(
        type=f"{TYPE_PREFIX}{kind.code}",
        title=kind.message.title,
        status=int(kind.status),
        code=kind.code,
        detail=f"{happened} {kind.message.means}",
        action=kind.message.to_do,
        errors=list(fields) or UNSET,
        request_id=request.scope.get(REQUEST_ID, UNSET) if kind.ours else UNSET,  # type: ignore[arg-type]
    )
    return Response(
        problem, status_code=int(kind.status), media_type=MEDIA_TYPE, headers=retry | dict(headers or {})
    )
