"""simple-salesforce reads everything of a served sandbox, and it is what the org holds."""

import csv
import datetime as dt
import io
import time
from collections.abc import Iterator

import pytest
import requests
from salesforce_org import OBJECTS, Org, assert_same, authorize, request_token, served_org, settable_fields
from simple_salesforce import Salesforce, format_soql
from simple_salesforce.exceptions import (
    SalesforceExpiredSession,
    SalesforceGeneralError,
    SalesforceMalformedRequest,
    SalesforceResourceNotFound,
)

SMALL_PAGES = {"Sforce-Query-Options": "batchSize=200"}
NOT_SIMULATED = "the sandbox does not play"


@pytest.fixture(scope="module")
def org() -> Iterator[Org]:
    with served_org() as served:
        yield served


@pytest.fixture(scope="module")
def tokens(org: Org) -> dict[str, str]:
    return authorize(org)


def connect(org: Org, tokens: dict[str, str]) -> Salesforce:
    session = requests.Session()
    session.verify = org.authority
    session.trust_env = False  # a REQUESTS_CA_BUNDLE in the environment goes before the session's own
    return Salesforce(instance_url=tokens["instance_url"], session_id=tokens["access_token"], session=session)


@pytest.fixture(scope="module")
def client(org: Org, tokens: dict[str, str]) -> Salesforce:
    return connect(org, tokens)


def described_fields(client: Salesforce, name: str) -> list[str]:
    return settable_fields(name, getattr(client, name).describe()["fields"])


@pytest.mark.parametrize("name", OBJECTS)
def test_every_record_is_what_the_org_holds(client: Salesforce, org: Org, name: str) -> None:
    records, fields = org.records(name), described_fields(client, name)
    soql = f"SELECT Id, SystemModstamp, {', '.join(fields)} FROM {name}"
    rows = {
        row["Id"]: row for row in client.query_all(soql, include_deleted=True, headers=SMALL_PAGES)["records"]
    }
    assert rows.keys() == records.keys()
    assert len(rows) > 0
    for record_id, record in records.items():
        assert_same(record, rows[record_id], fields)


@pytest.mark.parametrize("name", OBJECTS)
def test_counts_are_those_of_live_records(client: Salesforce, org: Org, name: str) -> None:
    live = sum(not record.deleted for record in org.records(name).values())
    assert client.query(f"SELECT COUNT() FROM {name}")["totalSize"] == (
        live if name != "User" else len(org.records(name))
    )


@pytest.mark.parametrize("by_url", [True, False])
def test_query_more_reads_on(client: Salesforce, org: Org, by_url: bool) -> None:
    page = client.query("SELECT Id FROM Contact ORDER BY Id", headers=SMALL_PAGES)
    found = [row["Id"] for row in page["records"]]
    while not page["done"]:
        following = page["nextRecordsUrl"] if by_url else page["nextRecordsUrl"].rpartition("/")[2]
        page = client.query_more(following, identifier_is_url=by_url)
        found += [row["Id"] for row in page["records"]]
    assert found == sorted(key for key, record in org.records("Contact").items() if not record.deleted)


@pytest.mark.parametrize("name", OBJECTS)
def test_bulk2_reads_the_same_rows(client: Salesforce, org: Org, name: str) -> None:
    records, fields = org.records(name), described_fields(client, name)
    soql = f"SELECT Id, SystemModstamp, {', '.join(fields)} FROM {name}"
    pages = getattr(client.bulk2, name).query(soql, max_records=250, wait=0.01)
    rows = {row["Id"]: row for page in pages for row in csv.DictReader(io.StringIO(page, newline=""))}
    assert rows.keys() == {key for key, one in records.items() if not one.deleted or name == "User"}
    for record_id, row in rows.items():
        assert_same(records[record_id], row, fields)


def test_a_stamp_of_an_answer_is_a_literal_of_the_next_query(client: Salesforce) -> None:
    newest_first = "SELECT SystemModstamp FROM Account ORDER BY SystemModstamp DESC LIMIT 1"
    newest = client.query(newest_first)["records"][0]["SystemModstamp"]
    assert newest.endswith("+0000")
    same = client.query(f"SELECT Id FROM Account WHERE SystemModstamp = {newest}")
    assert same["totalSize"] > 0
    moment = dt.datetime.strptime(newest, "%Y-%m-%dT%H:%M:%S.%f%z")
    formatted = format_soql("SELECT Id FROM Account WHERE SystemModstamp >= {}", moment)
    assert client.query(formatted) == same


def test_a_record_is_read_by_its_id(client: Salesforce, org: Org) -> None:
    records = org.records("Account")
    record = next(one for one in records.values() if not one.deleted)
    fields = described_fields(client, "Account")
    assert_same(record, client.Account.get(record.id), fields)
    named = client.Account.get(record.id, params={"fields": "Name,Website"})
    assert {key: value for key, value in named.items() if key != "attributes"} == {
        "Id": record.id,
        "Name": record.properties["Name"],
        "Website": record.properties.get("Website"),
    }
    with pytest.raises(SalesforceResourceNotFound):
        client.Account.get("001000000000000AAA")
    with pytest.raises(SalesforceMalformedRequest, match="No such column"):
        client.Account.get(record.id, params={"fields": "Nothing"})


def test_updated_and_deleted_list_what_changed(client: Salesforce, org: Org) -> None:
    live = [key for key, record in org.records("Contact").items() if not record.deleted]
    org.touch("Contact", live[0])
    org.delete("Contact", live[1])
    org.advance_clock(120)
    now = dt.datetime.fromtimestamp(time.time(), tz=dt.UTC)
    start, end = now - dt.timedelta(minutes=5), now + dt.timedelta(minutes=1, seconds=59)
    assert live[0] in client.Contact.updated(start, end)["ids"]
    assert live[1] in {row["id"] for row in client.Contact.deleted(start, end)["deletedRecords"]}
    with pytest.raises(SalesforceResourceNotFound, match="ENTITY_IS_DELETED"):
        client.Contact.get(live[1])


def test_describe_leads_from_object_to_object(client: Salesforce) -> None:
    listed = {one["name"]: one for one in client.describe()["sobjects"]}
    assert listed.keys() >= set(OBJECTS)
    for name in OBJECTS:
        described = getattr(client, name).describe()
        assert {key: described[key] for key in listed[name]} == listed[name]
        assert described["keyPrefix"] == listed[name]["keyPrefix"]
        assert {
            target for field in described["fields"] for target in field["referenceTo"]
        } <= listed.keys() | {
            "Profile",
            "UserRole",
        }


def test_the_rest_of_ordinary_reading_works(client: Salesforce) -> None:
    assert client.limits()["DailyApiRequests"]["Remaining"] > 0
    assert client.is_sandbox() is False
    assert client.Account.metadata()["objectDescribe"]["name"] == "Account"
    assert len(client.restful("recent", params={"limit": 5})) == 5
    assert {"sobjects", "query", "identity"} <= client.restful("").keys()
    assert client.api_usage["api-usage"].used > 0


def test_what_is_not_simulated_says_so(client: Salesforce) -> None:
    unsimulated = [
        lambda: client.bulk.Account.query("SELECT Id FROM Account"),
        lambda: client.quick_search("Acme"),
        lambda: client.Account.create({"Name": "x"}),
        lambda: client.Account.describe_layout("012000000000000AAA"),
        lambda: client.query("SELECT Id, Owner.Name FROM Account"),
        client.Lead.describe,
        lambda: client.toolingexecute("query?q=x"),
    ]
    for call in unsimulated:
        with pytest.raises(SalesforceGeneralError, match=NOT_SIMULATED) as raised:
            call()
        assert raised.value.status == 501


def test_an_expired_session_is_refreshed(org: Org) -> None:
    first = authorize(org)
    org.expire_sessions()
    with pytest.raises(SalesforceExpiredSession):
        connect(org, first).limits()
    second = request_token(org, grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert second["access_token"] != first["access_token"]
    assert connect(org, first | second).limits()
