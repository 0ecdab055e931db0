"""Which IP addresses belong to the public internet: the only ones that webhooks are delivered to.

Sources: IANA's special-purpose registries (RFC 6890 and its updates). A table of our own rather than
`ipaddress.is_global`, which changes between Python's releases, counts multicast and NAT64 as global, and does not know
the metadata address of a cloud that lies in public space.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

_NOT_PUBLIC_IPV4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by carriers; Alibaba's metadata at 100.100.100.200
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's platform channel
        "169.254.0.0/16",  # link-local; the metadata of most clouds at 169.254.169.254
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; Oracle's metadata at 192.0.0.192
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # automatic multicast tunneling
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)

_GLOBAL_UNICAST_IPV6 = IPv6Network("2000::/3")
"""All else in IPv6 is no public address: loopback, link-local, unique local, multicast, IPv4-mapped, NAT64."""

_NOT_PUBLIC_IPV6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments, among them Teredo, which holds an IPv4 address
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which holds an IPv4 address
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)


def is_public(address: str) -> bool:
    """Return whether an address, as `getaddrinfo` writes it, is a public unicast address. Raise ValueError for none."""
    match ip_address(address):
        case IPv4Address() as ipv4:
            return not any(ipv4 in network for network in _NOT_PUBLIC_IPV4)
        case IPv6Address() as ipv6:
            return (
                ipv6.scope_id is None
                and ipv6 in _GLOBAL_UNICAST_IPV6
                and not any(ipv6 in network for network in _NOT_PUBLIC_IPV6)
            )


def is_loopback(address: str) -> bool:
    """Return whether an address is this machine. Raise ValueError for text that is no address."""
    return ip_address(address).is_loopback
