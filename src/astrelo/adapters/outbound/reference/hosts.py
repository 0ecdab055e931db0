"""Host names: their ASCII form, their registrable domain, and whether many companies share them."""

import re
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import NamedTuple, Self
from unicodedata import category

import idna
from tldextract import TLDExtract

from astrelo.adapters.outbound.reference.data_files import read_list
from astrelo.adapters.outbound.reference.shared_hosts import PageRules, Placeholders, SharedHosts

CACHED_HOSTS = 16_384
"""A few megabytes at most, and enough for the hosts of a batch and of the contacts that follow it."""

RESERVED_NAMES = frozenset(
    {"test", "example", "invalid", "localhost", "example.com", "example.net", "example.org"}
)
"""RFC 2606 and 6761: they cannot be registered. They are names for tests; elsewhere they stand for 'none'."""

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"(?:{_LABEL}\.)*(?!\d+\Z)[a-z0-9](?:[a-z0-9-]{{0,61}}[a-z0-9])?")
_PLAIN_HOST = re.compile(r"[a-z0-9]{1,63}\.[a-z]{2,63}")
"""What most hosts look like: matched in half the time."""
_MAX_HOST_LENGTH = 253
_SYMBOLS = frozenset({"So", "Sm", "Sc", "Sk", "Me"})
"""The Unicode categories of emoji and what is drawn with them."""


class _HostFact(NamedTuple):
    registrable_domain: str | None
    is_shared: bool
    is_site: bool = True


class _SuffixRules(NamedTuple):
    suffixes: frozenset[str]
    wildcards: frozenset[str]
    """'ck' for '*.ck': every name right below it is a suffix."""
    exceptions: frozenset[str]
    """'www.ck' for '!www.ck': a registrable name in spite of the wildcard."""

    @classmethod
    def load(cls, additions: Iterable[str]) -> Self:
        library = TLDExtract(cache_dir=None, suffix_list_urls=(), include_psl_private_domains=True)
        rules: list[str] = []
        for rule in library.tlds:
            prefix = rule[: len(rule) - len(rule.lstrip("*.!"))]
            encoded = rule[len(prefix) :] if rule.isascii() else _encode_idna(rule[len(prefix) :])
            if encoded is not None:
                rules.append(prefix + encoded)
        return cls(
            frozenset(rule for rule in rules if rule[0] not in "*!").union(additions),
            frozenset(rule[2:] for rule in rules if rule.startswith("*.")),
            frozenset(rule[1:] for rule in rules if rule.startswith("!")),
        )

    def registrable_domain(self, host: str) -> str | None:
        """Apply the algorithm of publicsuffix.org/list: longest rule, exceptions first.

        Without its last rule, '*': what ends in no other rule ends in no suffix that exists.
        """
        below, name = None, host
        while name not in self.exceptions:
            parent = name.partition(".")[2]
            if name in self.suffixes or parent in self.wildcards:
                return below
            if not parent:
                return None
            below, name = name, parent
        return name


class HostFacts:
    """The public suffix list bundled with tldextract, private part included, and the lists in data/.

    Applies the suffix rules itself: a look-up in tldextract 5.4 builds a URL's parts and costs 5 µs, as much as
    the rest of a record. A test compares the two. `reserved_names`, a subset of RESERVED_NAMES,
    count as registered names, which tests and the sandbox need.
    """

    def __init__(self, reserved_names: Collection[str] = ()) -> None:
        builders = frozenset(read_list("site_builders.txt"))
        self._rules = _SuffixRules.load(builders.union(name for name in reserved_names if "." not in name))
        self._shared = SharedHosts(builders)
        self._placeholders = Placeholders(RESERVED_NAMES.difference(reserved_names))
        self._pages = PageRules()
        self.look_up = lru_cache(CACHED_HOSTS)(self._look_up)

    def is_page_about_firm(self, host: str, path: str) -> bool:
        registrable = self.look_up(host).registrable_domain
        return registrable is not None and self._pages.match(host, registrable, path)

    def _look_up(self, host: str) -> _HostFact:
        registrable = self._rules.registrable_domain(host)
        if registrable is None:
            _, dot, top = host.rpartition(".")
            exists = top in self._rules.suffixes or top in self._rules.wildcards
            return _HostFact(None, is_shared=True, is_site=bool(dot) and exists)
        if self._placeholders.match(host, registrable):
            return _HostFact(registrable, is_shared=True, is_site=False)
        return _HostFact(registrable, self._shared.match(host, registrable))


def ascii_host(host: str) -> str | None:
    """Return a host in lower-case ASCII, None for a text that is no host.

    Underscores are accepted (aircraft_co.example.com does resolve), which the IDNA standard refuses.
    """
    if len(host) > _MAX_HOST_LENGTH:
        return None
    if not host.isascii():
        return _encode_idna(host)
    lowered = host.lower()
    return lowered if _PLAIN_HOST.fullmatch(lowered) or _HOST.fullmatch(lowered) else None


@lru_cache(CACHED_HOSTS)
def _encode_idna(host: str) -> str | None:
    """Map by UTS 46, then encode label by label, since labels that are ASCII already may hold underscores."""
    try:
        mapped = idna.uts46_remap(host, std3_rules=False, transitional=False)
        labels = [label if label.isascii() else _encode_label(label) for label in mapped.split(".")]
    except (idna.IDNAError, UnicodeError):
        return None
    encoded = ".".join(labels).rstrip(".")
    return encoded if len(encoded) <= _MAX_HOST_LENGTH and _HOST.fullmatch(encoded) else None


def _encode_label(label: str) -> str:
    """Encode as browsers do, which accept emoji and other symbols that IDNA 2008 refuses."""
    if not any(category(character) in _SYMBOLS for character in label):
        return idna.alabel(label).decode()
    if not all(category(character) in _SYMBOLS or character.isalnum() for character in label):
        raise idna.IDNAError(f"{label!r} is no label of letters, digits and symbols")
    return f"xn--{label.encode('punycode').decode()}"
