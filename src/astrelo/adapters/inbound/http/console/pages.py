"""The page at /app: its document, with the names and sentences that it shows, and the files that it is made of.

`page/vendor` is not ours: `preact.js` is `preact/standalone.module.js` of npm's `htm` 3.1.1 (htm and Preact in one
module), the fonts are the Latin files of npm's `@fontsource-variable/inter` 5.3.0, both unchanged, their licences
beside them. `page/data/regions.json` comes from CLDR, by `make places`.
"""

from html import escape
from pathlib import Path
from string import Template
from typing import Any

import msgspec
from litestar import Response

from astrelo.application import messages
from astrelo.domain.identifiers import Provider
from astrelo.domain.ports.crm import CrmProviders

_FOLDER = Path(__file__).parent / "page"
_DOCUMENT = "index.html"
_CACHED = {"Cache-Control": "no-cache"}
_NOT_STORED = {"Cache-Control": "no-store"}
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'; form-action 'self'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
}
_MEDIA_TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".woff2": "font/woff2",
}

ASSETS = sorted(
    file.relative_to(_FOLDER).as_posix()
    for file in _FOLDER.rglob("*")
    if file.is_file() and file.name != _DOCUMENT
)
"""Everything beside the document, by its path below the page's."""


def document(crms: CrmProviders, *, read_only: bool) -> Response[str]:
    """Return the page. What the session of a `read_only` page cannot do is not offered."""
    industries = {str(name): crm.industry_labels for name, crm in crms.by_name.items() if crm.industry_labels}
    data = {
        "labels": {str(provider): provider.label for provider in Provider},
        "industries": industries,
        "sentences": page_sentences(),
    }
    written = {name: escape(msgspec.json.encode(value).decode()) for name, value in data.items()}
    page = Template((_FOLDER / _DOCUMENT).read_text(encoding="utf-8")).substitute(
        written, read_only=str(read_only).lower()
    )
    return Response(page, media_type="text/html", headers=_HEADERS | _NOT_STORED)


def asset(name: str) -> Response[bytes]:
    """Return one of ASSETS."""
    file = _FOLDER / name
    return Response(file.read_bytes(), media_type=_MEDIA_TYPES[file.suffix], headers=_HEADERS | _CACHED)


def page_sentences() -> dict[str, Any]:
    """Return the page's sentences by where it shows them, then by code; words in braces are left for the page to fill in."""
    failures = {code: message for code, message in messages.PROBLEMS.items() if code.startswith("oauth_")}
    return {
        "outcomes": {code: message.text for code, message in messages.PAGE_OUTCOMES.items()},
        "failures": {code: message.text for code, message in {**failures, **messages.PAGE_FAILURES}.items()},
        "runs": {str(status): (message.happened, message.means) for status, message in messages.RUNS.items()},
        "unlinked": {
            kind: {
                str(reason): (message.happened.removesuffix("."), f"{message.means} {message.to_do}")
                for reason, message in reasons.items()
            }
            for kind, reasons in (("contacts", messages.UNLINKED), ("deals", messages.DEAL_UNLINKED))
        },
        "links": {
            "rules": messages.LINK_RULES,
            "outcomes": messages.LINK_OUTCOMES,
            "associations": messages.LINK_ASSOCIATIONS,
            "matches": messages.LINK_MATCHES,
            "short_matches": messages.SHORT_LINK_MATCHES,
        },
        "troubles": messages.PAGE_TROUBLES,
        "rejections": messages.PAGE_REJECTIONS,
        "texts": messages.PAGE_TEXTS,
    }
