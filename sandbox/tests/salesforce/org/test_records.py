import datetime as dt

import httpx
import pytest

from crm_sandbox import Association
from crm_sandbox.salesforce import ADMIN_USER_ID, RecordChange, Sandbox, full_id, record_id
from crm_sandbox.salesforce.flags import DAY_SECONDS
from tests.salesforce.builders import DATA, NOW, query, refusal

pytestmark = pytest.mark.anyio

FIRST, SECOND = record_id("Account", 1), record_id("Account", 2)
ADA, BO, NOBODY = (record_id("Contact", number) for number in (1, 2, 3))
DEAL = record_id("Opportunity", 1)
STAMPED = "2026-09-21T14:13:20.000+0000"
"""NOW, in REST's format."""


async def ids(client: httpx.AsyncClient, name: str, where: str = "IsDeleted = true") -> set[str]:
    return {row["Id"] for row in await query(client, f"SELECT Id FROM {name} WHERE {where}", every=True)}


def test_ids_have_salesforces_checksum() -> None:
    assert full_id("0011000000pQ2Fq") == "0011000000pQ2FqAAK"
    assert full_id("0011000000pQ2FqAAK") == "0011000000pQ2FqAAK"
    assert full_id("0011000000pQ2FqAAA") is None
    assert full_id("0011") is None


def test_ids_sort_as_their_numbers() -> None:
    made = [record_id("Account", number) for number in (0, 9, 10, 35, 36, 61, 62, 3843, 3844, 10**12)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


async def test_a_record_is_created_and_changed(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    new = sandbox.org.upsert(RecordChange(object_name="Contact", properties={"FirstName": "Eve"}))
    sandbox.org.upsert(RecordChange(object_name="Contact", id=new, properties={"LastName": "Last"}))
    columns = "Name, OwnerId, CreatedDate, SystemModstamp"
    [row] = await query(client, f"SELECT {columns} FROM Contact WHERE Id = '{new}'")
    assert (row["Name"], row["OwnerId"]) == ("Eve Last", ADMIN_USER_ID)
    assert (row["CreatedDate"], row["SystemModstamp"]) == (STAMPED, STAMPED)
    assert new > NOBODY


@pytest.mark.parametrize(
    ("name", "properties", "says"),
    [
        ("Account", {"Nothing": "x"}, "has no field Nothing"),
        ("Account", {"SystemModstamp": "2026-01-01"}, "set by Salesforce"),
        ("Contact", {"Name": "x"}, "set by Salesforce"),
        ("Account", {"NumberOfEmployees": "many"}, "NumberOfEmployees"),
        ("Account", {"NumberOfEmployees": 100_000_000}, "8 digits"),
        ("Account", {"Name": "x" * 256}, "255"),
        ("Account", {"OwnerId": "31"}, "OwnerId"),
        ("Opportunity", {"CloseDate": "soon"}, "CloseDate"),
        ("Widget", {}, "no object Widget"),
    ],
)
def test_a_record_must_fit_its_fields(
    sandbox: Sandbox, name: str, properties: dict[str, str | int], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        sandbox.org.upsert(RecordChange(object_name=name, properties=properties))


async def test_a_stage_sets_probability_and_closed_fields(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    soql = f"SELECT IsClosed, IsWon, Probability FROM Opportunity WHERE Id = '{DEAL}'"
    [won] = await query(client, soql)
    assert (won["IsClosed"], won["IsWon"], won["Probability"]) == (True, True, 100.0)
    change = RecordChange(object_name="Opportunity", id=DEAL, properties={"StageName": "Prospecting"})
    sandbox.org.upsert(change)
    [open_] = await query(client, soql)
    assert (open_["IsClosed"], open_["IsWon"], open_["Probability"]) == (False, False, 10.0)


async def test_a_deactivated_user_stays_a_user(client: httpx.AsyncClient) -> None:
    found = await query(client, "SELECT Id, IsActive FROM User ORDER BY Id")
    assert [row["IsActive"] for row in found] == [True, True, False]


async def test_a_deleted_record_is_only_in_query_all(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    assert sandbox.org.delete("Contact", NOBODY)
    assert not sandbox.org.delete("Contact", NOBODY)
    assert NOBODY not in {row["Id"] for row in await query(client, "SELECT Id FROM Contact")}
    [row] = await query(client, "SELECT Id, SystemModstamp FROM Contact WHERE IsDeleted = true", every=True)
    assert (row["Id"], row["SystemModstamp"]) == (NOBODY, STAMPED)


async def test_an_account_is_deleted_and_restored_with_its_children(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    sandbox.org.delete("Account", FIRST)
    assert await ids(client, "Contact") == {ADA, BO}
    assert await ids(client, "Opportunity") == {DEAL}
    assert len(await ids(client, "OpportunityContactRole")) == 2
    sandbox.clock.advance(10)
    assert sandbox.org.undelete("Account", FIRST)
    assert not sandbox.org.undelete("Account", FIRST)
    for name in ("Account", "Contact", "Opportunity", "OpportunityContactRole"):
        assert await ids(client, name) == set()
    [row] = await query(client, f"SELECT SystemModstamp FROM Contact WHERE Id = '{ADA}'")
    assert row["SystemModstamp"] == STAMPED.replace(":20.", ":30.")


async def test_a_child_deleted_before_its_account_is_not_restored_with_it(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    sandbox.org.delete("Contact", ADA)
    sandbox.org.delete("Account", FIRST)
    sandbox.org.undelete("Account", FIRST)
    assert await ids(client, "Contact") == {ADA}


def test_a_child_deleted_with_its_account_is_restored_only_with_it(sandbox: Sandbox) -> None:
    sandbox.org.delete("Account", FIRST)
    assert not sandbox.org.undelete("Contact", ADA)


async def test_a_restored_contact_loses_the_reference_to_a_deleted_account(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    sandbox.org.delete("Contact", ADA)
    sandbox.org.erase("Account", FIRST)
    assert sandbox.org.undelete("Contact", ADA)
    [row] = await query(client, f"SELECT AccountId FROM Contact WHERE Id = '{ADA}'")
    assert row["AccountId"] is None


async def test_an_erased_record_is_in_no_query(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    assert sandbox.org.erase("Account", FIRST)
    assert await ids(client, "Account") == set()
    assert await ids(client, "Contact") == set()
    assert await ids(client, "Contact", f"Id = '{ADA}'") == set()
    assert not sandbox.org.erase("Account", FIRST)


async def test_the_recycle_bin_is_emptied_after_fifteen_days(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    sandbox.flags.session_seconds = 30 * DAY_SECONDS
    sandbox.org.delete("Contact", NOBODY)
    client.headers["authorization"] = f"Bearer {sandbox.oauth.connect(sandbox.org.org_id)['access_token']}"
    sandbox.clock.advance(15 * DAY_SECONDS - 1)
    assert await ids(client, "Contact") == {NOBODY}
    sandbox.clock.advance(1)
    assert await ids(client, "Contact") == set()


async def test_a_merge_moves_references_to_the_survivor(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    assert sandbox.org.merge("Account", SECOND, FIRST) == SECOND
    [loser] = await query(client, "SELECT Id, MasterRecordId FROM Account WHERE IsDeleted = true", every=True)
    assert (loser["Id"], loser["MasterRecordId"]) == (FIRST, SECOND)
    [survivor] = await query(client, f"SELECT Name, SystemModstamp FROM Account WHERE Id = '{SECOND}'")
    assert (survivor["Name"], survivor["SystemModstamp"]) == ("Account 2", STAMPED)
    for name, row_ids in (("Contact", {ADA, BO}), ("Opportunity", {DEAL})):
        moved = await query(client, f"SELECT Id, SystemModstamp FROM {name} WHERE AccountId = '{SECOND}'")
        assert {row["Id"] for row in moved} == row_ids
        assert {row["SystemModstamp"] for row in moved} == {STAMPED}
    assert not sandbox.org.undelete("Account", FIRST)


async def test_merged_contacts_share_their_roles(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.org.merge("Contact", ADA, BO)
    roles = await query(
        client, f"SELECT ContactId FROM OpportunityContactRole WHERE OpportunityId = '{DEAL}'"
    )
    assert [role["ContactId"] for role in roles] == [ADA]


@pytest.mark.parametrize(
    ("name", "primary", "other"),
    [("Account", FIRST, FIRST), ("Account", FIRST, ADA), ("Opportunity", DEAL, record_id("Opportunity", 2))],
)
def test_only_two_accounts_or_contacts_are_merged(
    sandbox: Sandbox, name: str, primary: str, other: str
) -> None:
    with pytest.raises(ValueError, match="two live"):
        sandbox.org.merge(name, primary, other)


async def test_roles_are_replaced_without_touching_the_opportunity(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    sandbox.org.set_roles(DEAL, [Association(id=BO, primary=True), Association(id=NOBODY)])
    soql = "SELECT ContactId, IsPrimary, IsDeleted FROM OpportunityContactRole ORDER BY ContactId"
    roles = [
        (role["ContactId"], role["IsPrimary"], role["IsDeleted"])
        for role in await query(client, soql, every=True)
    ]
    assert roles == [(ADA, True, True), (BO, True, False), (NOBODY, False, False)]
    [deal] = await query(client, f"SELECT SystemModstamp FROM Opportunity WHERE Id = '{DEAL}'")
    assert deal["SystemModstamp"] != STAMPED


async def test_a_touch_moves_system_modstamp_alone(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    assert sandbox.org.touch("Account", FIRST)
    [row] = await query(client, f"SELECT SystemModstamp, LastModifiedDate FROM Account WHERE Id = '{FIRST}'")
    assert (row["SystemModstamp"], row["LastModifiedDate"]) == (STAMPED, "2025-02-01T12:00:00.000+0000")


def moment(ago: float) -> str:
    return dt.datetime.fromtimestamp(NOW - ago, tz=dt.UTC).isoformat()


async def deleted(
    client: httpx.AsyncClient, start: float, end: float, name: str = "Contact"
) -> httpx.Response:
    params = {"start": moment(start), "end": moment(end)}
    return await client.get(f"{DATA}/sobjects/{name}/deleted/", params=params)


async def test_deleted_lists_deletions_erased_ones_too(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    for row_id in (ADA, BO, NOBODY):
        sandbox.org.delete("Contact", row_id)
    sandbox.org.erase("Contact", BO)
    sandbox.org.undelete("Contact", NOBODY)
    sandbox.clock.advance(60)
    deletions = (await deleted(client, 3600, -60)).json()
    assert {entry["id"] for entry in deletions["deletedRecords"]} == {ADA, BO}
    assert {entry["deletedDate"] for entry in deletions["deletedRecords"]} == {STAMPED}
    assert deletions["latestDateCovered"].startswith("2026-09-21T14:1")


async def test_a_trimmed_log_has_an_earliest_date(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.org.delete("Contact", ADA)
    sandbox.clock.advance(3600)
    sandbox.flags.deleted_log_seconds = 1800
    deletions = (await deleted(client, 3600, -3600)).json()
    assert deletions["deletedRecords"] == []
    assert deletions["earliestDateAvailable"] > "2026-09-21T14:13:20"


async def test_deleted_refuses_a_period_outside_the_log(client: httpx.AsyncClient) -> None:
    assert refusal(await deleted(client, 16 * DAY_SECONDS, 0)) == (400, "INVALID_REPLICATION_DATE")
    assert refusal(await deleted(client, 0, 3600)) == (400, "INVALID_REPLICATION_DATE")
    assert refusal(await client.get(f"{DATA}/sobjects/Contact/deleted"))[1] == "INVALID_REPLICATION_DATE"
    assert refusal(await deleted(client, 3600, 0, "Widget")) == (404, "NOT_FOUND")
