"""The sandbox on a real socket."""

import re
import socket
import ssl

import httpx
import pytest

from crm_sandbox import Fault, serve, serve_in_thread
from crm_sandbox.http.certificates import local_certificate
from crm_sandbox.http.requests import MAX_BODY_SIZE
from crm_sandbox.hubspot import Sandbox

COMPANIES = "/crm/objects/2026-09/companies"


def connect(sandbox: Sandbox, url: str) -> httpx.Client:
    token = sandbox.oauth.connect(sandbox.account.portal_id)["access_token"]
    return httpx.Client(base_url=url, headers={"authorization": f"Bearer {token}"})


def receive_all(raw: socket.socket) -> bytes:
    return b"".join(iter(lambda: raw.recv(65_536), b""))


def open_socket(url: str) -> socket.socket:
    address = httpx.URL(url)
    return socket.create_connection((address.host, address.port or 0), timeout=5)


def test_all_pages_are_read_over_one_connection(sandbox: Sandbox) -> None:
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


def test_what_is_not_http_is_400_and_ends_its_connection_alone(sandbox: Sandbox) -> None:
    with serve_in_thread(sandbox) as url, connect(sandbox, url) as client:
        with open_socket(url) as raw:
            raw.sendall(b"\x16\x03\x01 not http\r\n\r\n")
            assert receive_all(raw).startswith(b"HTTP/1.1 400 ")
        assert client.get(COMPANIES).status_code == 200


def test_a_client_that_expects_100_gets_continue(sandbox: Sandbox) -> None:
    with serve_in_thread(sandbox) as url, open_socket(url) as raw:
        head = b"POST /_sandbox/clock HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\nexpect: 100-continue\r\n"
        raw.sendall(head + b"connection: close\r\n\r\n")
        assert raw.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        raw.sendall(b"{}")
        assert receive_all(raw).startswith(b"HTTP/1.1 400 ")


def test_a_request_whose_body_ends_early_changes_nothing(sandbox: Sandbox) -> None:
    with serve_in_thread(sandbox) as url, connect(sandbox, url) as client:
        before = client.get("/_sandbox/about").json()["flags"]
        body = b'{"latency_ms": 1}'
        head = b"POST /_sandbox/flags HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        with open_socket(url) as raw:
            raw.sendall(head + b"content-length: 1000\r\n\r\n" + body)
            raw.shutdown(socket.SHUT_WR)
            assert receive_all(raw) == b""
        assert client.get("/_sandbox/about").json()["flags"] == before


def test_a_body_above_the_limit_is_413_in_the_crms_own_shape(sandbox: Sandbox) -> None:
    with serve_in_thread(sandbox) as url, connect(sandbox, url) as client:
        answer = client.post(f"{COMPANIES}/search", content=b" " * (MAX_BODY_SIZE + 1))
        assert (answer.status_code, answer.json()["status"]) == (413, "error")
        assert client.get(COMPANIES).status_code == 200


def test_a_response_drips_in_pieces(sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(kind="drip", delay_ms=80))
    with serve_in_thread(sandbox) as url, connect(sandbox, url) as client:
        with client.stream("GET", COMPANIES) as answer:
            pieces = list(answer.iter_raw())
        assert len(pieces) > 1
        assert b"".join(pieces) == client.get(COMPANIES).content


def test_a_cut_response_arrives_by_half(sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(kind="cut"))
    with serve_in_thread(sandbox) as url, connect(sandbox, url) as client:
        with client.stream("GET", COMPANIES) as answer:
            assert answer.status_code == 200
            with pytest.raises(httpx.TransportError):
                answer.read()
        assert [entry.status for entry in sandbox.journal.entries] == [200]


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
