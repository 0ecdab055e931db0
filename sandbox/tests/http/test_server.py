"""The sandbox on a real socket."""

import re
import socket
import ssl

import httpx
import pytest

from crm_sandbox import Fault, serve, serve_in_thread
from crm_sandbox.http.certificates import local_certificate
from crm_sandbox.hubspot import Sandbox

COMPANIES = "/crm/objects/2026-09/companies"


def connect(sandbox: Sandbox, url: str) -> httpx.Client:
    token = sandbox.oauth.connect(sandbox.account.portal_id)["access_token"]
    return httpx.Client(base_url=url, headers={"authorization": f"Bearer {token}"})


def test_a_walk_over_one_connection(sandbox: Sandbox) -> None:
    with serve_in_thread(sandbox) as url, connect(sandbox, url) as client:
        ids: list[str] = []
        params = {"limit": "100"}
        while True:
            body = client.get(COMPANIES, params=params).json()
            ids += [record["id"] for record in body["results"]]
            if "paging" not in body:
                break
            params["after"] = body["paging"]["next"]["after"]
    assert ids == [str(number) for number in range(1, 251)]


def test_long_urls_and_head_reach_the_sandbox(sandbox: Sandbox) -> None:
    with serve_in_thread(sandbox) as url, connect(sandbox, url) as client:
        assert client.get(COMPANIES, params={"properties": "x" * 20_000}).status_code == 414
        head = client.head(COMPANIES)
        assert (head.status_code, head.content) == (405, b"")
        assert client.get(COMPANIES).status_code == 200


@pytest.mark.parametrize("kind", ["drop", "cut", "drop_response"])
def test_a_fault_breaks_the_connection(sandbox: Sandbox, kind: str) -> None:
    sandbox.faults.add(Fault(kind=kind))  # type: ignore[arg-type] # the literals above
    with serve_in_thread(sandbox) as url, connect(sandbox, url) as client:
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            client.get(COMPANIES)
        assert client.get(COMPANIES).status_code == 200


def test_what_is_not_http_ends_its_connection_alone(sandbox: Sandbox) -> None:
    with serve_in_thread(sandbox) as url, connect(sandbox, url) as client:
        address = httpx.URL(url)
        with socket.create_connection((address.host, address.port or 0), timeout=5) as raw:
            raw.sendall(b"\x16\x03\x01 not http\r\n\r\n")
            assert raw.recv(100) == b""
        assert client.get(COMPANIES).status_code == 200


@pytest.mark.anyio
async def test_it_is_served_inside_a_running_loop(sandbox: Sandbox) -> None:
    async with serve(sandbox) as url, httpx.AsyncClient(base_url=url) as client:
        assert (await client.get("/_sandbox/about")).status_code == 200


@pytest.mark.anyio
async def test_it_is_an_asgi_application(sandbox: Sandbox) -> None:
    transport = httpx.ASGITransport(app=sandbox)
    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox.test") as client:
        answer = await client.get(COMPANIES)
        assert (answer.status_code, answer.json()["category"]) == (401, "INVALID_AUTHENTICATION")
        moved = await client.post("/_sandbox/clock", json={"advance_seconds": 5})
        assert moved.status_code == 200


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("host", "url"), [("0.0.0.0", r"http://127\.0\.0\.1:\d+"), ("::1", r"http://\[::1\]:\d+")]
)
async def test_its_url_is_one_that_can_be_asked(sandbox: Sandbox, host: str, url: str) -> None:
    async with serve(sandbox, host) as given, httpx.AsyncClient(base_url=given) as client:
        assert re.fullmatch(url, given)
        assert (await client.get("/_sandbox/about")).status_code == 200


def test_over_tls_it_is_trusted_by_its_authority_alone(sandbox: Sandbox) -> None:
    with local_certificate("127.0.0.1") as certificate:
        trusted = ssl.create_default_context(cafile=certificate.authority)
        with serve_in_thread(sandbox, tls=certificate.context) as url:
            assert url.startswith("https://127.0.0.1:")
            with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                httpx.get(f"{url}/_sandbox/about")
            for name in ("127.0.0.1", "localhost"):
                there = url.replace("127.0.0.1", name)
                assert httpx.get(f"{there}/_sandbox/about", verify=trusted).status_code == 200
    assert not certificate.authority.exists()
