"""Parsing the e-mail address in a field, and what its host shows about the company."""

import html
import re
from typing import NamedTuple
from urllib.parse import unquote

from astrelo.domain.normalization.text import strip_invisible
from astrelo.domain.ports.reference import ReferenceData
from astrelo.domain.records import EmailKind

MAX_EMAIL_LENGTH = 320
"""RFC 3696 §3: 64 before the @, 255 after it."""

_MAX_FIELD_LENGTH = 2_048
"""A longer field holds more than one address with its owner's name."""

_QUOTED_LOCAL_PART = re.compile(r'"(?:[^"\\\x00-\x1f\x7f\ud800-\udfff]|\\[\x20-\x7e])+"')

_ODD_START = "'`*/|~!?&=#%.✉📧📨📩"
"""Valid in an address but never intended: quotes, bullets and escapes from spreadsheets and links."""

_LOCAL_PART = re.compile(rf'(?![{_ODD_START}])[^\s@"(),:;<>\[\\\]\x00-\x20\x7f\ud800-\udfff\ufffd]+')

_MASKED_AT = re.compile(r"\s*[\[({<]\s*(?:at|ät|@|arroba)\s*[\])}>]\s*", re.IGNORECASE)
_MASKED_DOT = re.compile(r"\s*[\[({<]\s*(?:dot|punkt|point|punto|\.)\s*[\])}>]\s*", re.IGNORECASE)
_SPACED_AT = re.compile(r"\s*([^\s@]+)\s*@\s*([^\s@]+)\s*")
_MAILTO_QUERY = re.compile(r"(mailto:[^?]*)\?.*", re.IGNORECASE | re.DOTALL)
_MAILTO_TAG = re.compile(r"<a\s[^<>]*mailto:\s*([^\"'<>?\s]+)[^<>]*>(?:[^<>@]*</a>)?", re.IGNORECASE)
_ASIDE = re.compile(r"\([^()@]*\)|\[[^\[\]@]*\]|\"[^\"@]*\"|“[^”@]*”|„[^“”@]*[“”]")
_BRACKETED = re.compile(r"<\s*(?:(?:mailto|smtp):)?\s*([^<>\s]+@[^<>\s]+?)[\s,;.]*>", re.IGNORECASE)
_CANDIDATE = re.compile(
    r"(?<![^\s<>(),:;|\"“”„«»‹›\[\]{}=@?/\\])([^\s<>(),:;|\"“”„«»‹›\[\]{}=@]+)@([^\s<>(),:;|\"“”„«»‹›\[\]{}=@?/\\]+)"
)
_AROUND = "'`´‘’‚*•·!.…-–—_~&"
_LEAD = re.compile(
    r"(?:.*(?:[:=|–—<(\[{]|\s-)|\W*(?:e-?mail|mail|courriel|correo|\d{1,2}[.)])|)\W*",
    re.IGNORECASE | re.DOTALL,
)
_TAIL = re.compile(r"\W*(?:(?<=\s)[-–—|/].*|[?/|].*|[,;]\s.*)?", re.DOTALL)


class Email(NamedTuple):
    """A parsed e-mail address. Host and registrable domain are None unless the kind is business."""

    address: str | None
    host: str | None
    registrable_domain: str | None
    kind: EmailKind


_MISSING_EMAIL = Email(None, None, None, EmailKind.MISSING)
_INVALID_EMAIL = Email(None, None, None, EmailKind.INVALID)


def email_address(value: str | None, reference: ReferenceData) -> Email:
    """Read the address in a field, in lower case: no known mail host distinguishes mailboxes by case.

    Names, brackets, labels and invisible characters around it are ignored; several addresses are invalid.
    """
    if value is None or not (typed := value.strip()):
        return _MISSING_EMAIL
    if len(typed) > _MAX_FIELD_LENGTH:
        return _INVALID_EMAIL
    if not typed.isascii() and not (typed := strip_invisible(typed).strip()):
        return _MISSING_EMAIL
    if email := _read(typed, reference):
        return email
    text = _unwrap(strip_invisible(typed).strip())
    addresses = _find_addresses(text) if "@" in text else set()
    return (_read(addresses.pop(), reference) if len(addresses) == 1 else None) or _INVALID_EMAIL


def _read(typed: str, reference: ReferenceData) -> Email | None:
    local, _, typed_host = typed.lower().rpartition("@")
    if not (_LOCAL_PART.fullmatch(local) or _QUOTED_LOCAL_PART.fullmatch(local)):
        return None
    host = reference.ascii_host(typed_host) or reference.ascii_host(typed_host.rstrip("."))
    if host is None or "." not in host or len(address := f"{local}@{host}") > MAX_EMAIL_LENGTH:
        return None
    if reference.is_shared(host):
        return Email(address, None, None, EmailKind.FREE_MAIL)
    return Email(address, host, reference.registrable_domain(host), EmailKind.BUSINESS)


def _unwrap(text: str) -> str:
    """Undo the wrapping of links and pages, and masking against spam robots."""
    if "&" in text:
        text = strip_invisible(html.unescape(text))
    text = _MAILTO_TAG.sub(r" <\1> ", text)
    text = _MAILTO_QUERY.sub(r"\1", text)
    if "%" in text:
        text = strip_invisible(unquote(text))
    text = _MASKED_DOT.sub(".", _MASKED_AT.sub("@", text))
    if spaced := _SPACED_AT.fullmatch(text):
        return f"{spaced[1]}@{spaced[2]}"
    return text


def _find_addresses(text: str) -> set[str]:
    """Return the distinct addresses in a text; none where surrounding words make their ends doubtful."""
    in_brackets = _BRACKETED.findall(text)
    beside = _ASIDE.sub(" ", _BRACKETED.sub(" ", text))
    found = list(_CANDIDATE.finditer(beside))
    if found and not in_brackets:
        before, after = beside[: found[0].start()], beside[found[-1].end() :]
        if _LEAD.fullmatch(before) is None or _TAIL.fullmatch(after) is None:
            return set()
    return {_trim(address) for address in in_brackets} | {_trim(match[0]) for match in found}


def _trim(address: str) -> str:
    local, _, host = address.lower().rpartition("@")
    return f"{local.lstrip(_ODD_START + _AROUND)}@{host.rstrip(_AROUND)}"
