"""Salesforce record ids: 15 case-sensitive characters, and three more that make the id case-insensitive.

The first three characters are the object's key prefix; the last three encode which characters are upper case.
"""

import re
import string

PREFIXES = {
    "Account": "001",
    "Contact": "003",
    "CurrencyType": "01L",
    "Opportunity": "006",
    "OpportunityContactRole": "00K",
    "OpportunityStage": "01J",
    "Organization": "00D",
    "User": "005",
}
BULK_JOB_PREFIX = "750"
_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
"""In the order of ASCII, so that ids sort like their numbers."""
_SUFFIXES = string.ascii_uppercase + string.digits[:6]
_ID = re.compile(r"[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?")
_SHORT_LENGTH = 15
_NUMBER_DIGITS = 12


def record_id(object_name: str, number: int) -> str:
    """Return the id of 18 characters for a number; greater numbers give greater ids."""
    return numbered_id(PREFIXES[object_name], number)


def numbered_id(prefix: str, number: int) -> str:
    digits = ""
    rest = number
    for _ in range(_NUMBER_DIGITS):
        rest, digit = divmod(rest, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    if rest:
        raise ValueError(f"{number} is too large for a Salesforce id.")
    return _with_suffix(prefix + digits)


def number_of(full: str) -> int:
    """Return the number of an id that `record_id` made."""
    number = 0
    for character in full[3:_SHORT_LENGTH]:
        number = number * len(_DIGITS) + _DIGITS.index(character)
    return number


def full_id(text: str) -> str | None:
    """Return the form of 18 characters of an id of 15 or 18; None for a text that is no id or has a wrong suffix."""
    if not _ID.fullmatch(text):
        return None
    full = _with_suffix(text[:_SHORT_LENGTH])
    return full if len(text) == _SHORT_LENGTH or text == full else None


def _with_suffix(short: str) -> str:
    suffix = ""
    for start in range(0, _SHORT_LENGTH, 5):
        bits = sum(1 << place for place, char in enumerate(short[start : start + 5]) if char.isupper())
        suffix += _SUFFIXES[bits]
    return short + suffix
