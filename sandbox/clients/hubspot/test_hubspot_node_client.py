"""HubSpot's client for Node connects to a served sandbox, refreshes, and reads everything; and it is what the account holds."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hubspot_account import (
    ANY_TYPE,
    CLIENT_ID,
    CLIENT_SECRET,
    NOT_SIMULATED,
    OBJECTS,
    PAIRS,
    PRIMARY_TYPE,
    REDIRECT_URI,
    SCOPES,
    Contents,
    expected_values,
    serve_account,
)

FOLDER = Path(__file__).with_name("hubspot-api-client")
NODE = shutil.which("node")

if NODE is None:
    pytest.skip("node is not installed", allow_module_level=True)
if not (FOLDER / "node_modules" / "@hubspot").is_dir():
    pytest.skip(
        "@hubspot/api-client is not installed: npm ci in clients/hubspot/hubspot-api-client",
        allow_module_level=True,
    )


class Reading:
    """What the script read, and the account as it was before."""

    def __init__(self) -> None:
        with serve_account() as account:
            self.contents = account.contents()
            properties = {name: sorted(self.contents.properties(name)) for name in OBJECTS}
            ids = {f"{pair[0]}/{pair[1]}": list(self.contents.links(*pair)) for pair in PAIRS}
            command = [str(NODE), "read_account.js", account.url, CLIENT_ID, CLIENT_SECRET, REDIRECT_URI]
            command += [account.allow(), json.dumps(properties), json.dumps(ids)]
            done = subprocess.run(
                command, cwd=FOLDER, capture_output=True, text=True, timeout=300, check=False
            )
        assert done.returncode == 0, done.stderr
        self.read: dict[str, Any] = json.loads(done.stdout)


@pytest.fixture(scope="module")
def reading() -> Reading:
    return Reading()


@pytest.fixture(scope="module")
def contents(reading: Reading) -> Contents:
    return reading.contents


def test_tokens_are_issued_refreshed_described_and_deleted(reading: Reading) -> None:
    access, refresh = reading.read["tokenInfo"], reading.read["refreshInfo"]
    assert access["hubId"] == refresh["hubId"] > 0
    assert access["scopes"] == refresh["scopes"] == list(SCOPES)
    assert (access["tokenType"], refresh["tokenType"]) == ("access", "refresh")
    assert reading.read["afterArchive"]["status"] == 400
    assert "BAD_REFRESH_TOKEN" in str(reading.read["afterArchive"]["body"])


@pytest.mark.parametrize("archived", [False, True], ids=["live", "archived"])
@pytest.mark.parametrize("name", OBJECTS)
def test_every_record_is_what_the_account_holds(reading: Reading, name: str, archived: bool) -> None:
    asked = reading.contents.properties(name)
    records = reading.contents.records(name, archived=archived)
    found = reading.read["objects"][name]["archived" if archived else "live"]
    assert [one["id"] for one in found] == sorted(records, key=int)
    for one in found:
        assert one["properties"] == expected_values(name, records[one["id"]], asked), one["id"]
        assert (one["archived"], one["updatedAt"]) == (archived, records[one["id"]].updated_at)


@pytest.mark.parametrize("name", OBJECTS)
def test_batches_searches_and_single_records_are_the_same(reading: Reading, name: str) -> None:
    read = reading.read["objects"][name]
    live = {one["id"]: one["properties"] for one in read["live"]}
    assert {one["id"]: one["properties"] for one in read["batch"]} == dict(list(live.items())[:100])
    assert read["byId"]["properties"] == live[read["byId"]["id"]]
    assert read["search"] == {"total": len(live), "ids": list(live)}


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_associations_are_the_accounts(reading: Reading, source: str, target: str) -> None:
    read = reading.read["associations"][f"{source}/{target}"]
    links = reading.contents.links(source, target)
    primary = PRIMARY_TYPE[source, target]
    for one in read["labelled"]:
        linked = links[one["_from"]["id"]]
        types = {
            str(to["toObjectId"]): {kind["typeId"] for kind in to["associationTypes"]} for to in one["to"]
        }
        expected = {
            other: {ANY_TYPE[source, target], *([primary] if held and primary else [])}
            for other, held in linked.items()
        }
        assert types == expected
    assert len(read["labelled"]) == len(links)
    named = {one["_from"]["id"]: {to["id"] for to in one["to"]} for one in read["named"]}
    assert named == {key: set(linked) for key, linked in links.items()}
    [first, *_] = links.values()
    assert {str(one["toObjectId"]) for one in read["ofFirst"]} == set(first)


def test_owners_pipelines_and_properties_are_the_accounts(reading: Reading, contents: Contents) -> None:
    for name, archived in (("owners", False), ("archivedOwners", True)):
        owners = contents.records("owners", archived=archived)
        assert {one["id"]: one["email"] for one in reading.read[name]} == {
            key: owner.properties["email"] for key, owner in owners.items()
        }
    stages = {(one["id"], stage["id"]) for one in reading.read["pipelines"] for stage in one["stages"]}
    deals = contents.records("deals").values()
    assert {(one.properties["pipeline"], one.properties["dealstage"]) for one in deals} <= stages
    for name in OBJECTS:
        defined = {one["name"] for one in reading.read["objects"][name]["definitions"]}
        assert contents.properties(name) <= defined


def test_what_is_not_held_or_not_simulated_says_so(reading: Reading) -> None:
    assert reading.read["notHeld"]["status"] == 403
    assert "MISSING_SCOPES" in str(reading.read["notHeld"]["body"])
    assert reading.read["notSimulated"]["status"] == 501
    assert NOT_SIMULATED in str(reading.read["notSimulated"]["body"])
