"""Cleaning pasted text for a text column: composed (NFC), without invisible characters."""

import re
from unicodedata import is_normalized, normalize

MAX_TEXT_LENGTH = 65_536
"""The longest text that a column keeps, in characters. Only truncated text has this length; it ends with an ellipsis."""

_ELLIPSIS = "…"

_LONG = 64
_RAW_PER_CHARACTER = 4
_RAW_SLACK = 1_024
"""Text is truncated roughly before it is cleaned, which keeps 10 MB cheap: composing four characters gives one."""


def _compile_class(*ranges: str) -> re.Pattern[str]:
    return re.compile(f"[{''.join(ranges)}]+")


CONTROLS = "\\x00-\\x08\\x0e-\\x1b\\x7f-\\x84\\x86-\\x9f"
"""Control characters that are not blanks, as ranges of a regular expression, like the constants below."""
_FORMATS = "\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
_FILLERS = "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\uffa0\ufffc\ufffe\uffff"
_SELECTORS = "\ufe00-\ufe0f\U000e0100-\U000e01ef"
_TAGS = "\U000e0001\U000e0020-\U000e007f"
INVISIBLE = _FORMATS + _FILLERS + _SELECTORS + _TAGS
"""Characters of no width."""

_LEADING = _compile_class(r"\s", CONTROLS, INVISIBLE)
_TRAILING = _compile_class(r"\s", CONTROLS, _FORMATS, _FILLERS)
_ODD = _compile_class(_FILLERS, _SELECTORS)
"""Invisible characters that str.isprintable accepts."""

_STRAY = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
_SCRIPTS_WITH_CONTROLS = re.compile(
    "[\u0590-\u08ff\u0e00-\u109f\u1780-\u18af\u1950-\u1aaf\ufb1d-\ufdff\ufe70-\ufefc]"
)
"""Right-to-left scripts need direction marks, South East Asian ones zero-width spaces between words."""
_STRAY_SELECTOR = re.compile("(?<=[\\sA-Za-z\u00c0-\u1fff])[\ufe0e\ufe0f]+")
_BLACK_FLAG = "\U0001f3f4"
"""Begins the flags of England, Scotland and Wales, which are spelled in tags."""
_STRAY_TAG = re.compile("[\U000e0001\U000e0020-\U000e007f]+")


def has_text(value: str | None) -> bool:
    """Return whether a value is not empty, readable or not."""
    return text(value) is not None


def text(value: str | None) -> str | None:
    """Return the value as a text column can hold it: composed (NFC), no NUL, lone surrogates as U+FFFD.

    Removes blanks and invisible characters around it, and inside it the invisible ones that no
    script needs; keeps the joiners of Persian, of Indic scripts and of emoji. Text longer than
    MAX_TEXT_LENGTH is truncated and ends with an ellipsis: see `is_cut`.
    """
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and (
        value.isprintable()
        if len(value) < _LONG
        # As _is_clean_ascii, without the price of a call: most descriptions come this way.
        else value[0] > " "
        and " " < value[-1] < "\x7f"
        and "\0" not in value
        and len(value) < MAX_TEXT_LENGTH
    ):
        return value or None
    return truncate_text(value, MAX_TEXT_LENGTH)


def truncate_text(value: str | None, limit: int) -> str | None:
    """Return `text`, truncated to `limit` characters; adds an ellipsis only at MAX_TEXT_LENGTH."""
    if value is None:
        return None
    value = value.strip()
    if (size := len(value)) > limit or size == MAX_TEXT_LENGTH:
        value = _clean(value[: _RAW_PER_CHARACTER * limit + _RAW_SLACK])
        if limit < MAX_TEXT_LENGTH:
            value = _strip(value[:limit])
        elif len(value) >= limit:
            value = value[: limit - 1] + _ELLIPSIS
    elif value.isascii():
        value = value if _is_clean_ascii(value) else _clean(value)
    elif (
        not value.isprintable()
        or not is_normalized("NFC", value)
        or _ODD.match(value)
        or _ODD.match(value[-1])
    ):
        value = _clean(value)
    return value or None


def is_cut(read: str | None) -> bool:
    """Return whether a text that `text` returned was truncated."""
    return read is not None and len(read) == MAX_TEXT_LENGTH


def strip_invisible(value: str) -> str:
    """Return the value composed, without invisible and control characters, full-width forms as ASCII.

    For links and addresses, where joiners and full-width forms have no meaning.
    """
    if value.isascii() and value.isprintable():
        return value
    shown = _UNSEEN.sub("", replace_lone_surrogates(value))
    return normalize("NFC", _FULL_WIDTH.sub(lambda match: normalize("NFKC", match[0]), shown))


_UNSEEN = _compile_class(INVISIBLE, CONTROLS)
_FULL_WIDTH = re.compile("[\uff01-\uff5e\ufe50-\ufe6b]")


def _is_clean_ascii(value: str) -> bool:
    """Return whether ASCII text needs no cleaning. Cheaper than isprintable for long text: checks its ends only."""
    return value[:1] > " " and " " < value[-1] < "\x7f" and "\0" not in value and len(value) < MAX_TEXT_LENGTH


def _clean(value: str) -> str:
    value = replace_lone_surrogates(value).replace("\0", "")
    if not _SCRIPTS_WITH_CONTROLS.search(value):
        value = _STRAY.sub("", value)
    value = _STRAY_SELECTOR.sub("", value)
    if _BLACK_FLAG not in value:
        value = _STRAY_TAG.sub("", value)
    return _strip(normalize("NFC", value))


def _strip(value: str) -> str:
    if leading := _LEADING.match(value):
        value = value[leading.end() :]
    # From the end: a search for blanks up to the end would try every blank of the text.
    backwards = value[::-1]
    trailing = _TRAILING.match(backwards)
    return value if trailing is None else value[: len(value) - trailing.end()]


def replace_lone_surrogates(value: str) -> str:
    """Replace lone surrogates, which UTF-8 cannot encode; a surrogate pair becomes its character."""
    try:
        value.encode("utf-16-le")
    except UnicodeEncodeError:
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return value
