"""The page at /app: its document, with the names and sentences that it shows, and the files that it is made of."""

from html import escape
from importlib.resources import files
from string import Template
from typing import Any

import msgspec
from litestar import Response

from astrelo.application import messages
from astrelo.domain.identifiers import Provider

ASSETS = (
    "page.css",
    "page.js",
    "elements.js",
    "landing.js",
    "live.js",
    "crm_card.js",
    "companies.js",
    "sign_in.js",
)

_FOLDER = files(__package__) / "page"
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; form-action 'self'"
}
_MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript"}


def document(*, read_only: bool) -> Response[str]:
    """Return the page. What the session of a `read_only` page cannot do is not offered."""
    labels = msgspec.json.encode({str(provider): provider.label for provider in Provider}).decode()
    sentences = msgspec.json.encode(page_sentences()).decode()
    page = Template(_read("index.html")).substitute(
        labels=escape(labels), sentences=escape(sentences), read_only=str(read_only).lower()
    )
    return Response(page, media_type="text/html", headers=_HEADERS)


def asset(name: str) -> Response[str]:
    """Return one of ASSETS."""
    return Response(_read(name), media_type=_MEDIA_TYPES[name[name.rindex(".") :]], headers=_HEADERS)


def page_sentences() -> dict[str, Any]:
    """Return the page's sentences by where it shows them, then by code; `{crm}` is left for the page to fill in."""
    failures = {code: message for code, message in messages.PROBLEMS.items() if code.startswith("oauth_")}
    return {
        "outcomes": {code: message.text for code, message in messages.PAGE_OUTCOMES.items()},
        "failures": {code: message.text for code, message in {**failures, **messages.PAGE_FAILURES}.items()},
        "runs": {str(status): (message.happened, message.means) for status, message in messages.RUNS.items()},
        "unlinked": {
            str(reason): (message.happened.removesuffix("."), f"{message.means} {message.to_do}")
            for reason, message in messages.UNLINKED.items()
        },
    }


def _read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")
