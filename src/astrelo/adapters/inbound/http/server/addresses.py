"""Whose connection it is: the client's address, also behind proxies that are trusted to name it."""

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Network = IPv4Network | IPv6Network

_FORWARDED_FOR = b"x-forwarded-for"
_IPV6_CUSTOMER_BITS = 64
"""The part of an IPv6 address that a provider hands out; whoever has one has 2**64 addresses."""


class TrustedProxies:
    """The networks whose X-Forwarded-For is believed."""

    def __init__(self, networks: Sequence[Network] = ()) -> None:
        self._networks = tuple(networks)

    def trusts(self, address: str) -> bool:
        parsed = _parse(address)
        return parsed is not None and any(parsed in network for network in self._networks)

    def client_of(self, proxy: str, headers: Iterable[tuple[bytes, bytes]]) -> str:
        """Return the last address of X-Forwarded-For that is no trusted proxy; what stands before it is hearsay.

        Return the proxy's own address where there is none, or where what a proxy wrote is no address.
        """
        client = proxy
        for entry in _forwarded_for(headers):
            parsed = _parse(entry)
            if parsed is None:
                break
            client = str(parsed)
            if not self.trusts(client):
                break
        return client


def limited_as(address: str) -> str:
    """Return what an address is counted under: itself, or its /64 network."""
    parsed = _parse(address)
    if isinstance(parsed, IPv6Address):
        return str(IPv6Network((parsed, _IPV6_CUSTOMER_BITS), strict=False))
    return address if parsed is None else str(parsed)


def _forwarded_for(headers: Iterable[tuple[bytes, bytes]]) -> Iterator[str]:
    """Yield the addresses from the nearest to the furthest, without ports (RFC 7239 §4: some proxies add them)."""
    values = [value.decode("latin-1") for name, value in headers if name == _FORWARDED_FOR]
    for entry in reversed(",".join(values).split(",")):
        text = entry.strip()
        if text.startswith("["):
            yield text[1:].partition("]")[0]
        elif text.count(":") == 1:
            yield text.partition(":")[0]
        else:
            yield text


def _parse(address: str) -> IPv4Address | IPv6Address | None:
    """Parse an address; one of IPv4 that is written as IPv6 (::ffff:192.0.2.1) is of IPv4."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return None
    return (parsed.ipv4_mapped or parsed) if isinstance(parsed, IPv6Address) else parsed
