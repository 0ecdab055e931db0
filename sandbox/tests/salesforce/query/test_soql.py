import httpx
import pytest

from crm_sandbox.salesforce import RecordChange, Sandbox, record_id
from crm_sandbox.salesforce.sobjects.schema import Value
from tests.salesforce.builders import DATA, query, refusal

pytestmark = pytest.mark.anyio

ONE = record_id("Account", 1)
TWO = record_id("Account", 2)


@pytest.fixture(autouse=True)
def accounts(sandbox: Sandbox) -> None:
    def put(number: int, updated_at: str = "2026-01-01T00:00:00Z", **properties: Value) -> None:
        row_id = record_id("Account", number)
        sandbox.org.upsert(
            RecordChange(object_name="Account", id=row_id, properties=properties, updated_at=updated_at)
        )

    for row_id in list(sandbox.org.tables["Account"].rows):
        sandbox.org.erase("Account", row_id)
    put(1, Name='O\'Neil "& Söhne"\nline', NumberOfEmployees=10, AnnualRevenue=5e6, Website=None)
    put(2, "2026-02-01T00:00:00Z", Name="beta", NumberOfEmployees=200, Website="b.com")
    put(3, "2026-03-01T00:00:00Z", Name="Alpha", NumberOfEmployees=None, Website="A.com")


CHOSEN = [
    ("Name = 'ALPHA'", [3]),
    (r"Name = 'o\'neil \"& söhne\"\nline'", [1]),
    (r"Name = '\u0061lpha'", [3]),
    ("Name != 'alpha'", [1, 2]),
    ("Website = null", [1]),
    ("Website != null", [2, 3]),
    ("Website != 'b.com'", [1, 3]),
    ("Name < 'beta'", [3]),
    ("Name IN ('alpha', 'beta')", [2, 3]),
    ("NumberOfEmployees >= 10 AND NumberOfEmployees < 200", [1]),
    ("NumberOfEmployees <= 200.0", [1, 2]),
    ("AnnualRevenue > 4.9e6", [1]),
    ("IsDeleted = false", [1, 2, 3]),
    ("SystemModstamp >= 2026-02-01T00:00:00Z", [2, 3]),
    ("SystemModstamp > 2026-02-01T01:00:00.000+01:00", [3]),
    ("SystemModstamp = 2026-02-01T00:00:00Z", [2]),
    ("SystemModstamp = 2026-02-01T00:00:00.000+0000", [2]),
    ("SystemModstamp >= 2026-01-31T18:00:00-0600", [2, 3]),
    (f"Id = '{ONE}'", [1]),
    (f"Id > '{ONE[:15]}'", [2, 3]),
    (f"Id IN ('{ONE[:15]}', '{TWO}')", [1, 2]),
    ("(Name = 'beta') AND (NumberOfEmployees = 200 AND (Website = 'b.com'))", [2]),
    ("name = 'beta' and NUMBEROFEMPLOYEES = 200", [2]),
    ("OwnerId != null", [1, 2, 3]),
]


@pytest.mark.parametrize(("where", "numbers"), CHOSEN)
async def test_conditions_filter_rows(client: httpx.AsyncClient, where: str, numbers: list[int]) -> None:
    found = await query(client, f"SELECT Id FROM Account WHERE {where} ORDER BY Id")
    assert [row["Id"] for row in found] == [record_id("Account", number) for number in numbers]


ORDERED = [
    ("Name", [3, 2, 1]),
    ("Name DESC", [1, 2, 3]),
    ("NumberOfEmployees ASC, Id", [3, 1, 2]),
    ("NumberOfEmployees DESC", [2, 1, 3]),
    ("SystemModstamp DESC LIMIT 2", [3, 2]),
    ("IsDeleted, Name DESC", [1, 2, 3]),
]


@pytest.mark.parametrize(("order", "numbers"), ORDERED)
async def test_order_by_sorts_rows(client: httpx.AsyncClient, order: str, numbers: list[int]) -> None:
    found = await query(client, f"SELECT Id FROM Account ORDER BY {order}")
    assert [row["Id"] for row in found] == [record_id("Account", number) for number in numbers]


async def test_rows_without_order_by_are_shuffled(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    for _ in range(20):
        sandbox.org.upsert(RecordChange(object_name="Account", properties={"Name": "x"}))
    ids = [row["Id"] for row in await query(client, "SELECT Id FROM Account")]
    assert ids not in (sorted(ids), sorted(ids, reverse=True))


async def test_count_returns_a_size_and_no_rows(client: httpx.AsyncClient) -> None:
    answer = await client.get(
        f"{DATA}/query", params={"q": "SELECT COUNT() FROM Account WHERE Website != null"}
    )
    assert answer.json() == {"totalSize": 2, "done": True, "records": []}


async def test_values_are_json_of_their_types(client: httpx.AsyncClient) -> None:
    columns = "Id, Name, NumberOfEmployees, AnnualRevenue, IsDeleted, SystemModstamp, Website, BillingAddress"
    [row] = await query(client, f"SELECT {columns} FROM Account WHERE Id = '{ONE}'")
    assert row == {
        "attributes": {"type": "Account", "url": f"{DATA}/sobjects/Account/{ONE}"},
        "Id": ONE,
        "Name": 'O\'Neil "& Söhne"\nline',
        "NumberOfEmployees": 10,
        "AnnualRevenue": 5_000_000.0,
        "IsDeleted": False,
        "SystemModstamp": "2026-01-01T00:00:00.000+0000",
        "Website": None,
        "BillingAddress": None,
    }


REFUSED = [
    ("", "MALFORMED_QUERY"),
    ("SELECT FROM Account", "MALFORMED_QUERY"),
    ("SELECT Id", "MALFORMED_QUERY"),
    ("SELECT Id FROM Account;", "MALFORMED_QUERY"),
    ("SELECT Id, Id FROM Account", "MALFORMED_QUERY"),
    ("SELECT Id FROM Account, Contact", "MALFORMED_QUERY"),
    ("SELECT Id FROM Account WHERE", "MALFORMED_QUERY"),
    ("SELECT Id FROM Account WHER Name = 'a'", "MALFORMED_QUERY"),
    ("SELECT Id Name FROM Account", "MALFORMED_QUERY"),
    ("SELECT Id FROM Account WHERE Name = :name", "MALFORMED_QUERY"),
    ("SELECT Id FROM Account WHERE Name", "MALFORMED_QUERY"),
    ("SELECT Id FROM Account WHERE Name IN ()", "MALFORMED_QUERY"),
    ("SELECT Id FROM Account WHERE Name = 'it's'", "MALFORMED_QUERY"),
    ("SELECT Id FROM Account WHERE Name = 'open", "MALFORMED_QUERY"),
    (r"SELECT Id FROM Account WHERE Name = '\x'", "MALFORMED_QUERY"),
    ("SELECT Id FROM Account WHERE SystemModstamp > 2026-02-01T00:00:00", "MALFORMED_QUERY"),
    ("SELECT Id FROM Account WHERE SystemModstamp > 2026-02-01T00:00:00 00:00", "MALFORMED_QUERY"),
    ("SELECT Id FROM Account WHERE SystemModstamp > 2026-13-01T00:00:00Z", "MALFORMED_QUERY"),
    ("SELECT Id FROM Account ORDER BY Description", "MALFORMED_QUERY"),
    ("SELECT Id FROM Account LIMIT 1.5", "MALFORMED_QUERY"),
    ("SELECT Id FROM Account WHERE SystemModstamp > '2026-02-01T00:00:00Z'", "INVALID_FIELD"),
    ("SELECT Id FROM Account WHERE SystemModstamp > 2026-02-01", "INVALID_FIELD"),
    ("SELECT Id FROM Account WHERE Name = 5", "INVALID_FIELD"),
    ("SELECT Id FROM Account WHERE NumberOfEmployees = '5'", "INVALID_FIELD"),
    ("SELECT Id FROM Account WHERE IsDeleted = 'false'", "INVALID_FIELD"),
    ("SELECT Id FROM Account WHERE Description = 'x'", "INVALID_FIELD"),
    ("SELECT Id FROM Account WHERE Nothing = 'x'", "INVALID_FIELD"),
    ("SELECT Id FROM Account ORDER BY Nothing", "INVALID_FIELD"),
    ("SELECT Nothing FROM Account", "INVALID_FIELD"),
    ("SELECT Email FROM Account", "INVALID_FIELD"),
    ("SELECT Id FROM Widget", "INVALID_TYPE"),
    ("SELECT Id FROM Account WHERE IsDeleted > false", "INVALID_QUERY_FILTER_OPERATOR"),
    ("SELECT Id FROM Account WHERE Name > null", "INVALID_QUERY_FILTER_OPERATOR"),
    ("SELECT Id FROM Account WHERE Id = '1'", "INVALID_QUERY_FILTER_OPERATOR"),
    (f"SELECT Id FROM Account WHERE Id = '{ONE[:15]}AAB'", "INVALID_QUERY_FILTER_OPERATOR"),
]


@pytest.mark.parametrize(("soql", "code"), REFUSED)
async def test_malformed_soql_is_refused(client: httpx.AsyncClient, soql: str, code: str) -> None:
    answer = await client.get(f"{DATA}/query", params={"q": soql})
    assert refusal(answer) == (400, code)


NOT_SIMULATED = [
    ("SELECT COUNT(Id) FROM Account", "the SOQL function COUNT()"),
    ("SELECT FIELDS(ALL) FROM Account LIMIT 200", "the SOQL function FIELDS()"),
    ("SELECT Id FROM Account WHERE CALENDAR_YEAR(CreatedDate) = 2026", "the SOQL function CALENDAR_YEAR()"),
    ("SELECT Owner.Name FROM Account", "relationship fields (Owner.Name) in SOQL"),
    ("SELECT Id FROM Contact WHERE Account.Name = 'a'", "relationship fields (Account.Name) in SOQL"),
    ("SELECT Id, (SELECT Id FROM Contacts) FROM Account", "subqueries in SOQL"),
    ("SELECT Id FROM Account WHERE Id IN (SELECT AccountId FROM Contact)", "subqueries in SOQL"),
    ("SELECT TYPEOF Owner WHEN User THEN Name END FROM Account", "TYPEOF in SOQL"),
    ("SELECT Id FROM Account a", "aliases in SOQL"),
    ("SELECT Id FROM Account USING SCOPE mine", "USING in SOQL"),
    ("SELECT Id FROM Account WHERE Name = 'a' OR Name = 'b'", "OR in SOQL"),
    ("SELECT Id FROM Account WHERE NOT Name = 'a'", "NOT in SOQL"),
    ("SELECT Id FROM Account WHERE Name NOT IN ('a')", "NOT in SOQL"),
    ("SELECT Id FROM Account WHERE Name LIKE 'a%'", "LIKE in SOQL"),
    ("SELECT Id FROM Account WHERE Industry INCLUDES ('a')", "INCLUDES in SOQL"),
    ("SELECT Id FROM Account WHERE SystemModstamp > YESTERDAY", "the date literal YESTERDAY in SOQL"),
    ("SELECT Id FROM Account WHERE SystemModstamp > LAST_N_DAYS:7", "the date literal LAST_N_DAYS:7 in SOQL"),
    ("SELECT Id FROM Account WHERE AnnualRevenue > USD5000", "the currency literal USD5000 in SOQL"),
    ("SELECT Id FROM Account WITH SECURITY_ENFORCED", "WITH in SOQL"),
    ("SELECT Id FROM Account GROUP BY Id", "GROUP in SOQL"),
    ("SELECT Id FROM Account ORDER BY Name NULLS LAST", "NULLS in SOQL"),
    ("SELECT Id FROM Account LIMIT 1 OFFSET 2", "OFFSET in SOQL"),
    ("SELECT Id FROM Account FOR VIEW", "FOR in SOQL"),
    ("SELECT Id, CreatedById FROM Account", "the field Account.CreatedById"),
    ("SELECT Id FROM Opportunity WHERE nextstep = null", "the field Opportunity.nextstep"),
    ("SELECT Id FROM Lead", "the object Lead"),
    ("SELECT Id FROM task", "the object Task"),
]


@pytest.mark.parametrize(("soql", "what"), NOT_SIMULATED)
async def test_the_rest_of_soql_is_not_simulated(client: httpx.AsyncClient, soql: str, what: str) -> None:
    answer = await client.get(f"{DATA}/query", params={"q": soql})
    assert refusal(answer) == (501, "NOT_SIMULATED")
    assert answer.json()[0]["message"].startswith(f"the sandbox does not play {what}")


async def test_a_plus_that_was_not_escaped_is_malformed(client: httpx.AsyncClient) -> None:
    soql = "SELECT Id FROM Account WHERE SystemModstamp > 2026-02-01T00:00:00"
    escaped, bare = f"{soql}%2B00:00".replace(" ", "%20"), f"{soql}+00:00".replace(" ", "%20")
    assert (await client.get(f"{DATA}/query?q={escaped}")).status_code == 200
    assert refusal(await client.get(f"{DATA}/query?q={bare}")) == (400, "MALFORMED_QUERY")
