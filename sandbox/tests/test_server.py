"""The sandbox on a real socket, in a thread and as a process."""

import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from crm_sandbox import Fault, Portal, serve, serve_in_thread
from crm_sandbox.command import run_sandbox
from crm_sandbox.hubspot import Sandbox
from tests.salesforce.builders import record

COMPANIES = "/crm/objects/2026-09/companies"
RUN = "from crm_sandbox.command import run_sandbox; run_sandbox(port=0, companies=5, crm={crm!r})"


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


@pytest.mark.parametrize(("crm", "account_id"), [("hubspot", r"\d+"), ("salesforce", "00D.{15}")])
def test_the_process_says_where_it_listens_and_ends_on_sigterm(crm: str, account_id: str) -> None:
    command = [sys.executable, "-c", RUN.format(crm=crm)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        try:
            url = line.removeprefix("sandbox ready on ").strip()
            [account] = httpx.get(f"{url}/_sandbox/about").json()["accounts"]
            assert account["name"] == "Sandbox portal"
            assert re.fullmatch(account_id, account["id"])
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=5) == 0


def test_a_bad_portal_plan_or_port_ends_the_process_with_a_sentence(tmp_path: Path, sandbox: Sandbox) -> None:
    with pytest.raises(SystemExit, match="no such portal file"):
        run_sandbox(port=0, portal=tmp_path / "none.jsonl")
    with pytest.raises(SystemExit, match=r"plan\.json: the fault plan cannot be used"):
        run_sandbox(port=0, companies=1, fault_plan=tmp_path / "plan.json")
    with serve_in_thread(sandbox) as url, pytest.raises(SystemExit, match=r"Port \d+ is taken"):
        run_sandbox(port=int(url.rpartition(":")[2]), companies=1)


def test_hubspot_does_not_take_salesforces_records(tmp_path: Path) -> None:
    portal = Portal.of([record("Account", 1, {"Name": "One"})])
    portal.save(tmp_path / "org.jsonl")
    with pytest.raises(SystemExit, match="org holds Salesforce's records"):
        run_sandbox(port=0, portal=tmp_path / "org.jsonl")
