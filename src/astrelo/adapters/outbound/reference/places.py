"""Countries and their regions, by code and by the names that people give them."""

import gettext
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple

import pycountry

CACHED_NAMES = 8_192

MAX_NAME_LENGTH = 100
"""No place has a longer name; a cache must not keep what somebody pasted into the wrong field."""

_LANGUAGES = (
    "de", "fr", "es", "it", "pt_BR", "pt", "nl", "sv", "da", "nb_NO", "fi", "pl", "cs", "hu",
    "ro", "el", "tr", "ru", "uk", "ja", "ko", "zh_CN", "zh_TW", "he", "ar", "th", "vi", "id",
)  # fmt: skip
_BRACKETED = re.compile(r"\s*[\[(]([^\])]*)[\])]\s*")
_ARTICLE = re.compile(r"the\s+", re.IGNORECASE)
_KIND_OF_REGION = re.compile(
    r"[\s-]+(?:province|state|region|prefecture|county|sheng|shi|zizhiqu|teukbyeolsi|gwangyeoksi|do|ken|to|fu|län)\Z",
    re.IGNORECASE,
)


def _key(name: str) -> str:
    """Fold case, accents, blanks and punctuation: 'Côte d'Ivoire' and 'COTE D IVOIRE' are one name."""
    bare = _ARTICLE.sub("", name.strip(), count=1) if _ARTICLE.match(name.strip()) else name
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKD", bare))).casefold()


class Countries:
    """ISO 3166-1 as pycountry has it: codes, English names, names in the larger languages, our aliases.

    Codes must be written as codes: 'N/A' is not Namibia.
    """

    def __init__(self) -> None:
        self._codes: dict[str, str] = {}
        english: dict[str, str] = {}
        for country in pycountry.countries:
            names = (getattr(country, kind, None) for kind in ("name", "official_name", "common_name"))
            english.update((_key(name), country.alpha_2) for name in names if name)
            self._codes |= {country.alpha_2: country.alpha_2, country.alpha_3: country.alpha_2}
        aliases = {_key(name): code for code, name in _aliases("country_names.tsv")}
        self._names = _unambiguous(_translated_countries()) | english | aliases
        self.code = lru_cache(CACHED_NAMES)(self._code)

    def _code(self, name: str) -> str | None:
        return self._codes.get(name.strip().upper()) or self._names.get(_key(name))


class _RegionsOfCountry(NamedTuple):
    codes: Mapping[str, str]
    names: Mapping[str, str]


class Regions:
    """ISO 3166-2 as pycountry has it. A name that means two regions of one country means none here."""

    def __init__(self) -> None:
        self._aliases: dict[str, dict[str, str]] = {}
        for code, name in _aliases("region_names.tsv"):
            self._aliases.setdefault(code[:2], {})[_key(name)] = code
        self._english = _translation("iso3166-2", "en")
        self._of_country = lru_cache(None)(self._regions_of)
        self.code = lru_cache(CACHED_NAMES)(self._code)

    def _code(self, country: str, name: str) -> str | None:
        regions, bare = self._of_country(country), name.strip()
        return (
            regions.codes.get(bare.upper())
            or regions.names.get(_key(bare))
            or regions.names.get(_key(_KIND_OF_REGION.sub("", bare)))
        )

    def _regions_of(self, country: str) -> _RegionsOfCountry:
        """Prefer aliases to the standard's names, and a whole region to a part of it."""
        found = [region for region in pycountry.subdivisions if region.country_code == country]
        whole = _unambiguous(
            (region.code, self._names(region.name)) for region in found if not region.parent_code
        )
        part = _unambiguous((region.code, self._names(region.name)) for region in found if region.parent_code)
        codes = {
            told: region.code for region in found for told in (region.code, region.code.partition("-")[2])
        }
        return _RegionsOfCountry(codes, part | whole | self._aliases.get(country, {}))

    def _names(self, name: str) -> Iterator[str]:
        yield from _variants(name)
        yield from _variants(self._english.gettext(name))


def _variants(name: str) -> Iterator[str]:
    """Yield the names in one: 'A Coruña [La Coruña]' and 'Murcia, Región de' are two or three each."""
    yield name
    yield from _BRACKETED.findall(name)
    plain = _BRACKETED.sub(" ", name)
    yield plain
    yield from plain.split("/")
    yield _KIND_OF_REGION.sub("", plain.strip())
    head, comma, tail = plain.partition(",")
    if comma:
        yield from (head, f"{tail} {head}")


def _unambiguous(names: Iterable[tuple[str, Iterable[str]]]) -> dict[str, str]:
    found: dict[str, str | None] = {}
    for code, spellings in names:
        for key in map(_key, spellings):
            found[key] = code if found.get(key, code) == code else None
    return {key: code for key, code in found.items() if key and code is not None}


def _translated_countries() -> Iterator[tuple[str, Iterable[str]]]:
    translations = [_translation("iso3166-1", language) for language in _LANGUAGES]
    for country in pycountry.countries:
        names = {country.name, getattr(country, "common_name", country.name)}
        yield (
            country.alpha_2,
            [
                spelling
                for told in names
                for each in translations
                for spelling in _variants(each.gettext(told))
            ],
        )


def _translation(domain: str, language: str) -> gettext.NullTranslations:
    return gettext.translation(domain, pycountry.LOCALES_DIR, languages=[language], fallback=True)


def _aliases(file_name: str) -> Iterator[tuple[str, str]]:
    for line in files(__package__).joinpath(file_name).read_text("utf-8").splitlines():
        code, _, name = line.partition("\t")
        yield code, name
