"""The driven port to reference data: hosts, places, exchange rates."""

from abc import abstractmethod
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple, Protocol

MAX_RATE_AGE = timedelta(days=30)
"""An older exchange rate is too inaccurate for the requested day."""

MAX_RATES_AGE = timedelta(days=400)
"""How long the last known rates are used for the days after them."""


class UsdRate(NamedTuple):
    """What one unit of a currency is worth in US dollars, and on which day."""

    rate: Decimal
    on: date


class ReferenceData(Protocol):
    """Facts about the world that change slowly. Pure look-ups, no I/O after construction."""

    @property
    @abstractmethod
    def edition(self) -> str:
        """Return the data's name and version, which changes whenever a look-up may give another result."""

    @abstractmethod
    def ascii_host(self, host: str) -> str | None:
        """Return the host in lower-case ASCII as browsers write it (UTS 46), at most 253 characters.

        None if it is no host name: IP addresses, blanks, empty labels, a dot at the end.
        """

    @abstractmethod
    def registrable_domain(self, host: str) -> str | None:
        """Return the part that a company registers ('acme.co.uk').

        None for a bare public suffix, an IP address, and a name under no suffix that exists ('acme.local').
        """

    @abstractmethod
    def is_shared(self, host: str) -> bool:
        """Return whether the host is shared by many companies (free mail, social networks, site builders, shorteners).

        Hosts without a registrable domain (a bare public suffix, an IP address) count as shared, and so do
        names that are typed for 'none' ('no.website').
        """

    @abstractmethod
    def is_site(self, host: str) -> bool:
        """Return whether a site can have this name: it ends in an existing suffix, and is not a word for 'none'."""

    @abstractmethod
    def is_page_about_firm(self, host: str, path: str) -> bool:
        """Return whether the page is a platform's page about a company: a map, search, profile or shop.

        `path` begins with a slash, and has the query with it.
        """

    @abstractmethod
    def country(self, name: str) -> str | None:
        """Return the ISO 3166-1 alpha-2 code of a country, given its code or a common name."""

    @abstractmethod
    def region(self, country: str, name: str) -> str | None:
        """Return the ISO 3166-2 code of a subdivision, given its code or name."""

    @abstractmethod
    def usd_rate(self, currency: str, on: date) -> UsdRate | None:
        """Return what one unit is worth in US dollars at the last reference rate on or before `on`.

        The rate is at most MAX_RATE_AGE older than `on`; than `rates_until` where that is up to MAX_RATES_AGE
        before `on`. None for an unknown currency, or where there is none.
        """

    @property
    @abstractmethod
    def rates_until(self) -> date:
        """Return the last day of the reference rates: MAX_RATES_AGE after it only the dollar has a rate."""
