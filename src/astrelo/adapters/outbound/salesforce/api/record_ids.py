"""Salesforce's record ids: 15 case-sensitive characters, or the same with three more that encode the case.

The API sends 18 and accepts both. The suffix has one character for each five of the id, made of the bits that say
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


def full_id(raw: str) -> str | None:
    """Return the id in 18 characters; None for a text that can be no id.

    With one such text among its ids Salesforce refuses a whole query.
    """
    if not _ID.fullmatch(raw):
        return None
    short = raw[:_SHORT]
    capitals = short.translate(_CAPITALS)
    full = short + _SUFFIXES[capitals[:5]] + _SUFFIXES[capitals[5:10]] + _SUFFIXES[capitals[10:]]
    return full if len(raw) < _LONG or raw == full else None
