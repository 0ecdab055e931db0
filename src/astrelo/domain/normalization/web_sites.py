"""Parsing the web site in a field, despite typing errors and surrounding text."""

import html
import re
from collections.abc import Sequence
from typing import NamedTuple, Self
from urllib.parse import unquote

from astrelo.domain.normalization.text import strip_invisible
from astrelo.domain.ports.reference import ReferenceData

_PLAIN_URL = re.compile(
    r"https?://(?:www\.)?([a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]+)(/[\w.~%?=&+#@!$*/-]*)?", re.ASCII
)
"""The most common form, which is read in a third of the time."""

_MAX_FIELD_LENGTH = 4_096
"""The rest of a field is ignored: no browser takes a longer address."""

_MAX_WORDS = 12
"""A field with more words around a host is prose, not an address."""

_SEPARATORS = "\\s,;|<>()\\[\\]{}\"'`´‘’‚“”„«»‹›*•·、，；（）【】"
_TYPED_SCHEME = r"(?:h+t{0,3}p{1,3}s{0,2}|ht{1,3}s|t{1,3}ps?|h[x*]{2}ps?|w{3}|ftps?)"
SCHEME = re.compile(
    rf"(?<![\w.@/=&?%-])(?:"
    rf"(?:[a-z][a-z0-9+-]{{0,11}}\s*[:;.,]{{0,3}}\s*[/\\]{{2,}}[:/\\.,;\s]*"
    rf"|{_TYPED_SCHEME}\s*[:;]+[/\\:;\s]*"
    rf"|https?[/\\]+:?[/\\]*"
    rf"|https?\s*,\s*(?=www|/)"
    rf"|https?\s+(?=[a-z]))"
    rf"|(?<![:\w])[/\\]{{2,}})+",
    re.IGNORECASE,
)
"""http:// and its misspellings: doubled, without a letter or a slash, with ; or \\ instead."""

_WWW = re.compile(
    rf"(?:(?<=[{_SEPARATORS}/:=])|\A)w{{3}}\s*[.,:;]*\s*(?=[\w.])|\Aw{{3}}[/\\]+", re.IGNORECASE
)
_SPACED_SUFFIX = re.compile(r"(?<=\w)\s+\.(?=[a-z]{2,}(?:[\s/]|\Z))|(?<=\w)\.\s+(?=(?:com|net|org|info|biz|eu|de|fr|nl|pl|ch|co\.uk)[/\s]*\Z)", re.IGNORECASE)  # fmt: skip
_GLUED_LABEL = re.compile(r"\A([^\W\d_]{1,20})[:=](?=[a-z])", re.IGNORECASE)
_WRAPPED = re.compile(r"(https?://)(?:[\"'<(\[{«“„‘`]+|\*\.)", re.IGNORECASE)
_MASKED_DOT = re.compile(r"(?<=\w)[\[({](?:\.|dot)[\])}](?=\w)", re.IGNORECASE)
_COMMA_SUFFIX = re.compile(
    r"\A((?:https?://(?:www[.,])?|www[.,])[\w-]{1,63}),(?=(?:com|net|org|info|biz|eu|de|fr|nl|pl|ch|co\.uk)(?:/|\Z))",
    re.IGNORECASE,
)
_WWW_BEFORE_SCHEME = re.compile(r"\A(?:https?:/*)?www\.(?=https?[:/])", re.IGNORECASE)
_URL_AFTER_SUFFIX = re.compile(r"(\.[a-z]{2,12})(?=https?://)", re.IGNORECASE)
_AFTER_SUFFIX = re.compile(r"[^\w-]+\Z")
_CHUNK = re.compile(rf"(https?://)?([^{_SEPARATORS}/?#\\]+)([/?#\\]\S*)?", re.IGNORECASE)
_GLUED_URL = re.compile(r"(?<![,;|<>\"'])[,;|<>\"']+(?=(?:https?://|www\.))", re.IGNORECASE)
_HOST_AS_PATH = re.compile(r"/+(?:https?:/*)?(www\.)?([\w-]{1,63})((?:\.[\w-]{1,63}){1,4})/?", re.IGNORECASE)
_AUTHORITY_END = re.compile(r"[/?#\\]")
_PORT = re.compile(r":\d*\Z", re.ASCII)
_TYPED_WWW = re.compile(r"(?:https?\.?)?(w{2,5})\.(?=.*\.)")
_GENERIC = re.compile(r"\.(?:com|net|org|de|fr|eu|info|biz|(?:co|com|org)\.[a-z]{2})\Z")
_LABELS = frozenset(
    "and at company corporate domain domaine dominio e-mail email firma firmenhomepage find firm here home homepage"
    " hp http https internet internetseite is link my official offizielle oder on or our online pagina page página"
    " see seite site sitio sito our the und url us visit web webpage webseite website websites"
    " www y et sajt strona stronа сайт веб-сайт 网址 网站 ホームページ サイト".split()
)  # fmt: skip
_NEGATIONS = frozenset(
    "no not none old former formerly previous previously ex was alt alte alter früher ehemals ehemalig antes"
    " antiguo anterior ancien ancienne anciennement vecchio parent competitor via c/o by instead never without"
    " kein keine sin sans senza fake wrong falsch broken expired down offline parked".split()
)  # fmt: skip


class _Site(NamedTuple):
    host: str
    path: str
    is_marked: bool
    """Whether it is written as an address (http, www, a path), not as a word that contains a dot."""
    is_mail: bool

    @classmethod
    def read(cls, chunk: re.Match[str], reference: ReferenceData) -> Self | None:
        scheme, authority, path = chunk.groups()
        user, at, host = authority.rpartition("@")
        host = _PORT.sub("", _AFTER_SUFFIX.sub("", host)).lstrip(".…:=~–—_!?").rstrip("._-")
        known = reference.ascii_host(host)
        if known is None or "." not in known:
            return None
        known = _strip_www(known, reference)
        if not reference.is_site(known):
            return None
        is_mail = bool(at) and not scheme and ":" not in user.removeprefix("mailto:")
        is_marked = (
            bool(scheme or path) or known != known.removeprefix("www.") or host.lower().startswith("www.")
        )
        return cls(known, (path or "").replace("\\", "/"), is_marked, is_mail)

    def may_stand_among(self, words: Sequence[str]) -> bool:
        """Return whether the words around the site allow that it is the company's."""
        if len(words) > _MAX_WORDS or any(word.rstrip(":=") in _NEGATIONS for word in words):
            return False
        if self.is_marked or _GENERIC.search(self.host):
            return True
        return all(word in _LABELS or word.endswith((":", "=")) for word in words)


def web_domain(value: str | None, reference: ReferenceData) -> str | None:
    """Return the host of the only site in a field: 'HTTPS://www.Acme.com:443/about' is 'acme.com'.

    None for IP addresses, single labels, names under no public suffix, words that stand for 'none', different
    hosts in one field, and a platform's pages about a company (maps, searches).
    """
    if value is None:
        return None
    if plain := _PLAIN_URL.fullmatch(value):
        host, path = reference.ascii_host(plain[1]), plain[2]
    else:
        host, path = reference.ascii_host(value), None
    if host is not None and host[0] in "hw":
        host = _strip_www(host, reference)
    if host is None or not reference.is_site(host):
        if (site := _find_only_site(value, reference)) is None:
            return None
        host, path = site.host, site.path
    if (
        path
        and len(path) > 1
        and (_names_other_site(host, path, reference) or reference.is_page_about_firm(host, path))
    ):
        return None
    return host


def identity_domain(domain: str | None, reference: ReferenceData) -> str | None:
    """Return the domain if it identifies one company: not shared by many, not a bare public suffix."""
    return None if domain is None or reference.is_shared(domain) else domain


def _names_other_site(host: str, path: str, reference: ReferenceData) -> bool:
    """Return whether a path is a second host: 'acme.com/acme.de', 'acme.com/www.acme.de'."""
    typed = _HOST_AS_PATH.fullmatch(path) if "." in path else None
    if typed is None or not (typed[1] or typed[2].lower() == host.partition(".")[0]):
        return False
    other = reference.ascii_host(f"{typed[2]}{typed[3]}")
    return other is not None and other != host and reference.is_site(other)


def _strip_www(host: str, reference: ReferenceData) -> str:
    while host.startswith("www.") and host.count(".") > 1:
        host = host[4:]
    if host[0] in "hw" and (typo := _TYPED_WWW.match(host)):
        rest = host[typo.end() :]
        if reference.registrable_domain(rest) is not None:
            return _strip_www(rest, reference)
    return host


def _find_only_site(value: str, reference: ReferenceData) -> _Site | None:
    text = _repair(value)
    sites: dict[str, _Site] = {}
    words: list[str] = []
    for chunk in _CHUNK.finditer(text):
        if site := _Site.read(chunk, reference):
            known = sites.get(site.host)
            sites[site.host] = site if known is None or not known.is_marked else known
        elif any(map(str.isalnum, chunk[2])):
            words.append(chunk[0].lower())
    if len(sites) > 1:
        sites = {host: site for host, site in sites.items() if not site.is_mail}
    if len(sites) != 1:
        return None
    site = next(iter(sites.values()))
    return site if site.may_stand_among(words) else None


def _repair(value: str) -> str:
    """Undo the changes that editors, spreadsheets and mail programs make to an address."""
    text = strip_invisible(value[:_MAX_FIELD_LENGTH]).strip()
    if "&" in text:
        text = html.unescape(text)
    for _ in range(2):
        if "%" in _AUTHORITY_END.split(SCHEME.sub("", text, count=1), maxsplit=1)[0]:
            text = strip_invisible(unquote(text)).strip()
    text = _URL_AFTER_SUFFIX.sub(r"\1 ", _WWW_BEFORE_SCHEME.sub("", text))
    text = _GLUED_LABEL.sub(r"\1: ", SCHEME.sub(" http://", text).lstrip())
    text = _MASKED_DOT.sub(".", _WRAPPED.sub(r"\1", text))
    text = _COMMA_SUFFIX.sub(r"\1.", text)
    text = _WWW.sub("www.", text)
    text = _SPACED_SUFFIX.sub(".", text)
    return _GLUED_URL.sub(" ", text)
