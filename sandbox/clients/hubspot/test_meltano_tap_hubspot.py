"""meltano-tap-hubspot finds its streams in a served sandbox and reads everything; and it is what the account holds."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hubspot_account import (
    CLIENT_ID,
    CLIENT_SECRET,
    OBJECTS,
    PAIRS,
    PRIMARY_TYPE,
    Account,
    Contents,
    expected_values,
    serve_account,
)

RUNNER = Path(__file__).with_name("run_tap_hubspot.py")
STREAMS = (*OBJECTS, "owners", *(f"{source}_{target}_associations" for source, target in PAIRS))
NOT_HELD = ("tickets", "line_items", "products", "quotes", "calls", "emails", "meetings", "notes", "tasks")
MODIFIED = {
    "companies": "hs_lastmodifieddate",
    "contacts": "lastmodifieddate",
    "deals": "hs_lastmodifieddate",
}


class Tap:
    """The tap as a Singer pipeline runs it, with a refresh token of the account's."""

    def __init__(self, account: Account, folder: Path) -> None:
        self._account = account
        self._folder = folder
        tokens = json.loads(account.call_admin_api("connect", {}))
        config = {
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "refresh_token": tokens["refresh_token"],
            "associations": {name: [to for source, to in PAIRS if source == name] for name in OBJECTS},
        }
        self._config = self._write("config", config)

    def _write(self, name: str, document: object) -> str:
        path = self._folder / f"{name}.json"
        path.write_text(json.dumps(document))
        return str(path)

    def _run(self, *arguments: str) -> str:
        command = [sys.executable, str(RUNNER), self._account.url, "--config", self._config, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr[-4000:]
        return done.stdout

    def discover(self) -> dict[str, dict[str, Any]]:
        """Return the catalog's streams by their names."""
        return {stream["tap_stream_id"]: stream for stream in json.loads(self._run("--discover"))["streams"]}

    def sync(self, streams: dict[str, dict[str, Any]], state: object | None = None) -> "Messages":
        """Read the named streams, all of them or what changed since `state`."""
        for stream in streams.values():
            for entry in stream["metadata"]:
                entry["metadata"]["selected"] = stream["tap_stream_id"] in STREAMS
        arguments = ["--catalog", self._write("catalog", {"streams": list(streams.values())})]
        if state is not None:
            arguments += ["--state", self._write("state", state)]
        return Messages(self._run(*arguments))


class Messages:
    """What the tap wrote."""

    def __init__(self, output: str) -> None:
        self.records: dict[str, list[dict[str, Any]]] = {name: [] for name in STREAMS}
        self.state: object = None
        for message in map(json.loads, output.splitlines()):
            if message["type"] == "RECORD":
                self.records[message["stream"]].append(message["record"])
            elif message["type"] == "STATE":
                self.state = message["value"]


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    with serve_account() as served:
        yield served


@pytest.fixture(scope="module")
def contents(account: Account) -> Contents:
    return account.contents()


@pytest.fixture(scope="module")
def tap(account: Account, tmp_path_factory: pytest.TempPathFactory) -> Tap:
    return Tap(account, tmp_path_factory.mktemp("tap"))


@pytest.fixture(scope="module")
def catalog(tap: Tap) -> dict[str, dict[str, Any]]:
    return tap.discover()


@pytest.fixture(scope="module")
def messages(tap: Tap, catalog: dict[str, dict[str, Any]]) -> Messages:
    return tap.sync(catalog)


def test_discovery_survives_the_types_that_are_not_held(
    catalog: dict[str, dict[str, Any]], contents: Contents
) -> None:
    assert {*STREAMS, *NOT_HELD} <= catalog.keys()
    for name in OBJECTS:
        found = catalog[name]["schema"]["properties"]["properties"]["properties"]
        assert contents.properties(name) <= found.keys()


@pytest.mark.parametrize("name", OBJECTS)
def test_every_record_is_what_the_account_holds(messages: Messages, contents: Contents, name: str) -> None:
    records = contents.records(name)
    found = {one["id"]: one for one in messages.records[name]}
    assert len(messages.records[name]) == len(found)
    assert found.keys() == records.keys()
    for key, one in found.items():
        expected = expected_values(name, records[key], contents.properties(name))
        shown = {prop: one["properties"].get(prop) for prop in expected}
        assert shown == expected, key
        assert one["archived"] is False


def test_owners_are_the_accounts(messages: Messages, contents: Contents) -> None:
    owners = contents.records("owners")
    assert {one["id"]: one["email"] for one in messages.records["owners"]} == {
        key: owner.properties["email"] for key, owner in owners.items()
    }


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_associations_are_the_accounts(
    messages: Messages, contents: Contents, source: str, target: str
) -> None:
    rows = messages.records[f"{source}_{target}_associations"]
    pairs = {
        (key, other, held)
        for key, linked in contents.links(source, target).items()
        for other, held in linked.items()
    }
    primary = PRIMARY_TYPE[source, target]
    assert {(row["from_id"], row["to_id"]) for row in rows} == {(key, other) for key, other, _ in pairs}
    assert {(row["from_id"], row["to_id"]) for row in rows if row["association_type_id"] == primary} == {
        (key, other) for key, other, held in pairs if held and primary is not None
    }


def test_a_later_run_finds_what_changed_by_searching(
    account: Account, tap: Tap, catalog: dict[str, dict[str, Any]], messages: Messages
) -> None:
    changed = {name: messages.records[name][0]["id"] for name in OBJECTS}
    account.call_admin_api(
        "records",
        {"records": [{"object": name, "id": key, "properties": {}} for name, key in changed.items()]},
    )
    again = tap.sync(catalog, messages.state)
    for name, key in changed.items():
        [*_, last] = again.records[name]
        assert last["id"] == key
        assert len(again.records[name]) < len(messages.records[name])
        assert last[MODIFIED[name]] == last["properties"][MODIFIED[name]]
