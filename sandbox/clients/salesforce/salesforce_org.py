"""A served Salesforce sandbox, and what its org holds, for the tests of Salesforce's clients.

It needs nothing but pytest and the standard library: the sandbox is a child process, started with the command in the
environment variable CRM_SANDBOX_COMMAND (`crm-sandbox` unless it is set).
"""

import base64
import hashlib
import http.client
import json
import os
import secrets
import shlex
import ssl
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

COMMAND = shlex.split(os.getenv("CRM_SANDBOX_COMMAND", "crm-sandbox"))
COMPANIES = 300
CLIENT_ID = "a-strangers-app"
CLIENT_SECRET = "a-strangers-secret"
REDIRECT_URI = "https://stranger.example/callback"
SCOPES = "api id web refresh_token"
READY = "sandbox ready on "
TRUSTED = "clients trust it by the certificate authority in "
OBJECTS = ("User", "Account", "Contact", "Opportunity", "OpportunityContactRole")
SET_BY_SALESFORCE = frozenset({
    "Id", "IsDeleted", "CreatedDate", "LastModifiedDate", "SystemModstamp", "IsClosed", "IsWon",
    "ForecastCategoryName",
})  # fmt: skip
"""Fields that an export leaves out: they follow from the others."""
OF_FEATURES = frozenset({"CurrencyIsoCode"})
"""Fields that an export has, and the API in an org with several currencies alone."""
JOINED_NAMES = frozenset({"Contact", "User"})
"""Objects whose Name follows from first and last name."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record of the org, as the sandbox exports it: without any API of Salesforce's."""

    id: str
    properties: dict[str, str]
    stamp: str
    deleted: bool


class Org:
    """The org of a served sandbox, through the administrator's calls."""

    def __init__(self, url: str, authority: str) -> None:
        self.url = url
        self.authority = authority
        """The file of the certificate authority that clients are to trust."""
        self.tls = ssl.create_default_context(cafile=authority)

    def call_admin_api(self, name: str, body: dict[str, Any] | None = None) -> bytes:
        """POST to `/_sandbox/{name}`, or GET it without a body."""
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(f"{self.url}/_sandbox/{name}", data, context=self.tls) as answer:
            body: bytes = answer.read()
        return body

    def records(self, object_name: str) -> dict[str, Record]:
        """Return an object's records by their ids, live and deleted."""
        lines = map(json.loads, self.call_admin_api("export", {}).splitlines())
        return {
            line["id"]: Record(line["id"], line["properties"], line["updatedAt"], line["archived"])
            for line in lines
            if line["object"] == object_name
        }

    def expire_sessions(self) -> None:
        self.call_admin_api("tokens", {"expire": True})

    def delete(self, object_name: str, record_id: str) -> None:
        self.call_admin_api("archive", {"object": object_name, "ids": [record_id]})

    def touch(self, object_name: str, record_id: str) -> None:
        self.call_admin_api("touch", {"object": object_name, "ids": [record_id]})

    def advance_clock(self, seconds: float) -> None:
        self.call_admin_api("clock", {"advance_seconds": seconds})


@contextmanager
def served_org() -> Iterator[Org]:
    """Start the sandbox on a free port; it ends with the context."""
    command = [*COMMAND, "--crm", "salesforce", "--port", "0", "--tls", "--companies", str(COMPANIES)]
    command += ["--client-id", CLIENT_ID, "--client-secret", CLIENT_SECRET]
    command += ["--redirect-uri", REDIRECT_URI, "--scopes", SCOPES]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            ready, trusted = process.stdout.readline(), process.stdout.readline()
            assert ready.startswith(READY), f"{shlex.join(command)} said {ready!r}"
            assert trusted.startswith(TRUSTED), f"{shlex.join(command)} said {trusted!r}"
            yield Org(ready.removeprefix(READY).strip(), trusted.removeprefix(TRUSTED).strip())
        finally:
            process.terminate()


def consent(org: Org, parameters: dict[str, str]) -> str:
    """Allow the app at the consent page, as a person does; gives the authorization code."""
    connection = http.client.HTTPSConnection(urllib.parse.urlsplit(org.url).netloc, context=org.tls)
    path = f"/services/oauth2/authorize?{urllib.parse.urlencode(parameters)}"
    connection.request("POST", path, "decision=allow")
    answer = connection.getresponse()
    location = answer.getheader("location")
    assert location is not None, answer.read().decode()
    connection.close()
    return urllib.parse.parse_qs(urllib.parse.urlsplit(location).query)["code"][0]


def authorize(org: Org) -> dict[str, str]:
    """Run the web server flow with PKCE; gives the token answer."""
    verifier = secrets.token_urlsafe(64)
    digest = hashlib.sha256(verifier.encode()).digest()
    parameters = {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": REDIRECT_URI,
        "scope": "api refresh_token",
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    code = consent(org, parameters)
    return request_token(
        org,
        grant_type="authorization_code",
        code=code,
        redirect_uri=REDIRECT_URI,
        code_verifier=verifier,
    )


def request_token(org: Org, **form: str) -> dict[str, str]:
    """POST to the token endpoint as the registered app."""
    data = urllib.parse.urlencode({"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, **form}).encode()
    with urllib.request.urlopen(f"{org.url}/services/oauth2/token", data, context=org.tls) as answer:
        tokens: dict[str, str] = json.load(answer)
    return tokens


def settable_fields(object_name: str, described: list[dict[str, Any]]) -> list[str]:
    """Return the fields that an export has as well."""
    skipped = {*SET_BY_SALESFORCE, *({"Name"} if object_name in JOINED_NAMES else ())}
    return [
        field["name"] for field in described if field["type"] != "address" and field["name"] not in skipped
    ]


def as_text(value: object, expected: str | None) -> str | None:
    """Return a value of a REST answer or of a CSV file as an export has it; equal numbers are the same text."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return expected if expected is not None and float(expected) == value else str(value)
    return str(value).replace(".000+0000", ".000Z")


def assert_same(record: Record, row: dict[str, Any], fields: list[str]) -> None:
    """Compare every field of a row with the org's record."""
    expected = {name: text for name, text in record.properties.items() if name not in OF_FEATURES}
    shown = {name: as_text(row[name], expected.get(name)) for name in fields}
    assert {name: text for name, text in shown.items() if text is not None} == expected, record.id
    assert as_text(row["SystemModstamp"], None) == record.stamp, record.id
