"""Unit tests reach nothing but this machine."""

import ipaddress
import socket

import pytest

_connect = socket.socket.connect


def _connect_to_loopback(sock: socket.socket, address: object) -> None:
    if sock.family in {socket.AF_INET, socket.AF_INET6} and isinstance(address, tuple):
        host = str(address[0])
        if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
            pytest.fail(f"A unit test connects to {host}: outside of this machine nothing may be asked.")
    _connect(sock, address)  # type: ignore[arg-type] # as it came


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket.socket, "connect", _connect_to_loopback)
