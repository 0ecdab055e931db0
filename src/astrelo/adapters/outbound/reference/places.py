"""Countries and their regions, by code and by the names that people give them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from astrelo.adapters.outbound.reference import place_names, place_tables
from astrelo.adapters.outbound.reference.data_files import DATA

CACHED_NAMES = 8_192

MAX_NAME_LENGTH = 100
"""No place has a longer name; the cache must not keep long texts that were pasted into the wrong field."""

COUNTRY_KINDS = frozenset(
    "the republic kingdom federal federation federative islamic principality sultanate commonwealth duchy grand"
    " nation country island territory sar bundesrepublik konigreich royaume reino regno furstentum le la les los las el il die der das"
    " ประเทศ".split()
)
"""Words beside a country's name; not 'democratic' nor 'people's', which distinguish the two Koreas."""

_SOVEREIGNS = {
    "CN": "HK MO TW", "DK": "FO GL", "FI": "AX", "NO": "SJ", "NL": "AW BQ CW SX", "AU": "CC CX NF", "NZ": "CK NU TK",
    "US": "AS GU MP PR UM VI", "FR": "BL GF GP MF MQ NC PF PM RE TF WF YT",
    "GB": "AI BM FK GG GI GS IM IO JE KY MS PN SH TC VG",
}  # fmt: skip
_TERRITORIES = {
    frozenset((territory, state)): territory
    for state, territories in _SOVEREIGNS.items()
    for territory in territories.split()
}
"""'Puerto Rico, USA' names a place and whom it belongs to, not two countries."""

_UNDECIDED = ("", place_tables.AMBIGUOUS)
_DOTTED_CODE = re.compile(r"[A-Za-z](?:\. ?[A-Za-z]){1,3}\.?|[A-Za-z]{2,3}\.")
_COUNTRIES_WITH_DOTTED_CODES = frozenset("AU BR CA IN MX NZ US".split())
_PLACEHOLDERS = frozenset({"KA", "NA"})
_BRACKET = re.compile(r"[(\[{]")
_POSTAL_CODE = re.compile(r"\s+[0-9]{4,6}(?:-[0-9]{4})?\s*\Z")


@dataclass(frozen=True, slots=True)
class _Names:
    """Codes and names of places of one sort. Aliases come before the table's names."""

    codes: Mapping[str, str]
    aliases: Mapping[str, str]
    table: place_tables.NameTable
    kinds: frozenset[str]
    city_kinds: frozenset[str] = frozenset()

    def meaning(self, name: str) -> str:
        """Return a code, AMBIGUOUS, or nothing for an unknown name."""
        return self.codes.get(name.strip().upper()) or self.by_name(name)

    def by_name(self, name: str) -> str:
        words = place_names.fold_words(name)
        for spelling in (*place_names.spell_directions(words), words):
            if found := self._find(spelling).plain:
                return found
        bare = place_names.trim(words, self.kinds | self.city_kinds)
        if bare == words:
            return ""
        # What 'Moscow region' means, and 'Moscow city' if city and region cannot be mistaken.
        plain, qualified = self._find(bare)
        is_region = plain == qualified or place_names.trim(words, self.kinds) == bare
        return qualified if is_region else ""

    def _find(self, words: list[str]) -> place_tables.Meaning:
        key = place_names.folded_key(words)
        found, alias = self.table.find(key), self.aliases.get(key)
        return place_tables.Meaning(alias, found.qualified or alias) if alias else found

    def read_inverted(self, parts: list[str]) -> str:
        """Return what 'Korea, South' and 'Palestine (State of)' mean."""
        return self.by_name(f"{parts[1]} {parts[0]}") if len(parts) == 2 else ""  # noqa: PLR2004

    def specific_parts(self, parts: list[str]) -> list[str]:
        """Return the parts that are more than words for a kind of place."""
        return [
            part
            for part in parts
            if place_names.trim(place_names.fold_words(part), self.kinds | self.city_kinds)
        ]


class Places:
    """Countries and regions, each of which helps to read the other: 'Bavaria, Germany'."""

    def __init__(self) -> None:
        countries, codes, table = _read_aliases("country_names.tsv"), *place_tables.load_countries()
        self._countries = _Names(codes, dict(countries), table, COUNTRY_KINDS)
        self._region_aliases: dict[str, dict[str, str]] = {}
        for key, code in _read_aliases("region_names.tsv"):
            self._region_aliases.setdefault(code[:2], {})[key] = code[3:] or place_tables.AMBIGUOUS
        self._regions_of = lru_cache(None)(self._load_regions)
        self.country = lru_cache(CACHED_NAMES)(self._country)
        self.region = lru_cache(CACHED_NAMES)(self._region)

    def _load_regions(self, country: str) -> tuple[_Names, Mapping[str, str]]:
        parents, kinds, city_kinds, table = place_tables.load_regions(country)
        codes = {alias: code for code in parents for alias in (code, f"{country}-{code}")}
        return _Names(codes, self._region_aliases.get(country, {}), table, kinds, city_kinds), parents

    def _country(self, raw: str) -> str | None:
        name = place_names.show_flags(raw)
        known = self._countries.meaning(name)
        if known in _UNDECIDED:
            known = next(filter(None, map(self._country_of_parts, place_names.split_parts(name))), "")
        return None if known in _UNDECIDED else known

    def _country_of_parts(self, parts: list[str]) -> str:
        """Return the one country that all parts name, and of which unknown parts are regions."""
        if inverted := self._countries.read_inverted(parts):
            return inverted
        found = [(part, self._countries.meaning(part)) for part in self._countries.specific_parts(parts)]
        codes = frozenset(code for _, code in found if code)
        country = _TERRITORIES.get(codes) or ("".join(codes) if len(codes) == 1 else "")
        if not country:
            return ""
        regions, _ = self._regions_of(country)
        return country if all(code or regions.by_name(part) for part, code in found) else ""

    def _region(self, country: str, raw: str) -> str | None:
        names, _ = self._regions_of(country)
        name = _POSTAL_CODE.sub("", raw)
        known = names.codes.get(_drop_dots(country, name).upper()) or names.by_name(name)
        if known in _UNDECIDED:
            with_towns = not _BRACKET.search(name)
            tried = (
                self._region_of_parts(country, parts, with_towns) for parts in place_names.split_parts(name)
            )
            known = next(filter(None, tried), "")
        return None if known in _UNDECIDED else f"{country}-{known}"

    def _region_of_parts(self, country: str, parts: list[str], with_towns: bool) -> str:  # noqa: FBT001
        """Return the one region that all parts name, or the narrower of two of which one is part of the other.

        The country itself may be a part, and a town that stands before its region.
        """
        names, whole_of = self._regions_of(country)
        if inverted := names.read_inverted(parts):
            return inverted
        found = [(part, names.meaning(part)) for part in names.specific_parts(parts)]
        codes = [code for part, code in found if code or self.country(part) != country]
        regions = {code for code in codes if code} if all(codes[-1:] if with_towns else codes) else set()
        narrowest = regions - {whole_of.get(region) for region in regions}
        return narrowest.pop() if len(narrowest) == 1 else ""


def _drop_dots(country: str, name: str) -> str:
    bare = name.strip()
    if country in _COUNTRIES_WITH_DOTTED_CODES and _DOTTED_CODE.fullmatch(bare):
        letters = bare.replace(".", "").replace(" ", "")
        return "" if letters.upper() in _PLACEHOLDERS else letters
    return bare


def _read_aliases(file_name: str) -> Iterator[tuple[str, str]]:
    for line in DATA.joinpath(file_name).read_text("utf-8").splitlines():
        code, _, name = line.partition("\t")
        yield place_names.folded_key(place_names.fold_words(name)), code
