"""The tables that `make places` builds: names of places, folded and sorted, and what each means."""

from typing import NamedTuple
from zipfile import ZipFile

from astrelo.adapters.outbound.reference.data_files import DATA

ARCHIVE = "places.zip"
COUNTRIES = "countries.tsv"

AMBIGUOUS = "-"
"""What a name means that several places have."""


class Meaning(NamedTuple):
    """What a name means by itself, and what it means beside words such as 'province of'.

    They differ: 'Moscow' is the city, and 'Moscow region' is not.
    """

    plain: str
    qualified: str


NOTHING = Meaning("", "")


class NameTable:
    """Sorted lines of a folded name, its meaning and its qualified meaning if that is another.

    Kept as one string of bytes: as a dictionary the names of all regions would take 40 MB.
    """

    def __init__(self, lines: bytes) -> None:
        self._lines = b"\n" + lines

    def find(self, key: str) -> Meaning:
        wanted = key.encode("utf-8", "replace")
        low, high = 0, len(self._lines) - 1
        while low < high:
            start = self._lines.rfind(b"\n", low, (low + high) // 2 + 1) + 1
            end = self._lines.index(b"\n", start)
            name, _, meaning = self._lines[start:end].partition(b"\t")
            if name == wanted:
                plain, changed, qualified = meaning.decode().partition("\t")
                return Meaning(plain, qualified if changed else plain)
            low, high = (end, high) if name < wanted else (low, start - 1)
        return NOTHING


class RegionTable(NamedTuple):
    """A country's regions: each code's suffix with that of the whole that it is part of, and names.

    Kinds are words that stand beside names there, such as 'province of'; cities have their own.
    """

    parents: dict[str, str]
    kinds: frozenset[str]
    city_kinds: frozenset[str]
    names: NameTable


NO_REGIONS = RegionTable({}, frozenset(), frozenset(), NameTable(b""))


def load_countries() -> tuple[dict[str, str], NameTable]:
    """Return alpha-2 and alpha-3 codes with the alpha-2 code of each, and the names."""
    codes, _, names = _read_member(COUNTRIES).partition(b"\n")
    pairs = (pair.partition(":") for pair in codes.decode().split())
    return {alias: code for alias, _, code in pairs}, NameTable(names)


def load_regions(country: str) -> RegionTable:
    try:
        codes, kinds, city_kinds, names = _read_member(f"regions/{country}.tsv").split(b"\n", 3)
    except KeyError:
        return NO_REGIONS
    pairs = (pair.partition(":") for pair in codes.decode().split())
    parents = {code: parent for code, _, parent in pairs}
    return RegionTable(parents, _split_words(kinds), _split_words(city_kinds), NameTable(names))


def _split_words(line: bytes) -> frozenset[str]:
    return frozenset(line.decode().split())


def _read_member(name: str) -> bytes:
    with DATA.joinpath(ARCHIVE).open("rb") as archive, ZipFile(archive) as opened:
        return opened.read(name)
