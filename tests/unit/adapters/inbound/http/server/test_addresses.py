"""Whom a request is counted under."""

from ipaddress import ip_network

import pytest

from astrelo.adapters.inbound.http.server.addresses import TrustedProxies, limited_as

PROXIES = TrustedProxies([ip_network("10.0.0.0/8"), ip_network("2001:db8:1::/48")])


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        ([], "10.0.0.1"),
        (["192.0.2.1"], "192.0.2.1"),
        (["192.0.2.1, 10.0.0.2"], "192.0.2.1"),
        (["192.0.2.9, 192.0.2.1"], "192.0.2.1"),  # what the client itself wrote is hearsay
        (["192.0.2.9", "192.0.2.1"], "192.0.2.1"),  # in fields of their own
        (["192.0.2.1:4711"], "192.0.2.1"),
        (["[2001:db8::7]:4711"], "2001:db8::7"),
        (["2001:db8::7"], "2001:db8::7"),
        (["::ffff:192.0.2.1"], "192.0.2.1"),
        (["192.0.2.1, 2001:db8:1::5"], "192.0.2.1"),
        (["192.0.2.1, unknown"], "10.0.0.1"),
        (["192.0.2.1, unknown, 10.0.0.3"], "10.0.0.3"),
        (["10.0.0.3"], "10.0.0.3"),
        (["", ", ,"], "10.0.0.1"),
        (["\xff, 999.1.1.1"], "10.0.0.1"),
    ],
)
def test_the_client_is_the_last_address_that_is_no_proxy(forwarded: list[str], client: str) -> None:
    headers = [(b"x-forwarded-for", value.encode("latin-1")) for value in forwarded]
    assert PROXIES.client_of("10.0.0.1", [(b"host", b"192.0.2.77"), *headers]) == client


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("", ""),
    ],
)
def test_an_ipv6_customer_is_one_client(address: str, counted: str) -> None:
    assert limited_as(address) == counted


@pytest.mark.parametrize(
    ("address", "trusted"),
    [
        ("10.9.9.9", True),
        ("::ffff:10.9.9.9", True),
        ("11.0.0.1", False),
        ("2001:db8:1::1", True),
        ("", False),
    ],
)
def test_a_proxy_is_trusted_by_its_network(address: str, *, trusted: bool) -> None:
    assert PROXIES.trusts(address) is trusted
