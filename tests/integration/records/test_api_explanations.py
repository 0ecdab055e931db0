"""What the API says about where values come from, why records are linked, and what a run could not keep."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.support.harness.api import ApiHarness, api_harness

pytestmark = pytest.mark.anyio

OLD, NEW = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
FULL: dict[str, Any] = {
    "company_name": "Acme Inc.",
    "industry": "Software",
    "naics": "5112",
    "employee_count": 900,
    "hq_country": "US",
    "domain": "acme.com",
}


@pytest.fixture
async def api(database: str) -> AsyncIterator[ApiHarness]:
    async with api_harness(database) as opened:
        yield opened


async def acme(api: ApiHarness) -> UUID:
    """Lay a company of two live records, a full one and a fresher one that is nearly empty, and an archived one."""
    company = await api.company(records=0, domain="acme.com")
    await api.record(company, "full", source_updated_at=OLD, **FULL)
    await api.record(
        company, "touched", external_source="salesforce", source_updated_at=NEW, company_name="acme"
    )
    await api.record(company, "gone", archived_at=NEW, company_name="Gone")
    return company


async def pin(api: ApiHarness, company: UUID, group: str, record_id: str | None, **kwargs: Any) -> Any:
    record = record_id and {"external_source": "hubspot", "external_provider_id": record_id}
    path = f"/api/companies/{company}/pins"
    return await api.ask("PUT", path, json={"group": group, "record": record}, **kwargs)


def group(explanation: dict[str, Any], name: str) -> dict[str, Any]:
    return next(entry for entry in explanation["groups"] if entry["group"] == name)


async def test_each_group_names_its_value_and_the_record_that_it_comes_from(api: ApiHarness) -> None:
    company = await acme(api)
    explained = (await api.get(f"/api/companies/{company}/explain")).json()
    assert group(explained, "name") == {
        "group": "name",
        "values": {"company_name": "acme"},
        "source": {
            "external_source": "salesforce",
            "external_provider_id": "touched",
            "source_updated_at": "2026-06-01T00:00:00Z",
        },
        "pinned": False,
    }
    industry = group(explained, "industry")
    assert industry["values"] == {"industry": "Software", "naics": "5112", "sic": None}
    assert industry["source"]["external_provider_id"] == "full"
    assert group(explained, "phone") == {
        "group": "phone", "values": {"phone": None}, "source": None, "pinned": False,
    }  # fmt: skip
    assert [record["external_provider_id"] for record in explained["records"]] == ["touched", "full"]
    assert explained["records"][1]["values"]["employee_count"] == 900


async def test_the_records_come_in_pages(api: ApiHarness) -> None:
    company = await acme(api)
    path = f"/api/companies/{company}/explain"
    first = (await api.get(path, limit=1)).json()
    assert (first["has_more"], [one["external_provider_id"] for one in first["records"]]) == (
        True,
        ["touched"],
    )
    second = (await api.get(path, limit=1, cursor=first["next_cursor"])).json()
    assert (second["has_more"], second["next_cursor"]) == (False, None)
    assert [one["external_provider_id"] for one in second["records"]] == ["full"]


@pytest.mark.parametrize("cursor", ["x", "AQ", "Ag", "Am5vYm9keQAx"])
async def test_a_cursor_of_another_list_is_refused(api: ApiHarness, cursor: str) -> None:
    response = await api.get(f"/api/companies/{await acme(api)}/explain", cursor=cursor)
    assert (response.status_code, response.json()["code"]) == (400, "invalid_cursor")


async def test_a_pin_is_shown_and_takes_effect_at_once_until_it_is_undone(api: ApiHarness) -> None:
    company = await acme(api)
    explained = (await pin(api, company, "name", "full")).json()
    assert group(explained, "name")["values"] == {"company_name": "Acme Inc."}
    assert group(explained, "name")["pinned"] is True
    assert [(one["group"], one["external_provider_id"], one["status"]) for one in explained["pins"]] == [
        ("name", "full", "effective")
    ]
    assert (await api.get(f"/api/companies/{company}")).json()["company_name"] == "Acme Inc."
    undone = (await pin(api, company, "name", None)).json()
    assert (undone["pins"], group(undone, "name")["pinned"]) == ([], False)
    assert (await api.get(f"/api/companies/{company}")).json()["company_name"] == "acme"


async def test_a_pin_on_what_has_gone_or_is_empty_is_listed_and_ignored(api: ApiHarness) -> None:
    company = await acme(api)
    await pin(api, company, "name", "full")
    await pin(api, company, "phone", "full")
    await api.pool.execute(
        "update crm_companies set archived_at = $1 where external_provider_id = 'full'"
        " and company_id = $2", NEW, company,
    )  # fmt: skip
    explained = (await api.get(f"/api/companies/{company}/explain")).json()
    assert {(one["group"], one["status"]) for one in explained["pins"]} == {
        ("name", "archived"),
        ("phone", "archived"),
    }
    assert group(explained, "name")["values"] == {"company_name": "acme"}
    await api.pool.execute("update crm_companies set archived_at = null where external_provider_id = 'full'")
    explained = (await api.get(f"/api/companies/{company}/explain")).json()
    assert {(one["group"], one["status"]) for one in explained["pins"]} == {
        ("name", "effective"),
        ("phone", "empty"),
    }


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"group": "colour", "record": None}, 400),
        ({"group": "name"}, 400),
        ({"group": "name", "record": {"external_source": "pipedrive", "external_provider_id": "1"}}, 400),
        ({"group": "name", "record": {"external_source": "hubspot", "external_provider_id": ""}}, 400),
        ({"group": "name", "record": {"external_source": "hubspot", "external_provider_id": "\0"}}, 400),
        ({"group": "name", "record": {"external_source": "hubspot", "external_provider_id": "404"}}, 404),
        ({"group": "name", "record": {"external_source": "hubspot", "external_provider_id": "gone"}}, 404),
        ({"group": "name", "record": None, "more": 1}, 400),
        ([], 400),
    ],
)
async def test_a_pin_on_nothing_is_refused(api: ApiHarness, body: Any, status: int) -> None:
    response = await api.ask("PUT", f"/api/companies/{await acme(api)}/pins", json=body)
    assert response.status_code == status, response.text


async def test_nothing_of_another_user_is_explained_or_pinned(api: ApiHarness) -> None:
    company = await acme(api)
    contact, deal = await api.contact(), await api.deal()
    for path in (f"companies/{company}", f"contacts/{contact}", f"deals/{deal}", f"companies/{uuid4()}"):
        assert (await api.get(f"/api/{path}/explain", api.neighbour_id)).status_code == 404
    assert (await pin(api, company, "name", "full", user_id=api.neighbour_id)).status_code == 404


async def test_a_merged_company_s_id_leads_to_the_explanation_and_pins_of_the_one_that_lives(
    api: ApiHarness,
) -> None:
    living, merged = await acme(api), uuid4()
    await api.insert("company_aliases", {"user_id": api.user_id, "alias_id": merged, "company_id": living})
    page = (await api.get(f"/api/companies/{living}/explain", limit="1")).json()
    explained = await api.get(
        f"/api/companies/{str(merged).upper()}/explain", limit="1", cursor=page["next_cursor"]
    )
    assert explained.status_code == 308
    assert (await api.get(explained.headers["location"])).json()["has_more"] is False
    pinned = await pin(api, merged, "name", "full")
    assert (pinned.status_code, pinned.headers["location"]) == (308, f"/api/companies/{living}/pins")
    assert (await api.get(f"/api/companies/{living}/explain")).json()["pins"] == []
    assert (await api.get(f"/api/companies/{merged}/explain", api.neighbour_id)).status_code == 404


async def test_a_pin_that_cannot_be_set_says_why(api: ApiHarness) -> None:
    company, archived = await acme(api), await api.company(archived_at=NEW)
    refused = (await pin(api, company, "colour", None)).json()
    assert refused["errors"] == [
        {"field": "group", "reason": "Invalid enum value 'colour'; /schema lists the values that exist"}
    ]
    foreign = (await pin(api, company, "name", "404")).json()
    assert foreign["detail"].startswith(f"There is no live hubspot record 404 in company {company}.")
    gone = (await pin(api, archived, "name", None)).json()
    assert gone["detail"].startswith(f"There is no live company {archived}.")


async def tried_rules(api: ApiHarness, **contact: Any) -> list[tuple[str, str | None, str]]:
    contact_id = await api.contact(**contact)
    explained = (await api.get(f"/api/contacts/{contact_id}/explain")).json()
    return [(step["rule"], step["value"], step["outcome"]) for step in explained["tried"]]


async def test_a_contact_s_link_names_the_rule_and_what_was_tried_before(api: ApiHarness) -> None:
    await acme(api)
    assert await tried_rules(api, provider_company_id="full", company_association="primary") == [
        ("company_association", "full", "linked")
    ]
    assert await tried_rules(
        api,
        provider_company_id="404",
        company_association="only",
        email_host="mail.acme.com",
        email_registrable_domain="acme.com",
    ) == [
        ("company_association", "404", "no_company"),
        ("email_host", "mail.acme.com", "no_company"),
        ("email_registrable_domain", "acme.com", "linked"),
    ]
    assert await tried_rules(
        api, is_person_account=True, provider_company_id="full", email_host="acme.com"
    ) == [("company_association", "full", "person_account")]
    assert await tried_rules(
        api,
        email="ann@gmail.com",
        email_kind="free_mail",
        additional_email_domains=["nowhere.com"],
        company_association="ambiguous",
    ) == [
        ("company_association", None, "ambiguous"),
        ("email_host", "gmail.com", "free_mail"),
        ("additional_email_domain", "nowhere.com", "no_company"),
    ]


async def test_an_additional_domain_is_said_to_be_one(api: ApiHarness) -> None:
    company = await acme(api)
    await api.insert(
        "company_domains",
        {
            "user_id": api.user_id,
            "domain": "acme.de",
            "external_source": "hubspot",
            "external_provider_id": "full",
        },
    )
    contact = await api.contact(email_host="acme.de", email_registrable_domain="acme.de")
    step = (await api.get(f"/api/contacts/{contact}/explain")).json()["tried"][-1]
    assert (step["outcome"], step["company_id"], step["additional_domain"]) == ("linked", str(company), True)


async def test_a_deal_s_link_names_the_association(api: ApiHarness) -> None:
    company = await acme(api)
    linked = await api.deal(
        provider_company_id="full",
        company_association="only",
        company_id=company,
        company_match="provider_id",
    )
    explained = (await api.get(f"/api/deals/{linked}/explain")).json()
    assert explained == {
        "deal_id": str(linked),
        "company_id": str(company),
        "company_match": "provider_id",
        "unlinked_reason": None,
        "tried": [
            {
                "rule": "company_association",
                "value": "full",
                "association": "only",
                "outcome": "linked",
                "company_id": str(company),
                "additional_domain": False,
            }
        ],
    }
    without = await api.deal(unlinked_reason="not_associated")
    assert (await api.get(f"/api/deals/{without}")).json()["unlinked_reason"] == "not_associated"


async def test_a_run_lists_what_it_could_not_keep_by_column_and_trouble(api: ApiHarness) -> None:
    run = await api.run(await api.connection())
    for field, trouble in (("domain", "unreadable"), ("crm_rep_id", "unknown_owner")):
        await api.unreadable(run, "companies", field, trouble, records=2, record_ids=["1", "2"])
    path = f"/api/integrations/hubspot/runs/{run}/unreadable"
    assert await api.data(path, field="domain") == [
        {
            "object_type": "companies",
            "field": "domain",
            "trouble": "unreadable",
            "records": 2,
            "record_ids": ["1", "2"],
        }
    ]
    assert [entry["field"] for entry in await api.data(path)] == ["crm_rep_id", "domain"]
    assert await api.data(path, field="colour") == []
    assert (await api.get(path, api.neighbour_id)).status_code == 404
