"""Which URLs a webhook endpoint may have.

This refuses early what can be seen in the text. What a name resolves to is checked for each connection, against the
very address that is connected to (`adapters/outbound/webhook_transport/`): a name can change its address at any time.
"""

import re
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from astrelo.application import messages
from astrelo.domain import errors
from astrelo.domain.webhook_endpoints.public_addresses import is_loopback, is_public

MAX_URL_LENGTH = 2_000
PORTS = frozenset({443, 8443})
"""The ports of targets: others are of services that a signed request has no business with."""

_URL_CHARACTERS = re.compile(r"[!-\[\]^-~]+")
"""Visible ASCII characters but the backslash, which browsers and servers read in two ways."""
_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
_NUMERIC_LABEL = re.compile(r"\d+|0[xX][\da-fA-F]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetPolicy:
    """What an operator admits as targets."""

    allow_http: bool = False
    allow_loopback: bool = False
    """Addresses of this machine, on any port: for development and tests."""

    def allows(self, address: str) -> bool:
        """Return whether connections to an IP address are admitted."""
        return is_public(address) or (self.allow_loopback and is_loopback(address))


def validate_url(url: str, policy: TargetPolicy) -> str:
    """Return the URL as it is called, or raise InvalidInput with the reason."""
    if len(url) > MAX_URL_LENGTH:
        raise _refuse(messages.URL_TOO_LONG.format(limit=MAX_URL_LENGTH))
    if not _URL_CHARACTERS.fullmatch(url):
        raise _refuse(messages.URL_NOT_ASCII)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _refuse(messages.NO_URL) from None
    if parts.scheme != "https" and not (parts.scheme == "http" and policy.allow_http):
        raise _refuse(messages.URL_NOT_HTTPS)
    if "@" in parts.netloc:
        raise _refuse(messages.URL_WITH_CREDENTIALS)
    if "#" in url:
        raise _refuse(messages.URL_WITH_FRAGMENT)
    _validate_host(parts, policy)
    if port is not None and port not in PORTS and not policy.allow_loopback:
        raise _refuse(messages.PORT_NOT_ALLOWED.format(ports=", ".join(map(str, sorted(PORTS)))))
    return url


def _validate_host(parts: SplitResult, policy: TargetPolicy) -> None:
    host = parts.hostname or ""
    with suppress(ValueError):
        ip_address(host)
        if not policy.allows(host):
            raise _refuse(messages.ADDRESS_NOT_ALLOWED)
        return
    labels = host.split(".")
    # inet_aton reads 127.1, 0x7f.1 and 2130706433 as addresses, and so do many resolvers.
    if not all(_LABEL.fullmatch(label) for label in labels) or _NUMERIC_LABEL.fullmatch(labels[-1]):
        raise _refuse(messages.NO_HOST)
    if labels[-1].lower() == "localhost":
        if not policy.allow_loopback:
            raise _refuse(messages.ADDRESS_NOT_ALLOWED)
    elif len(labels) == 1:
        raise _refuse(messages.NO_HOST)


def _refuse(reason: str) -> errors.InvalidInput:
    return errors.InvalidInput("url", reason)
