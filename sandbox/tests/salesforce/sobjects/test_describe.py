from typing import Any

import httpx
import pytest

from crm_sandbox.salesforce import RecordChange, Sandbox, record_id
from tests.salesforce.builders import DATA, query, refusal

pytestmark = pytest.mark.anyio

FIRST = record_id("Account", 1)


async def fields(client: httpx.AsyncClient, name: str) -> dict[str, dict[str, Any]]:
    answer = await client.get(f"{DATA}/sobjects/{name}/describe")
    assert answer.status_code == 200, answer.text
    return {field["name"]: field for field in answer.json()["fields"]}


async def objects(client: httpx.AsyncClient) -> set[str]:
    return {one["name"] for one in (await client.get(f"{DATA}/sobjects")).json()["sobjects"]}


async def test_describe_has_types_and_filterable_fields(client: httpx.AsyncClient) -> None:
    described = await fields(client, "Account")
    kinds = {
        name: described[name]["type"] for name in ("Id", "OwnerId", "AnnualRevenue", "NumberOfEmployees")
    }
    assert kinds == {
        "Id": "id",
        "OwnerId": "reference",
        "AnnualRevenue": "currency",
        "NumberOfEmployees": "int",
    }
    assert described["OwnerId"]["referenceTo"] == ["User"]
    assert (described["Description"]["filterable"], described["Name"]["filterable"]) == (False, True)
    assert "Technology" in {value["value"] for value in described["Industry"]["picklistValues"]}
    assert described["Name"]["length"] == 255


OBJECT_KEYS = {
    "activateable", "createable", "custom", "customSetting", "deepCloneable", "deletable", "deprecatedAndHidden",
    "feedEnabled", "hasSubtypes", "isInterface", "isSubtype", "keyPrefix", "label", "labelPlural", "layoutable",
    "mergeable", "mruEnabled", "name", "queryable", "replicateable", "retrieveable", "searchable", "triggerable",
    "undeletable", "updateable", "urls",
}  # fmt: skip
DETAIL_KEYS = {
    "actionOverrides", "childRelationships", "compactLayoutable", "fields", "listviewable", "lookupLayoutable",
    "namedLayoutInfos", "networkScopeFieldName", "recordTypeInfos", "searchLayoutable", "supportedScopes",
}  # fmt: skip
FIELD_KEYS = {
    "aggregatable", "autoNumber", "byteLength", "calculated", "calculatedFormula", "cascadeDelete", "caseSensitive",
    "compoundFieldName", "controllerName", "createable", "custom", "defaultValue", "defaultValueFormula",
    "defaultedOnCreate", "dependentPicklist", "deprecatedAndHidden", "digits", "displayLocationInDecimal",
    "encrypted", "externalId", "extraTypeInfo", "filterable", "filteredLookupInfo", "groupable", "highScaleNumber",
    "htmlFormatted", "idLookup", "inlineHelpText", "label", "length", "mask", "maskType", "name", "nameField",
    "namePointing", "nillable", "permissionable", "picklistValues", "polymorphicForeignKey", "precision",
    "queryByDistance", "referenceTargetField", "referenceTo", "relationshipName", "relationshipOrder",
    "restrictedDelete", "restrictedPicklist", "scale", "soapType", "sortable", "type", "unique", "updateable",
    "writeRequiresMasterRead",
}  # fmt: skip


async def test_describe_has_every_key_that_clients_read(client: httpx.AsyncClient) -> None:
    listed = (await client.get(f"{DATA}/sobjects")).json()["sobjects"]
    for one in listed:
        described = (await client.get(one["urls"]["describe"])).json()
        assert one.keys() >= OBJECT_KEYS
        assert described.keys() >= OBJECT_KEYS | DETAIL_KEYS
        assert {key: described[key] for key in one} == one
        assert all(field.keys() >= FIELD_KEYS for field in described["fields"])


async def test_describe_lists_child_relationships(client: httpx.AsyncClient) -> None:
    described = (await client.get(f"{DATA}/sobjects/Account/describe")).json()
    named = {
        one["relationshipName"]: (one["childSObject"], one["field"])
        for one in described["childRelationships"]
        if one["relationshipName"]
    }
    assert named == {
        "ChildAccounts": ("Account", "ParentId"),
        "Contacts": ("Contact", "AccountId"),
        "Opportunities": ("Opportunity", "AccountId"),
    }
    [record_type] = described["recordTypeInfos"]
    assert (record_type["master"], record_type["recordTypeId"]) == (True, "012000000000000AAA")


async def test_describe_marks_fields_that_only_salesforce_sets(client: httpx.AsyncClient) -> None:
    account, contact = await fields(client, "Account"), await fields(client, "Contact")
    assert not any(account[name]["createable"] for name in ("Id", "IsDeleted", "SystemModstamp"))
    assert (account["Name"]["createable"], contact["Name"]["createable"]) == (True, False)
    assert (contact["AccountId"]["label"], contact["AccountId"]["relationshipName"]) == (
        "Account ID",
        "Account",
    )


async def test_every_described_field_can_be_selected(client: httpx.AsyncClient) -> None:
    for name in await objects(client):
        await query(client, f"SELECT {', '.join(await fields(client, name))} FROM {name}")


async def test_a_hidden_field_is_neither_described_nor_selectable(client: httpx.AsyncClient) -> None:
    await client.post("/_sandbox/flags", json={"hidden_fields": ["Account.AnnualRevenue"]})
    assert "AnnualRevenue" not in await fields(client, "Account")
    for soql in (
        "SELECT AnnualRevenue FROM Account",
        "SELECT Id FROM Account WHERE AnnualRevenue = null",
        "SELECT Id FROM Account ORDER BY AnnualRevenue",
    ):
        answer = await client.get(f"{DATA}/query", params={"q": soql})
        assert refusal(answer) == (400, "INVALID_FIELD")
        assert "No such column 'AnnualRevenue' on entity 'Account'" in answer.json()[0]["message"]


async def test_a_hidden_object_is_neither_listed_nor_queryable(client: httpx.AsyncClient) -> None:
    await client.post("/_sandbox/flags", json={"hidden_objects": ["Opportunity"]})
    assert "Opportunity" not in await objects(client)
    assert refusal(await client.get(f"{DATA}/sobjects/Opportunity/describe")) == (404, "NOT_FOUND")
    answer = await client.get(f"{DATA}/query", params={"q": "SELECT Id FROM Opportunity"})
    assert refusal(answer) == (400, "INVALID_TYPE")


@pytest.mark.parametrize("hidden", [{"hidden_fields": ["Account.Nothing"]}, {"hidden_objects": ["Widget"]}])
async def test_what_does_not_exist_cannot_be_hidden(
    http: httpx.AsyncClient, hidden: dict[str, list[str]]
) -> None:
    assert (await http.post("/_sandbox/flags", json=hidden)).status_code == 400


async def test_country_codes_exist_when_the_org_has_picklists(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    properties = {"BillingCountry": "USA", "BillingState": "california", "BillingCity": "LA"}
    sandbox.org.upsert(RecordChange(object_name="Account", id=FIRST, properties=properties))
    assert "BillingCountryCode" not in await fields(client, "Account")
    sandbox.flags.state_country_picklists = True
    assert {"BillingCountryCode", "BillingStateCode"} <= (await fields(client, "Account")).keys()
    columns = "BillingCountry, BillingCountryCode, BillingState, BillingStateCode, BillingAddress"
    soql = f"SELECT {columns} FROM Account WHERE BillingCountryCode = 'US' AND BillingStateCode = 'CA'"
    [row] = await query(client, soql)
    assert (row["BillingCountry"], row["BillingState"]) == ("United States", "California")
    assert (row["BillingAddress"]["countryCode"], row["BillingAddress"]["city"]) == ("US", "LA")


async def test_a_country_outside_the_picklist_stays_text(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.flags.state_country_picklists = True
    properties = {"BillingCountry": "Atlantis", "BillingState": "CA"}
    sandbox.org.upsert(RecordChange(object_name="Account", id=FIRST, properties=properties))
    [row] = await query(
        client,
        f"SELECT BillingCountry, BillingCountryCode, BillingStateCode FROM Account WHERE Id = '{FIRST}'",
    )
    assert (row["BillingCountry"], row["BillingCountryCode"], row["BillingStateCode"]) == (
        "Atlantis",
        None,
        None,
    )


async def test_currencies_exist_when_the_org_has_several(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.org.upsert(RecordChange(object_name="Account", id=FIRST, properties={"CurrencyIsoCode": "EUR"}))
    assert "CurrencyIsoCode" not in await fields(client, "Opportunity")
    assert "CurrencyType" not in await objects(client)
    sandbox.flags.multi_currency = True
    assert "CurrencyIsoCode" in await fields(client, "Opportunity")
    corporate = await query(client, "SELECT IsoCode FROM CurrencyType WHERE IsCorporate = true")
    assert [row["IsoCode"] for row in corporate] == ["USD"]
    soql = "SELECT Id, CurrencyIsoCode FROM Account ORDER BY Id LIMIT 2"
    assert [row["CurrencyIsoCode"] for row in await query(client, soql)] == ["EUR", "USD"]


async def test_industry_codes_exist_when_the_org_has_dun_and_bradstreet(
    client: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    properties = {"NaicsCode": "541511", "Sic": "7371"}
    sandbox.org.upsert(RecordChange(object_name="Account", id=FIRST, properties=properties))
    assert {"NaicsCode", "DunsNumber", "Sic"} & (await fields(client, "Account")).keys() == {"Sic"}
    sandbox.flags.dun_and_bradstreet = True
    assert {"NaicsCode", "NaicsDesc", "DunsNumber", "YearStarted", "Tradestyle"} <= (
        await fields(client, "Account")
    ).keys()
    [row] = await query(client, "SELECT Id, Sic FROM Account WHERE NaicsCode = '541511'")
    assert row["Sic"] == "7371"


async def test_opportunity_stages_have_their_forecast_and_probability(client: httpx.AsyncClient) -> None:
    soql = (
        "SELECT ApiName, IsClosed, IsWon, DefaultProbability, ForecastCategoryName, SortOrder, IsActive "
        "FROM OpportunityStage ORDER BY SortOrder DESC LIMIT 2"
    )
    lost, won = await query(client, soql)
    assert (won["ApiName"], won["IsClosed"], won["IsWon"], won["DefaultProbability"]) == (
        "Closed Won",
        True,
        True,
        100.0,
    )
    assert (lost["IsClosed"], lost["IsWon"]) == (True, False)


async def test_the_organization_is_a_record(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    columns = "Id, Name, TimeZoneSidKey, NamespacePrefix, TrialExpirationDate"
    [row] = await query(client, f"SELECT {columns} FROM Organization")
    assert (row["Id"], row["Name"]) == (sandbox.org.org_id, "Small org")


async def test_a_custom_field_is_described_and_selected(client: httpx.AsyncClient, sandbox: Sandbox) -> None:
    sandbox.org.upsert(RecordChange(object_name="Account", id=FIRST, properties={"Colour__c": "red"}))
    assert (await fields(client, "Account"))["Colour__c"]["custom"] is True
    [row] = await query(client, "SELECT Colour__c FROM Account WHERE Colour__c = 'red'")
    assert row["Colour__c"] == "red"
