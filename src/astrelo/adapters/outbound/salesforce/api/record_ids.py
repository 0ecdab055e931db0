"""Salesforce's record ids: 15 characters of which the case counts, or the same with three that tell the case.

The API tells 18 and takes both. The suffix has one character for each five of the id, made of the bits that say
which of them are capitals, the first one's lowest (Salesforce's help, "Record ids").
"""

import re
from string import ascii_letters, digits

_SHORT = 15
_LONG = 18
_CAPITALS = str.maketrans(
    {character: "1" if character.isupper() else "0" for character in ascii_letters + digits}
)
_SUFFIXES = {f"{bits:05b}"[::-1]: suffix for bits, suffix in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZ012345")}
_ID = re.compile(r"[0-9A-Za-z]{15}(?:[A-Z0-5]{3})?", re.ASCII)


def full_id(told: str) -> str | None:
    """Return the id in 18 characters; None for what no record of Salesforce's can be called.

    One such text among the ids of a query, and Salesforce refuses the whole query.
    """
    if not _ID.fullmatch(told):
        return None
    short = told[:_SHORT]
    capitals = short.translate(_CAPITALS)
    full = short + _SUFFIXES[capitals[:5]] + _SUFFIXES[capitals[5:10]] + _SUFFIXES[capitals[10:]]
    return full if len(told) < _LONG or told == full else None
