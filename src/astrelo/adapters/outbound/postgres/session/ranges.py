"""Texts that begin alike as a range of an index, whose operators (`~>=~`, `~<~`) order texts by code point.

Not LIKE: that is no leakproof operator, so row-level security would take its index away.
"""

from collections.abc import Iterable
from typing import NamedTuple

_LAST = 0x10FFFF
_SURROGATES = range(0xD800, 0xE000)
_SECTORS_TOGETHER = {"32": "31", "33": "31", "45": "44", "49": "48"}
"""NAICS sectors that are stored as a range ('44-45'), by the sector with which it begins."""


class TextRange(NamedTuple):
    """From `start` to before `end`; None is no bound."""

    start: str | None = None
    end: str | None = None


def prefix_range(prefix: str | None) -> TextRange:
    """Return the range of the texts that begin with the prefix."""
    return TextRange() if prefix is None else TextRange(prefix, _successor(prefix))


def naics_range(prefixes: Iterable[str] | None) -> TextRange:
    """Return the range in which all codes with one of the prefixes lie, with ranges of sectors that hold one."""
    if prefixes is None:
        return TextRange()
    known = list(prefixes)
    return TextRange(
        min(_SECTORS_TOGETHER.get(prefix, prefix) for prefix in known),
        max(_successor(prefix) or "" for prefix in known) or None,
    )


def _successor(text: str) -> str | None:
    """Return the first text behind all that begin with this one; None if there is none."""
    while text:
        following = ord(text[-1]) + 1
        if following <= _LAST:
            return text[:-1] + chr(_SURROGATES.stop if following in _SURROGATES else following)
        text = text[:-1]
    return None
