"""Salesforce's record ids: 15 characters of which the case counts, or the same with three that tell the case.

The API tells 18 and takes both. The suffix has one character for each five of the id, made of the bits that say
which of them are capitals, the first one's lowest (Salesforce's help, "Record ids").
"""

import re

_SHORT = 15
_LONG = 18
_SUFFIXES = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_ID = re.compile(r"[0-9A-Za-z]{15}(?:[A-Z0-5]{3})?", re.ASCII)


def full_id(told: str) -> str | None:
    """Return the id in 18 characters; None for what no record of Salesforce's can be called.

    One such text among the ids of a query, and Salesforce refuses the whole query.
    """
    if not _ID.fullmatch(told):
        return None
    full = told[:_SHORT] + _suffix(told[:_SHORT])
    return full if len(told) < _LONG or told == full else None


def _suffix(short: str) -> str:
    chunks = (short[start : start + 5] for start in range(0, _SHORT, 5))
    return "".join(_SUFFIXES[_capitals(chunk)] for chunk in chunks)


def _capitals(chunk: str) -> int:
    return sum(1 << place for place, character in enumerate(chunk) if character.isupper())
