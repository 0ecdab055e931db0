"""Text as people paste it, made fit for a text column: composed, and without what nobody can see."""

import re
from unicodedata import is_normalized, normalize

MAX_TEXT_LENGTH = 65_536
"""The longest text that a column keeps, in characters. Only a cut one is that long: it ends with an ellipsis."""

_ELLIPSIS = "…"

_LONG = 64
_RAW_PER_CHARACTER = 4
_RAW_SLACK = 1_024
"""Text is cut roughly before it is cleaned, which keeps 10 MB cheap: composing four characters gives one."""


def _class(*ranges: str) -> re.Pattern[str]:
    return re.compile(f"[{''.join(ranges)}]+")


CONTROLS = "\\x00-\\x08\\x0e-\\x1b\\x7f-\\x84\\x86-\\x9f"
"""Control characters that are no blanks, as ranges of a regular expression; so are the next ones."""
_FORMATS = "\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
_FILLERS = "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\uffa0\ufffc\ufffe\uffff"
_SELECTORS = "\ufe00-\ufe0f\U000e0100-\U000e01ef"
_TAGS = "\U000e0001\U000e0020-\U000e007f"
INVISIBLE = _FORMATS + _FILLERS + _SELECTORS + _TAGS
"""What takes no room on a screen."""

_LEADING = _class(r"\s", CONTROLS, INVISIBLE)
_TRAILING = _class(r"\s", CONTROLS, _FORMATS, _FILLERS)
_ODD = _class(_FILLERS, _SELECTORS)
"""What str.isprintable does not notice."""

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
    """Return whether a value says anything at all, readable or not."""
    return text(value) is not None


def text(value: str | None) -> str | None:
    """Return what a text column can hold: composed (NFC), no NUL, lone surrogates as U+FFFD.

    Blanks and invisible characters around it are dropped, and so are invisible ones inside that no
    script needs; the joiners of Persian, of Indic scripts and of emoji stay. Longer text than
    MAX_TEXT_LENGTH is cut and ends with an ellipsis: see `is_cut`.
    """
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and (value.isprintable() if len(value) < _LONG else _is_clean_ascii(value)):
        return value or None
    return truncated_text(value, MAX_TEXT_LENGTH)


def truncated_text(value: str | None, limit: int) -> str | None:
    """Return `text`, cut to `limit` characters; only what MAX_TEXT_LENGTH cuts gets an ellipsis."""
    if value is None:
        return None
    value = value.strip()
    if (size := len(value)) > limit or size == MAX_TEXT_LENGTH:
        value = _cut(_cleaned(value[: _raw_length(limit)]), limit)
    elif not (_is_clean_ascii(value) if value.isascii() else value.isprintable() and _is_clean(value)):
        value = _cleaned(value)
    return value or None


def is_cut(read: str | None) -> bool:
    """Return whether a text that was read lacks its end."""
    return read is not None and len(read) == MAX_TEXT_LENGTH


def _cut(value: str, limit: int) -> str:
    if limit < MAX_TEXT_LENGTH:
        return _stripped(value[:limit])
    return value if len(value) < limit else value[: limit - 1] + _ELLIPSIS


def _raw_length(limit: int) -> int:
    return _RAW_PER_CHARACTER * limit + _RAW_SLACK


def visible(value: str) -> str:
    """Return the value composed, without invisible and control characters, and no wider than ASCII.

    For links and addresses, where joiners and full-width forms mean nothing.
    """
    if value.isascii() and value.isprintable():
        return value
    shown = _UNSEEN.sub("", without_lone_surrogates(value))
    return normalize("NFC", _FULL_WIDTH.sub(lambda match: normalize("NFKC", match[0]), shown))


_UNSEEN = _class(INVISIBLE, CONTROLS)
_FULL_WIDTH = re.compile("[\uff01-\uff5e\ufe50-\ufe6b]")


def _is_clean_ascii(value: str) -> bool:
    """Return whether text can stay as it is. Cheaper than isprintable where it is long: looks at its ends."""
    return value[:1] > " " and " " < value[-1] < "\x7f" and "\0" not in value and len(value) < MAX_TEXT_LENGTH


def _is_clean(value: str) -> bool:
    """Return whether printable text can stay as it is."""
    return is_normalized("NFC", value) and not (_ODD.match(value) or _ODD.match(value[-1]))


def _cleaned(value: str) -> str:
    value = without_lone_surrogates(value).replace("\0", "")
    if not _SCRIPTS_WITH_CONTROLS.search(value):
        value = _STRAY.sub("", value)
    value = _STRAY_SELECTOR.sub("", value)
    if _BLACK_FLAG not in value:
        value = _STRAY_TAG.sub("", value)
    return _stripped(normalize("NFC", value))


def _stripped(value: str) -> str:
    if leading := _LEADING.match(value):
        value = value[leading.end() :]
    # From the end: a search for blanks up to the end would try every blank of the text.
    backwards = value[::-1]
    trailing = _TRAILING.match(backwards)
    return value if trailing is None else value[: len(value) - trailing.end()]


def without_lone_surrogates(value: str) -> str:
    """Replace what UTF-8 cannot encode; a pair of halves becomes the character it stands for."""
    try:
        value.encode("utf-16-le")
    except UnicodeEncodeError:
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return value
