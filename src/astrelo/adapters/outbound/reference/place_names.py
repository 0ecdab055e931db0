"""Fold names of places, so that stored names and looked-up names compare equal."""

import re
import unicodedata
from collections.abc import Iterator

_LETTERS_WITHOUT_ACCENT = str.maketrans(
    {
        "ł": "l", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "\u0131": "i", "ħ": "h", "ŧ": "t",
        "ə": "e", "ɛ": "e", "ɔ": "o", "ŋ": "n", "ĸ": "k", "ŀ": "l",
        "\u0456": "i", "ی": "ي", "ى": "ي", "ک": "ك", "ة": "\u0647",
    }
)  # fmt: skip
_DROPPED = re.compile(
    "[\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670"  # accents, vowel points, tatweel
    "\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufe00-\ufe0f\ufeff"  # invisible characters
    "'`\u00b4\u2018\u2019\u201b\u02b0-\u02ff\u05f3]"  # apostrophes
)
_BETWEEN_WORDS = re.compile(r"[^\w\u0900-\u109f\u1780-\u17ff\u3099\u309a]+|_+")
"""Vowel signs of Indic and South-East Asian scripts are no letters to `re`, and yet parts of words."""
_VOWELS = re.compile(r"^(a)[ae]+|(a)e+|([ou])e+")
_MAX_ABBREVIATION_LENGTH = 4
_FIRST_THAI = "\u0e00"
_MAX_KIND_LENGTH = 8
_FLAG = re.compile("[\U0001f1e6-\U0001f1ff]{2}")
_LETTER_OF_FLAG = {0x1F1E6 + place: chr(ord("A") + place) for place in range(26)}

_PARTICLES = frozenset(
    "of the and & de del della delle dei degli da do dos das du des di der und et y e och og ja".split()
)
_SPELT_OUT = {
    "st": "saint", "ste": "saint", "sankt": "saint", "sint": "saint",
    "rep": "republic", "republica": "republic", "republik": "republic", "republika": "republic",
    "republique": "republic", "repubblica": "republic", "republiek": "republic", "republiken": "republic",
    "dem": "democratic", "fed": "federal", "isl": "island", "is": "island", "isls": "island",
    "islands": "island", "terr": "territory", "ter": "territory",
}  # fmt: skip
"""Applied to words beside others: 'St' alone may be a state's code."""


def show_flags(text: str) -> str:
    """Replace flag emoji by the country codes that they are made of, in brackets."""
    return _FLAG.sub(lambda flag: f" ({flag[0].translate(_LETTER_OF_FLAG)}) ", text)


def fold_words(name: str) -> list[str]:
    """Return the words of a name without case, accents, particles and the ways to abbreviate.

    'ae', 'oe', 'ue', and 'Aa' in front, are what people without an umlaut or a ring on their keyboard write.
    """
    folded = unicodedata.normalize("NFKD", name).casefold().replace("&", " & ")
    bare = _DROPPED.sub("", folded).translate(_LETTERS_WITHOUT_ACCENT)
    words = _BETWEEN_WORDS.split(unicodedata.normalize("NFC", bare))
    return list(_drop_particles([word for word in words if word]))


def _drop_particles(words: list[str]) -> Iterator[str]:
    last = len(words) - 1
    for place, word in enumerate(words):
        if last > 0:
            leading_article = place == 0 and word == "the"
            between = 0 < place < last and word in _PARTICLES and len(words[place - 1]) > 1
            if leading_article or between:
                continue
            word = _SPELT_OUT.get(word, word)  # noqa: PLW2901
        yield word


def folded_key(words: list[str]) -> str:
    """Return the key that is compared: the words without the blanks between them."""
    key = "".join(words)
    return _VOWELS.sub(r"\1\2\3", key) if len(key) > _MAX_ABBREVIATION_LENGTH else key


_SEPARATORS = re.compile(
    r"[()\[\]{}<>,;/|:\u3001\u060c\u3008-\u3011\uff08\uff09\uff0c\uff0f\uff1a\uff1b]|\s[-\u2013-\u2015]+\s"
    r"|(?<=^[A-Z]{2})[-\u2013]|(?<=^[A-Z]{3})[-\u2013]|[-\u2013](?=[A-Z]{2}$)"
)
"""A hyphen separates with blanks around it, or between a code in capitals and a name."""


def split_parts(text: str) -> Iterator[list[str]]:
    """Yield ways to split a text, if there are any: a last bracket and what is before it, then at all separators."""
    bare = text.strip()
    if bare.endswith((")", "]")) and (bracket := max(bare.rfind("("), bare.rfind("["))) > 0:
        yield [bare[:bracket].strip(), bare[bracket + 1 : -1].strip()]
    parts = [part for part in map(str.strip, _SEPARATORS.split(text)) if part]
    if parts != [text]:
        yield parts


_DIRECTIONS = {
    "n": ("north", "northern"), "no": ("north", "northern"),
    "s": ("south", "southern"), "so": ("south", "southern"),
    "e": ("east", "eastern"), "w": ("west", "western"),
}  # fmt: skip


def spell_directions(words: list[str]) -> list[list[str]]:
    """Return what 'S. Korea' and 'W Virginia' may stand for."""
    if len(words) < 2:  # noqa: PLR2004 # a direction and what it is of
        return []
    return [[direction, *words[1:]] for direction in _DIRECTIONS.get(words[0], ())]


def trim(words: list[str], kinds: frozenset[str]) -> list[str]:
    """Remove words that say what a place is from both ends; all of them may go."""
    first, last = 0, len(words)
    while first < last and (words[first] in kinds or (first and words[first] in _PARTICLES)):
        first += 1
    while first < last and words[last - 1] in kinds:
        last -= 1
    rest = words[first:last]
    return [_trim_word(rest[0], kinds)] if len(rest) == 1 else rest


def _trim_word(word: str, kinds: frozenset[str]) -> str:
    """Remove what a place is from either end of a word, in scripts that put no blanks between words."""
    if word[0] < _FIRST_THAI:
        return word
    for length in range(min(_MAX_KIND_LENGTH, len(word) - 1), 0, -1):
        if word[-length:] in kinds:
            return word[:-length]
        if word[:length] in kinds:
            return word[length:]
    return word
