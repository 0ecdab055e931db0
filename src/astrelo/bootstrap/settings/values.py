"""How the text of a variable becomes a value: each raises ValueError with a sentence about what is allowed.

No sentence quotes the text: it may be a secret.
"""

import base64
import re
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import NamedTuple
from urllib.parse import urlsplit

import idna

KEY_BYTES = 32
MIN_SECRET_LENGTH = 32
"""HS256 needs a key of at least 256 bits (RFC 7518 §3.2)."""
MAX_PORT = 65535
_HOST = re.compile(r"(?:\[[\da-fA-F:.]+\]|[^:\[\]]*)(?::(?P<port>\d{1,5}))?", re.ASCII)


class EncryptionKey(NamedTuple):
    """An AES-256 key for stored tokens; `key_id` is written beside what it encrypts."""

    key_id: str
    key: bytes

    def __repr__(self) -> str:
        return f"EncryptionKey({self.key_id!r}, …)"


def address(value: str) -> str:
    """Check a name or an IP address to listen on, without brackets and port."""
    with suppress(ValueError):
        ip_address(value)
        return value
    if ":" in value or not _is_host(value) or not _is_name(value) or "/" in value:
        raise ValueError("must be a host name or an IP address, without brackets and port")
    return value


def networks(value: str) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        return tuple(ip_network(part.strip()) for part in value.split(",") if part.strip())
    except ValueError:
        raise ValueError("must be IP addresses or networks such as 10.0.0.0/8, separated by commas") from None


def url(value: str) -> str:
    try:
        parts = urlsplit(value)
    except ValueError:
        raise ValueError("must be an http or https URL") from None
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise ValueError("must be an http or https URL")
    if parts.query or parts.fragment or parts.username is not None:
        raise ValueError("must be a URL without user, query and fragment")
    if not _is_host(parts.netloc) or not _is_name(parts.hostname or ""):
        raise ValueError(
            "must be a URL with a host and a port that can be called; look at xn--, brackets and digits"
        )
    return value.rstrip("/")


def _is_name(host: str) -> bool:
    """Return whether httpx can call the host: it raises IDNAError for a name whose punycode does not decode."""
    if "xn--" in host or not host.isascii():
        try:
            idna.encode(idna.decode(host))
        except UnicodeError:
            return False
    return host.isprintable() and " " not in host


def origins(value: str) -> tuple[str, ...]:
    origins = tuple(url(part.strip()) for part in value.split(",") if part.strip())
    if any(urlsplit(origin).path for origin in origins):
        raise ValueError(
            "must be origins such as https://app.example.com, separated by commas, without a path"
        )
    return origins


def database_url(value: str) -> str:
    """Refuse what urlsplit takes apart elsewhere than its author: the rest of a password would be shown."""
    form = (
        "must be a URL of the form postgresql://user:password@host:port/database; "
        "in a password / is written as %2F, # as %23, ? as %3F and @ as %40"
    )
    try:
        parts = urlsplit(value)
    except ValueError:
        raise ValueError(form) from None
    hosts = parts.netloc.rpartition("@")[2].split(",")
    if (
        parts.scheme not in {"postgres", "postgresql"}
        or parts.fragment
        or parts.netloc.count("@") > 1
        or "@" in parts.path + parts.query
        or not all(_is_host(host) for host in hosts)
    ):
        raise ValueError(form)
    return value


def _is_host(text: str) -> bool:
    """Return whether a text is a host, perhaps with a port; it may be empty."""
    match = _HOST.fullmatch(text)
    return match is not None and int(match["port"] or 0) <= MAX_PORT


def keys(value: str) -> tuple[EncryptionKey, ...]:
    keys = tuple(_key(part.strip()) for part in value.split(",") if part.strip())
    if not keys:
        raise ValueError("must be a list 'id:key,…' with at least one key")
    if len({key.key_id for key in keys}) != len(keys):
        raise ValueError("has two keys with the same id; each needs its own")
    return keys


def _key(text: str) -> EncryptionKey:
    key_id, colon, encoded = text.partition(":")
    expected = f"must be a list 'id:key,…' with {KEY_BYTES} random bytes in base64 as each key"
    if not colon or not key_id.isascii() or not key_id.replace("-", "").replace("_", "").isalnum():
        raise ValueError(expected)
    try:
        key = base64.b64decode(encoded, validate=True)
    except ValueError as error:  # not base64, or not ASCII
        raise ValueError(expected) from error
    if len(key) != KEY_BYTES:
        raise ValueError(f"{expected}; '{key_id}' has {len(key)} bytes")
    return EncryptionKey(key_id, key)


def secret(value: str) -> str:
    if len(value) < MIN_SECRET_LENGTH:
        raise ValueError(f"must have at least {MIN_SECRET_LENGTH} characters; it has {len(value)}")
    return value
