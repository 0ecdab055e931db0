"""The sandbox as a process, as somebody starts it who has an app of their own."""

import re
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

VERIFIER = "a" * 43
CHALLENGE = "ZtNPunH49FD35FWYhT5Tv8I7vRKQJ8uxMaL0_9eHjNA"
CALLBACK = "http://localhost:3000/oauth/callback"
STRANGER = ["--client-id", "my-app", "--client-secret", "my-secret", "--redirect-uri", CALLBACK]


@dataclass
class Running:
    url: str
    authority: str | None

    def client(self) -> httpx.Client:
        verify = ssl.create_default_context(cafile=self.authority) if self.authority else True
        return httpx.Client(base_url=self.url, verify=verify)


@contextmanager
def running(*arguments: str) -> Iterator[Running]:
    """Start `crm-sandbox` on a free port; it must end by itself when asked to."""
    command = [sys.executable, "-m", "crm_sandbox", "--port", "0", "--companies", "5", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline()]
        while lines[-1] and "Ctrl-C" not in lines[-1]:
            lines.append(process.stdout.readline())
        try:
            said = "".join(lines)
            [url] = re.findall(r"^sandbox ready on (\S+)$", said, re.MULTILINE)
            authorities = re.findall(r"authority in (\S+)$", said, re.MULTILINE)
            yield Running(url, authorities[0] if authorities else None)
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=5) == 0


def consented(client: httpx.Client, path: str, **parameters: str) -> str:
    """Allow on the consent page; gives the code."""
    asked = {
        "client_id": "my-app",
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **parameters,
    }
    answer = client.post(path, params=asked, data={"decision": "allow"})
    assert answer.status_code == 302, answer.text
    assert answer.headers["location"].startswith(f"{CALLBACK}?")
    [code] = parse_qs(urlsplit(answer.headers["location"]).query)["code"]
    return code


def form(**fields: str) -> dict[str, str]:
    return {"client_id": "my-app", "client_secret": "my-secret", **fields}


def exchange(code: str) -> dict[str, str]:
    return form(grant_type="authorization_code", code=code, redirect_uri=CALLBACK, code_verifier=VERIFIER)


@pytest.mark.parametrize(("crm", "account_id"), [("hubspot", r"\d+"), ("salesforce", "00D.{15}")])
@pytest.mark.parametrize("said_by", ["argument", "option"])
def test_it_says_where_it_listens_and_ends_on_sigterm(crm: str, account_id: str, said_by: str) -> None:
    with (
        running(*([crm] if said_by == "argument" else ["--crm", crm])) as sandbox,
        sandbox.client() as client,
    ):
        [account] = client.get("/_sandbox/about").json()["accounts"]
        assert account["name"] == "Sandbox account"
        assert re.fullmatch(account_id, account["id"])


def test_a_strangers_app_connects_to_hubspot_with_its_own_scopes() -> None:
    scopes = "oauth crm.objects.companies.read"
    with running("hubspot", *STRANGER, "--scopes", scopes) as sandbox, sandbox.client() as client:
        code = consented(client, "/oauth/authorize", scope=scopes)
        tokens = client.post("/oauth/2026-09/token", data=exchange(code)).json()
        assert tokens["scopes"] == scopes.split()
        bearer = {"authorization": f"Bearer {tokens['access_token']}"}
        assert len(client.get("/crm/objects/2026-09/companies", headers=bearer).json()["results"]) == 5
        deals = client.get("/crm/objects/2026-09/deals", headers=bearer)
        assert (deals.status_code, deals.json()["category"]) == (403, "MISSING_SCOPES")
        wrong = client.post("/oauth/2026-09/token", data=exchange(code) | {"client_secret": "another"})
        assert wrong.json()["status"] == "BAD_CLIENT_SECRET"


def test_a_strangers_app_connects_to_salesforce_over_tls() -> None:
    arguments = ["salesforce", "--tls", *STRANGER, "--scopes", "api,refresh_token,id"]
    with running(*arguments) as sandbox, sandbox.client() as client:
        code = consented(client, "/services/oauth2/authorize")
        tokens = client.post("/services/oauth2/token", data=exchange(code)).json()
        assert tokens["scope"] == "api refresh_token id"
        port = urlsplit(sandbox.url).port
        assert tokens["instance_url"] == f"https://localhost:{port}"
        assert tokens["id"].startswith(f"{sandbox.url}/id/")
        bearer = {"authorization": f"Bearer {tokens['access_token']}"}
        query = f"{tokens['instance_url']}/services/data/v68.0/query"
        found = client.get(query, params={"q": "SELECT Id FROM Account"}, headers=bearer)
        assert found.json()["totalSize"] == 5
        who = client.get(tokens["id"], headers=bearer).json()
        assert who["urls"]["rest"].startswith(tokens["instance_url"])
