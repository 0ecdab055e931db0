"""Salesforce's record ids: 15 characters that mind their case, and three more that make 18 safe without it.

The first three characters name the object; the suffix is Salesforce's own checksum of upper and lower case.
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
"""In the order of ASCII, so that ids sort as the numbers that they are made of."""
_SUFFIXES = string.ascii_uppercase + string.digits[:6]
_ID = re.compile(r"[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?")
_SHORT = 15
_NUMBER_DIGITS = 12


def record_id(object_name: str, number: int) -> str:
    """Return the id of 18 characters that stands for a number; greater numbers give greater ids."""
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
    """Return the number that `record_id` made an id of."""
    number = 0
    for character in full[3:_SHORT]:
        number = number * len(_DIGITS) + _DIGITS.index(character)
    return number


def full_id(text: str) -> str | None:
    """Return the 18 characters of an id of 15 or 18; None when it is no id or its suffix is wrong."""
    if not _ID.fullmatch(text):
        return None
    full = _with_suffix(text[:_SHORT])
    return full if len(text) == _SHORT or text == full else None


def _with_suffix(short: str) -> str:
    suffix = ""
    for start in range(0, _SHORT, 5):
        bits = sum(1 << place for place, char in enumerate(short[start : start + 5]) if char.isupper())
        suffix += _SUFFIXES[bits]
    return short + suffix
