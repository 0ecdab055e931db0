"""A sandbox over a small hand-made dataset, a clock that stands still, and a connected client; no network."""

import ipaddress
import socket
from collections.abc import AsyncIterator

import httpx
import pytest

from crm_sandbox import Dataset, SandboxTransport
from crm_sandbox.hubspot import Sandbox, create_sandbox
from tests.hubspot.builders import NOW, company, contact, deal, owner

_connect = socket.socket.connect


def _connect_to_loopback(sock: socket.socket, address: object) -> None:
    if sock.family in {socket.AF_INET, socket.AF_INET6} and isinstance(address, tuple):
        host = str(address[0])
        if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
            pytest.fail(f"A test connects to {host}: outside of this machine nothing may be asked.")
    _connect(sock, address)  # type: ignore[arg-type] # as it came


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket.socket, "connect", _connect_to_loopback)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def dataset() -> Dataset:
    companies = [
        company(number, name=f"Company {number}", domain=f"c{number}.com") for number in range(1, 251)
    ]
    contacts = [
        contact(1001, company_ids=(1,), email="ada@c1.com"),
        contact(1002, company_ids=(1,), email="Bo@C1.com"),
        contact(1003, email="nobody@c3.com"),
    ]
    deals = [deal(2001, company_ids=(1,), contact_ids=(1001, 1002), amount="100"), deal(2002, amount="2000")]
    owners = [owner(31), owner(32), owner(33, archived=True)]
    return Dataset.from_records([*companies, *contacts, *deals, *owners], name="Small account")


@pytest.fixture
def sandbox(dataset: Dataset) -> Sandbox:
    return create_sandbox(dataset, clock=lambda: NOW)


@pytest.fixture
async def http(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a token."""
    async with httpx.AsyncClient(
        transport=SandboxTransport(sandbox), base_url="https://api.hubapi.test"
    ) as client:
        yield client


@pytest.fixture
async def client(http: httpx.AsyncClient, sandbox: Sandbox) -> httpx.AsyncClient:
    """A client with a living access token for the sandbox's account."""
    tokens = sandbox.oauth.connect(sandbox.account.portal_id)
    http.headers["authorization"] = f"Bearer {tokens['access_token']}"
    return http
