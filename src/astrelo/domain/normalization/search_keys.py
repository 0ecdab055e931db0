"""Folding stored text and search terms alike, so that spelling variants match."""

import re
from unicodedata import normalize

from astrelo.domain.normalization.text import CONTROLS, INVISIBLE

_MAX_LABEL_LENGTH = 63

_SINGLE_QUOTES = "'`\u00b4\u02b9\u02bb\u02bc\u02bd\u02be\u02bf\u02c8\u2018\u2019\u201a\u201b\u2032\u2035\u0384\u05f3\u055a\u1fbd\u1fbf\u1ffd\u1ffe\ua78c\uff07\uff40"
_DOUBLE_QUOTES = (
    '"\u00ab\u00bb\u02ba\u201c\u201d\u201e\u201f\u2033\u2036\u05f4\u275d\u275e\u301d\u301e\u301f\uff02'
)
_DASHES = "-\u02d7\u058a\u05be\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\u2e3a\u2e3b\ufe58\ufe63\uff0d"
_PUNCTUATION = (
    dict.fromkeys(_SINGLE_QUOTES, "'") | dict.fromkeys(_DOUBLE_QUOTES, '"') | dict.fromkeys(_DASHES, "-")
)
_LETTERS = {
    "ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ħ": "h", "ı": "i",
    "ŋ": "n", "ŧ": "t", "ĸ": "k", "ƒ": "f", "ɨ": "i", "ʉ": "u", "ƀ": "b", "ǥ": "g", "ɖ": "d", "ə": "e", "ǝ": "e",
    "ɛ": "e", "ɔ": "o", "ȷ": "j", "ς": "σ", "ӏ": "i",
    "\u0649": "\u064a", "\u06cc": "\u064a", "\u06a9": "\u0643", "\u0629": "\u0647", "\u06c1": "\u0647",
    "\u2044": "/", "\u00b7": ".", "\u2022": ".",
}  # fmt: skip # Arabic and Persian write yeh, kaf and heh with letters of their own
_FOLDED = _PUNCTUATION | _LETTERS
_FOLDABLE = re.compile(f"[{re.escape(''.join(_FOLDED))}]")
_PUNCTUATION_MARKS = re.compile(f"[{re.escape(''.join(_PUNCTUATION))}]")

_MARKS = (
    "\u0300-\u036f\u0483-\u0489"  # Latin, Greek, Cyrillic
    "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"  # Hebrew points
    "\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed"  # Arabic
    "\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
)
"""Accents and vowel points. The marks of kana and of Indic scripts are letters, so they are kept."""
_DROPPED = re.compile(f"[{_MARKS}{INVISIBLE}{CONTROLS}]+")
_KANA_WITH_MARK = re.compile("[\u3046-\u30fd][\u3099\u309a]")
_PUNYCODE_LABEL = re.compile(r"(?<![a-z0-9_-])xn--([a-z0-9-]+)(?![a-z0-9_-])", re.IGNORECASE | re.ASCII)


def search_key(text: str) -> str:
    """Return the key by which stored text and search terms are compared.

    It ignores case, accents, and the kinds of quotes, dashes and blanks.
    Idempotent; the key of a typed prefix is a prefix of the whole key, down to the jamo of Hangul.
    """
    if text.isascii() and text.isprintable():
        key = text.lower()
        if "`" in key:
            key = key.replace("`", "'")
        return " ".join(key.split()) if "  " in key else key.strip()
    key = _PUNCTUATION_MARKS.sub(_fold, text)
    key = _DROPPED.sub("", normalize("NFKD", key)).casefold()
    key = _FOLDABLE.sub(_fold, _DROPPED.sub("", normalize("NFKD", key)))
    key = _KANA_WITH_MARK.sub(lambda match: normalize("NFC", match[0]), key)
    return " ".join(key.split())


def search_email(address: str) -> str:
    """Return the search key of an address or of its beginning, with the labels of its host as people write them.

    'jane@xn--mller-kva.de' matches 'jane@müller'. A label in Punycode is decoded only when complete.
    """
    key = search_key(address)
    if "xn--" not in key:
        return key
    local, at, host = key.rpartition("@")
    return search_key(f"{local}{at}{_PUNYCODE_LABEL.sub(_decode_label, host)}") if at else key


def _fold(match: re.Match[str]) -> str:
    return _FOLDED[match[0]]


def _decode_label(match: re.Match[str]) -> str:
    if len(match[0]) > _MAX_LABEL_LENGTH:
        return match[0]
    try:
        label = match[1].encode().decode("punycode")
        label.encode()
    except (UnicodeError, ValueError, OverflowError):
        return match[0]
    return match[0] if label.isascii() or "xn--" in label or "@" in label else label
