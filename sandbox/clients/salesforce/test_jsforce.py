"""jsforce connects to a served sandbox, refreshes, and reads everything; and it is what the org holds."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from salesforce_org import (
    CLIENT_ID,
    CLIENT_SECRET,
    OBJECTS,
    REDIRECT_URI,
    Org,
    Record,
    assert_same,
    served_org,
    settable_fields,
)

FOLDER = Path(__file__).parent / "jsforce"
NODE = shutil.which("node")
NOT_SIMULATED = "the sandbox does not play"

if NODE is None:
    pytest.skip("node is not installed", allow_module_level=True)
if not (FOLDER / "node_modules" / "jsforce").is_dir():
    pytest.skip("jsforce is not installed: npm ci in clients/salesforce/jsforce", allow_module_level=True)


class Reading:
    """What the script read, and the org as it was before."""

    def __init__(self, org: Org) -> None:
        self.records = {name: org.records(name) for name in OBJECTS}
        command = [str(NODE), "read_org.js", org.url, CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, *OBJECTS]
        trusting = {"PATH": os.defpath, "NODE_EXTRA_CA_CERTS": org.authority}
        done = subprocess.run(
            command, cwd=FOLDER, env=trusting, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr
        self.answers: dict[str, Any] = json.loads(done.stdout)

    def live(self, name: str) -> dict[str, Record]:
        """Return the records that queries show; a User is never deleted."""
        return {key: one for key, one in self.records[name].items() if not one.deleted or name == "User"}


@pytest.fixture(scope="module")
def reading() -> Iterator[Reading]:
    with served_org() as org:
        yield Reading(org)


@pytest.mark.parametrize("name", OBJECTS)
def test_every_record_is_what_the_org_holds(reading: Reading, name: str) -> None:
    read = reading.answers["objects"][name]
    fields = settable_fields(name, read["describe"]["fields"])
    records = reading.records[name]
    assert {row["Id"] for row in read["all"]} == records.keys()
    for row in read["all"]:
        assert_same(records[row["Id"]], row, fields)
    assert_same(records[read["byId"]["Id"]], read["byId"], fields)
    assert [row["Id"] for row in read["byIds"]] == read["live"][:3]
    for row in read["byIds"]:
        assert_same(records[row["Id"]], row, fields)


@pytest.mark.parametrize("name", OBJECTS)
def test_queries_and_counts_show_live_records(reading: Reading, name: str) -> None:
    read, live = reading.answers["objects"][name], reading.live(name)
    assert sorted(read["live"]) == sorted(live)
    assert read["count"] == len(live) > 0


@pytest.mark.parametrize("name", OBJECTS)
def test_bulk2_reads_the_same_rows(reading: Reading, name: str) -> None:
    read, live = reading.answers["objects"][name], reading.live(name)
    fields = settable_fields(name, read["describe"]["fields"])
    assert {row["Id"] for row in read["bulk"]} == live.keys()
    for row in read["bulk"]:
        assert_same(live[row["Id"]], row, fields)


def test_query_more_reads_on(reading: Reading) -> None:
    pages = reading.answers["pages"]
    assert [record_id for page in pages for record_id in page] == sorted(reading.live("Contact"))
    assert len(pages) > 1


def test_the_user_is_known(reading: Reading) -> None:
    info, identity = reading.answers["userInfo"], reading.answers["identity"]
    assert (identity["user_id"], identity["organization_id"]) == (info["id"], info["organizationId"])
    assert info["id"] in reading.records["User"]


def test_the_rest_of_ordinary_reading_works(reading: Reading) -> None:
    answers = reading.answers
    assert answers["limits"]["DailyApiRequests"]["Remaining"] > 0
    assert answers["versions"][-1]["version"] == "68.0"
    assert set(OBJECTS) <= set(answers["listed"])
    assert len(answers["recent"]) == 5
    assert {row["attributes"]["type"] for row in answers["recentAccounts"]} == {"Account"}


def test_updated_and_deleted_list_what_changed(reading: Reading) -> None:
    changes = reading.answers["changes"]
    assert changes["touched"] in changes["updatedAnswer"]["ids"]
    assert changes["deleted"] in {row["id"] for row in changes["deletedAnswer"]["deletedRecords"]}


def test_an_expired_session_is_refreshed_again_and_again(reading: Reading) -> None:
    assert reading.answers["refreshes"] == 2
    assert reading.answers["afterLogout"]["code"] == "invalid_grant"


def test_what_is_not_simulated_says_so(reading: Reading) -> None:
    for name, refusal in reading.answers["refusals"].items():
        assert refusal is not None, name
        assert NOT_SIMULATED in refusal["message"], name
        # jsforce reads the errors of the Bulk API 1.0 as XML, and falls back to status and body
        assert refusal["code"] == ("ERROR_HTTP_501" if name == "bulk1" else "NOT_SIMULATED"), name
