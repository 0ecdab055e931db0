"""Log lines: structlog for ours, the same form for what libraries log, and no secret in either.

Everything goes to stderr; stdout belongs to the commands' output.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from astrelo.bootstrap.settings import LogFormat

_CHATTY = {
    "httpx": logging.WARNING,  # its INFO line quotes URLs with their query
    "httpcore": logging.WARNING,
    "uvicorn.error": logging.ERROR,  # warns of every request that is not HTTP
    "asyncio": logging.WARNING,
    "tldextract": logging.WARNING,
    "filelock": logging.WARNING,
}

REDACTED = "[redacted]"
_SECRET_KEY = re.compile(
    r"(^|[_-])(tokens?|jwt|secrets?|passwords?|passwd|authorization|cookies?|verifier|dsn|api[_-]?key|"
    r"database[_-]url|encryption[_-]keys?)$|^(oauth|authorization|auth)[_-]code$",
    re.IGNORECASE,
)
_SECRET_TEXT = re.compile(
    r"(?P<kept>\b(?:access_token|refresh_token|id_token|token|client_secret|code_verifier|code|state|password)"
    r"[\"']?\s*[=:]\s*[\"']?|\bBearer\s+)[^&\s\"'@,;}]+"
    r"|(?P<user>\b[a-z][a-z0-9+.-]*://[^/\s:@]*:)[^/\s@]+(?=@)"
    r"|\beyJ[\w-]+\.[\w-]+\.[\w-]*"
    r"|\bwhsec_[\w+/=-]+",
    re.IGNORECASE,
)


def configure_logging(level: str, log_format: LogFormat) -> None:
    """Set up structlog and the standard library's root logger. Idempotent; the last call holds."""
    before_rendering: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        # Plain tracebacks: the pretty ones of rich print local variables, and those hold tokens.
        structlog.processors.format_exc_info,
        redact,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *before_rendering,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    renderer: structlog.typing.Processor = structlog.processors.JSONRenderer()
    if log_format is not LogFormat.JSON:
        renderer = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *before_rendering],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name, least in _CHATTY.items():
        logging.getLogger(name).setLevel(max(least, root.level))


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:  # noqa: ANN401 - structlog's own signature
    """Hide what looks like a secret, by its key or in its text.

    The last defence, not the first: code must not log secrets at all.
    """
    for key, value in event.items():
        event[key] = REDACTED if _SECRET_KEY.search(key) else _clean(value)
    return event


def _clean(value: Any) -> Any:  # noqa: ANN401 - any value may be logged
    if isinstance(value, str):
        return _SECRET_TEXT.sub(lambda match: (match["kept"] or match["user"] or "") + REDACTED, value)
    if isinstance(value, dict):
        return {k: REDACTED if _SECRET_KEY.search(str(k)) else _clean(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    return value
