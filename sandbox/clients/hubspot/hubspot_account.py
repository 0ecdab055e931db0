"""A served HubSpot sandbox, and what its account holds, for the tests of HubSpot's clients.

It needs the standard library alone. The sandbox is a child process, started with the command in the environment
variable CRM_SANDBOX_COMMAND (`crm-sandbox` unless set).
"""

import json
import os
import shlex
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

COMMAND = shlex.split(os.environ.get("CRM_SANDBOX_COMMAND", "crm-sandbox"))  # noqa: TID251 - no settings of Astrelo's
COMPANIES = 240
READY = "sandbox ready on "
CLIENT_ID = "sandbox-client"
CLIENT_SECRET = "sandbox-client-secret"
REDIRECT_URI = "http://localhost:8000/api/integrations/hubspot/callback"
SCOPES = (
    "oauth",
    "crm.objects.companies.read",
    "crm.objects.contacts.read",
    "crm.objects.deals.read",
    "crm.objects.owners.read",
)
OBJECTS = ("companies", "contacts", "deals")
PAIRS = (
    ("contacts", "companies"),
    ("companies", "contacts"),
    ("deals", "companies"),
    ("companies", "deals"),
    ("deals", "contacts"),
    ("contacts", "deals"),
)
ANY_TYPE = dict(zip(PAIRS, (279, 280, 341, 342, 3, 4), strict=True))
PRIMARY_TYPE = dict(zip(PAIRS, (1, 2, 5, 6, None, None), strict=True))
SINGULAR = {"companies": "company", "contacts": "contact", "deals": "deal"}
NOT_SIMULATED = "the sandbox does not play"


@dataclass(frozen=True, slots=True)
class Record:
    """A record or an owner as the sandbox exports it, without any of HubSpot's APIs."""

    id: str
    properties: dict[str, str | None]
    created_at: str
    updated_at: str
    archived: bool
    associations: dict[str, list[dict[str, Any]]]


Links = dict[str, dict[str, bool]]
"""By a record's id: the ids it is associated with, each with whether that association is the primary one."""


class Contents:
    """Everything the account held at one moment."""

    def __init__(self, lines: bytes) -> None:
        self._records: dict[str, dict[str, Record]] = {name: {} for name in (*OBJECTS, "owners")}
        for line in map(json.loads, lines.splitlines()):
            self._records[line["object"]][line["id"]] = Record(
                line["id"],
                line["properties"],
                line["createdAt"],
                line["updatedAt"],
                line["archived"],
                line["associations"],
            )

    def records(self, name: str, *, archived: bool = False) -> dict[str, Record]:
        return {key: one for key, one in self._records[name].items() if one.archived is archived}

    def properties(self, name: str) -> set[str]:
        return {key for one in self._records[name].values() for key in one.properties}

    def links(self, source: str, target: str) -> Links:
        """Return the associations between live records, from one object type to another."""
        found: Links = {}
        ends = self.records(source), self.records(target)
        for name, other, turned in ((source, target, False), (target, source, True)):
            for record in self.records(name).values():
                for one in record.associations.get(other, ()):
                    key, value = (one["id"], record.id) if turned else (record.id, one["id"])
                    if key in ends[0] and value in ends[1]:
                        known = found.setdefault(key, {})
                        known[value] = known.get(value, False) or one["primary"]
        return found


class Account:
    """The account of a served sandbox, through its admin API."""

    def __init__(self, url: str) -> None:
        self.url = url

    def call_admin_api(self, name: str, body: Mapping[str, Any]) -> bytes:
        """POST to `/_sandbox/{name}`."""
        with urllib.request.urlopen(f"{self.url}/_sandbox/{name}", json.dumps(body).encode()) as answer:
            content: bytes = answer.read()
        return content

    def contents(self) -> Contents:
        return Contents(self.call_admin_api("export", {}))

    def allow(self) -> str:
        """Allow the app at the consent page, as a person does; gives the authorization code."""
        query = {"client_id": CLIENT_ID, "redirect_uri": REDIRECT_URI, "scope": " ".join(SCOPES)}
        page = f"{self.url}/oauth/authorize?{urllib.parse.urlencode(query)}"
        try:
            urllib.request.build_opener(_StayHere).open(page, b"decision=allow")
        except urllib.error.HTTPError as redirect:
            place = urllib.parse.urlsplit(redirect.headers["location"])
            return urllib.parse.parse_qs(place.query)["code"][0]
        raise AssertionError("The consent page did not redirect.")


class _StayHere(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


@contextmanager
def serve_account() -> Iterator[Account]:
    """Serve a sandbox on a free port until the context ends."""
    command = [*COMMAND, "--crm", "hubspot", "--port", "0", "--companies", str(COMPANIES)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith(READY), f"{shlex.join(command)} said {line!r}"
            yield Account(line.removeprefix(READY).strip())
        finally:
            process.terminate()


def expected_values(name: str, record: Record, asked: set[str]) -> dict[str, str | None]:
    """Return the properties that HubSpot shows of a record when these are asked for: null where nothing is set."""
    own = {"createdate": record.created_at, "hs_object_id": record.id}
    modified = ["hs_lastmodifieddate", *(["lastmodifieddate"] if name == "contacts" else [])]
    return dict.fromkeys(asked) | record.properties | own | dict.fromkeys(modified, record.updated_at)
