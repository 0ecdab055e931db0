"""Parsing a company's LinkedIn page, typed as a link, a path or a bare handle."""

import re
from urllib.parse import unquote

from astrelo.domain.normalization.text import strip_invisible, truncate_text
from astrelo.domain.normalization.web_sites import SCHEME

_MAX_LINK_LENGTH = 2_048

_KINDS = "company|company-beta|organization|organization-guest|school|edu|showcase|in|pub|groups|sales|mwlite|talent|events"
_PAGE_HOST = r"(?:[a-z0-9-]+\.){0,3}linkedin\.(?:com|cn)"
_LINK = re.compile(
    rf"(?:\A|(?<=[\s:(<\[\"',;|]))(?:https?://)?(?:[^\s/?#@]*@)?({_PAGE_HOST}|lnkd\.in)(?=[.:/?#\s,;)>\]]|\Z)\.?(:\d+)?(?=[/?#\s,;)>\]]|\Z)"
    r"((?:/[^\s\"<>`]*)?)",
    re.IGNORECASE,
)
_PATH = re.compile(rf"/*((?:{_KINDS})/+[^\s/?#@:\"'<>`][^\s:\"<>`]*)", re.IGNORECASE)
_NAMED_PATH = re.compile(rf"(?:/+[a-z]{{2}})?/+(?:{_KINDS})/+[^\s/?#]+", re.IGNORECASE)
_HTTP = re.compile("https?://", re.IGNORECASE)
_SCRIPT = re.compile(r"\W*(?:javascript|vbscript|data|file|blob)\s*:", re.IGNORECASE)
_HANDLE = re.compile(r"[/@]*([^\W_][\w&%'’-]*)/*")
_TRAILING = ".,;)]}>\"'"
_NOT_PAGES = frozenset(
    "about accounts authwall checkpoint directory events feed groups help home index jobs learning legal login"
    " logout messaging mynetwork notifications posts premium products profile pulse search services settings"
    " signup start talent today uas".split()
)  # fmt: skip
_NOTHING = frozenset(
    "0 1 aucun aucune blank brak company dash empty facebook false geen http https in ingen instagram kein keine kommt"
    " later linkedin linkedln missing n na nan nein nenhum nessuno nil nicht ninguna ninguno no non none nope not"
    " nothing null nvt oui pending sans si sin soon tba tbc tbd test todo true twitter undefined unknown unbekannt"
    " url we web website www x xx xxx xxxx y yes ja".split()
)  # fmt: skip
_NO_PAGE = re.compile(
    r"(?:/+[a-z]{2})?/+company/+(?:n/a|n-a|nan?|none|null|undefined|unknown|tb[acd])(?:[/?#].*)?",
    re.IGNORECASE,
)
_SPELLED_OUT = re.compile(r"\W+")


def linkedin_page(page: str | None, handle: str | None) -> str | None:
    """Return the link to the page that a field names; `page` takes precedence over `handle`.

    A bare handle names a company's page; people's pages are kept. None for words that stand for 'none', for other
    sites, and for other schemes: a frontend would run a javascript: link.
    """
    if page is None and handle is None:
        return None
    if page is not None and _SCRIPT.match(strip_invisible(page[:_MAX_LINK_LENGTH])):
        return None
    return _read_page(page) or _read_page(handle)


def _read_page(value: str | None) -> str | None:
    typed = truncate_text(value, _MAX_LINK_LENGTH)
    if typed is None:
        return None
    typed = strip_invisible(typed).replace("\\", "/").strip()
    if _SCRIPT.match(typed):
        return None
    if "%2f" in typed.lower().partition("/")[0]:
        typed = strip_invisible(unquote(typed)).strip()
    http = _HTTP.match(typed)
    scheme = http[0] if http and typed.count("://") == 1 else "https://"
    links = {found for match in _LINK.finditer(SCHEME.sub("http://", typed)) if (found := _read_link(match))}
    if links:
        return f"{scheme}{links.pop()}" if len(links) == 1 else None
    # Enrichment tools fill fields with 'company/acme' or 'acme'.
    trimmed = typed.rstrip(_TRAILING)
    if path := _PATH.fullmatch(trimmed):
        return f"https://www.linkedin.com/{path[1]}"
    name = _read_handle(trimmed)
    return f"https://www.linkedin.com/company/{name}" if name else None


def _read_link(match: re.Match[str]) -> str | None:
    host, path = f"{match[1]}{match[2] or ''}", match[3].rstrip(_TRAILING)
    if match[1].lower() == "lnkd.in":
        return f"{host}{path}" if path.strip("/") else None
    if _NO_PAGE.fullmatch(path):
        return None
    if _NAMED_PATH.match(path):
        return f"{host}{path}"
    handle = _read_handle(path.partition("?")[0])
    return f"{host}/company/{handle}" if handle else None


def _read_handle(typed: str) -> str | None:
    match = _HANDLE.fullmatch(typed)
    if match is None or _SPELLED_OUT.sub("", match[1].lower()) in _NOTHING or match[1].lower() in _NOT_PAGES:
        return None
    return match[1]
