"""A name is resolved once, and the address that was checked is connected to."""

import socket
from collections.abc import Callable
from typing import Any

import httpcore
import pytest

from astrelo.adapters.outbound.webhook_transport.network import (
    MAX_ADDRESSES,
    AddressNotAllowed,
    AdmittedNetwork,
    NameNotFound,
)
from tests.support.webhook_receiver import webhook_receiver

pytestmark = pytest.mark.anyio


def resolver(*answers: list[str]) -> Callable[..., Any]:
    """A DNS that gives each of the answers once."""
    left = list(answers)

    def resolve(host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in left.pop(0)]

    return resolve


def is_here(address: str) -> bool:
    return address == "127.0.0.1"


async def connect(network: AdmittedNetwork, port: int) -> None:
    try:
        stream = await network.connect_tcp("rebinding.test", port, timeout=1.0)
        await stream.aclose()
    finally:
        network.close()


async def test_the_address_that_was_checked_is_connected_to_whatever_the_name_becomes() -> None:
    async with webhook_receiver() as receiver:
        await connect(AdmittedNetwork(is_here, resolver(["127.0.0.1"], ["127.0.0.9"])), receiver.port)


async def test_of_several_addresses_those_that_are_not_admitted_are_left_out() -> None:
    async with webhook_receiver() as receiver:
        await connect(AdmittedNetwork(is_here, resolver(["10.0.0.1", "127.0.0.1"])), receiver.port)
        with pytest.raises(AddressNotAllowed):
            await connect(AdmittedNetwork(is_here, resolver(["10.0.0.1", "fe80::1%eth0"])), receiver.port)


async def test_the_next_address_is_tried_but_not_any_number_of_them() -> None:
    dead = [f"127.0.1.{number}" for number in range(1, MAX_ADDRESSES + 1)]
    async with webhook_receiver() as receiver:
        await connect(AdmittedNetwork(lambda _: True, resolver([dead[0], "127.0.0.1"])), receiver.port)
        with pytest.raises(httpcore.ConnectError):
            await connect(AdmittedNetwork(lambda _: True, resolver([*dead, "127.0.0.1"])), receiver.port)


async def test_a_name_that_no_resolver_takes_is_not_found() -> None:
    network = AdmittedNetwork(is_here)
    for name in ("no-such-host.invalid", "a" * 64 + ".test", "x..y"):
        with pytest.raises(NameNotFound):
            await network.connect_tcp(name, 80, timeout=1.0)
    network.close()
