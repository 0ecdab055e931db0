"""hubspot-api-client connects to a served sandbox, refreshes, and reads everything; and it is what the account holds."""

from collections.abc import Iterator
from typing import Any

import pytest
from hubspot import HubSpot
from hubspot.crm.associations.v4.exceptions import ApiException as AssociationsError
from hubspot.crm.companies.exceptions import ApiException as CompaniesError
from hubspot.crm.deals.models import Filter, FilterGroup, PublicObjectSearchRequest
from hubspot.crm.objects.exceptions import ApiException as ObjectsError
from hubspot.crm.properties.exceptions import ApiException as PropertiesError
from hubspot.oauth.exceptions import ApiException as OAuthError
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
    SINGULAR,
    Account,
    Contents,
    Links,
    expected_values,
    serve_account,
)
from urllib3.util.retry import Retry

PAGE = 200
RETRY = Retry(total=8, status_forcelist=(429,), backoff_factor=0.5, allowed_methods=None)


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    with serve_account() as served:
        yield served


@pytest.fixture(scope="module")
def contents(account: Account) -> Contents:
    return account.contents()


def exchange(account: Account, **form: str) -> Any:
    """Ask the token endpoint that the client knows."""
    return HubSpot(host=account.url).oauth.tokens_api.create(
        client_id=CLIENT_ID, client_secret=CLIENT_SECRET, redirect_uri=REDIRECT_URI, **form
    )


def connect(account: Account) -> Any:
    return exchange(account, grant_type="authorization_code", code=account.allow())


def client_of(account: Account, access_token: str) -> HubSpot:
    return HubSpot(access_token=access_token, host=account.url, retry=RETRY)


@pytest.fixture(scope="module")
def client(account: Account) -> HubSpot:
    return client_of(account, connect(account).access_token)


def test_a_token_names_its_account_and_its_scopes(account: Account, client: HubSpot) -> None:
    tokens = connect(account)
    assert (tokens.token_type, tokens.expires_in) == ("bearer", 1800)
    access = client.oauth.access_tokens_api.get(tokens.access_token)
    refresh = client.oauth.refresh_tokens_api.get(tokens.refresh_token)
    assert access.hub_id == refresh.hub_id > 0
    assert (access.token_type, refresh.token_type) == ("access", "refresh")
    assert access.scopes == refresh.scopes == list(SCOPES)
    assert (refresh.client_id, 0 < access.expires_in <= 1800) == (CLIENT_ID, True)


def test_an_expired_token_is_refreshed_until_the_refresh_token_is_deleted(account: Account) -> None:
    tokens = connect(account)
    client = client_of(account, tokens.access_token)
    account.call_admin_api("tokens", {"expire": True})
    with pytest.raises(CompaniesError) as expired:
        client.crm.companies.basic_api.get_page()
    assert (expired.value.status, "EXPIRED_AUTHENTICATION" in str(expired.value.body)) == (401, True)
    fresh = exchange(account, grant_type="refresh_token", refresh_token=tokens.refresh_token)
    client.access_token = fresh.access_token
    assert client.crm.companies.basic_api.get_page().results
    client.oauth.refresh_tokens_api.archive(tokens.refresh_token)
    with pytest.raises(OAuthError) as deleted:
        exchange(account, grant_type="refresh_token", refresh_token=tokens.refresh_token)
    assert (deleted.value.status, "BAD_REFRESH_TOKEN" in str(deleted.value.body)) == (400, True)


@pytest.fixture(scope="module")
def fresh_client(account: Account, client: HubSpot) -> HubSpot:
    """The client again, after other tests have expired its token."""
    client.access_token = connect(account).access_token
    return client


@pytest.mark.parametrize("archived", [False, True], ids=["live", "archived"])
@pytest.mark.parametrize("name", OBJECTS)
def test_every_record_is_what_the_account_holds(
    fresh_client: HubSpot, contents: Contents, name: str, archived: bool
) -> None:
    asked = contents.properties(name)
    found = getattr(fresh_client.crm, name).get_all(properties=sorted(asked), archived=archived)
    records = contents.records(name, archived=archived)
    assert [one.id for one in found] == sorted(records, key=int)
    for one in found:
        record = records[one.id]
        assert one.properties == expected_values(name, record, asked), one.id
        assert one.archived is archived
        assert one.updated_at.isoformat(timespec="milliseconds").replace("+00:00", "Z") == record.updated_at


@pytest.mark.parametrize("name", OBJECTS)
def test_a_batch_of_a_hundred_is_read(fresh_client: HubSpot, contents: Contents, name: str) -> None:
    asked = contents.properties(name)
    records = dict(list(contents.records(name).items())[:100])
    inputs = [{"id": record_id} for record_id in records]
    body = {"inputs": inputs, "properties": sorted(asked), "propertiesWithHistory": []}
    answer = getattr(fresh_client.crm, name).batch_api.read(body)
    assert (answer.status, len(answer.results)) == ("COMPLETE", 100)
    for one in answer.results:
        assert one.properties == expected_values(name, records[one.id], asked)


def test_a_single_record_is_found_by_its_id_and_a_contact_by_its_address(
    fresh_client: HubSpot, contents: Contents
) -> None:
    contact = next(one for one in contents.records("contacts").values() if one.properties.get("email"))
    by_id = fresh_client.crm.contacts.basic_api.get_by_id(contact.id)
    by_address = fresh_client.crm.contacts.basic_api.get_by_id(
        contact.properties["email"], id_property="email"
    )
    assert by_id.id == contact.id
    assert by_address.properties["email"] == contact.properties["email"]


@pytest.mark.parametrize("name", OBJECTS)
def test_a_search_pages_through_everything(fresh_client: HubSpot, contents: Contents, name: str) -> None:
    records = contents.records(name)
    found: list[Any] = []
    after: str | None = None
    while True:
        request = PublicObjectSearchRequest(
            limit=PAGE, after=after, sorts=["hs_object_id"], properties=["hs_object_id"]
        )
        page = getattr(fresh_client.crm, name).search_api.do_search(request)
        found += page.results
        if page.paging is None:
            break
        after = page.paging.next.after
    assert page.total == len(records)
    assert [one.id for one in found] == sorted(records, key=int)


def test_filters_and_queries_find_what_they_say(fresh_client: HubSpot, contents: Contents) -> None:
    deals = contents.records("deals").values()
    some = min(str(one.properties["dealstage"]) for one in deals)
    group = FilterGroup(filters=[Filter(property_name="dealstage", operator="EQ", value=some)])
    found = fresh_client.crm.deals.search_api.do_search(PublicObjectSearchRequest(filter_groups=[group]))
    assert found.total == sum(one.properties["dealstage"] == some for one in deals)
    addresses = [str(one.properties.get("email") or "") for one in contents.records("contacts").values()]
    host = next(address.partition("@")[2] for address in addresses if "@" in address)
    token = {"propertyName": "email", "operator": "CONTAINS_TOKEN", "value": f"*@{host}"}
    at_host = fresh_client.crm.contacts.search_api.do_search({"filterGroups": [{"filters": [token]}]})
    assert at_host.total == sum(address.endswith(f"@{host}") for address in addresses) > 0


def ids_of(links: Links) -> list[dict[str, str]]:
    return [{"id": record_id} for record_id in links]


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_labelled_associations_are_the_accounts(
    fresh_client: HubSpot, contents: Contents, source: str, target: str
) -> None:
    links = contents.links(source, target)
    answer = fresh_client.crm.associations.v4.batch_api.get_page(source, target, {"inputs": ids_of(links)})
    primary = PRIMARY_TYPE[source, target]
    found = {
        result._from.id: {  # noqa: SLF001 - the client's name for `from`
            str(one.to_object_id): primary in [kind.type_id for kind in one.association_types]
            for one in result.to
        }
        for result in answer.results
    }
    assert found == {
        key: {other: held and primary is not None for other, held in linked.items()}
        for key, linked in links.items()
    }
    kinds = {kind.type_id for result in answer.results for one in result.to for kind in one.association_types}
    assert kinds - {primary} == {ANY_TYPE[source, target]}


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_v3s_associations_are_the_accounts(
    fresh_client: HubSpot, contents: Contents, source: str, target: str
) -> None:
    links = contents.links(source, target)
    answer = fresh_client.crm.associations.batch_api.read(source, target, {"inputs": ids_of(links)})
    found = {
        result._from.id: {one.id for one in result.to}  # noqa: SLF001 - the client's name for `from`
        for result in answer.results
    }
    assert found == {key: set(linked) for key, linked in links.items()}
    name = f"{SINGULAR[source]}_to_{SINGULAR[target]}"
    assert {one.type for result in answer.results for one in result.to} <= {name, f"{name}_unlabeled"}


def test_one_records_associations_and_those_inside_lists_are_the_accounts(
    fresh_client: HubSpot, contents: Contents
) -> None:
    links = contents.links("companies", "contacts")
    company = max(links, key=lambda key: len(links[key]))
    single = fresh_client.crm.associations.v4.basic_api.get_page("companies", company, "contacts")
    assert {str(one.to_object_id) for one in single.results} == set(links[company])
    inside = fresh_client.crm.companies.get_all(associations=["contacts", "tickets"])
    found = {
        one.id: {link.id for link in one.associations["contacts"].results}
        for one in inside
        if one.associations
    }
    assert found == {key: set(linked) for key, linked in links.items()}


def test_owners_are_the_accounts(fresh_client: HubSpot, contents: Contents) -> None:
    for archived in (False, True):
        page = fresh_client.crm.owners.owners_api.get_page(archived=archived)
        owners = contents.records("owners", archived=archived)
        assert {one.id: one.email for one in page.results} == {
            key: owner.properties["email"] for key, owner in owners.items()
        }
    [first, *_] = contents.records("owners").values()
    assert fresh_client.crm.owners.owners_api.get_by_id(int(first.id)).email == first.properties["email"]


def test_pipelines_have_every_stage_that_deals_are_in(fresh_client: HubSpot, contents: Contents) -> None:
    pipelines = fresh_client.crm.pipelines.pipelines_api.get_all("deals").results
    stages = {(one.id, stage.id) for one in pipelines for stage in one.stages}
    deals = contents.records("deals").values()
    assert {(one.properties["pipeline"], one.properties["dealstage"]) for one in deals} <= stages
    for one in pipelines:
        single = fresh_client.crm.pipelines.pipelines_api.get_by_id("deals", one.id)
        listed = fresh_client.crm.pipelines.pipeline_stages_api.get_all("deals", one.id).results
        assert [stage.id for stage in single.stages] == [stage.id for stage in listed]
        for stage in listed:
            api = fresh_client.crm.pipelines.pipeline_stages_api
            assert api.get_by_id("deals", one.id, stage.id).label == stage.label


@pytest.mark.parametrize("name", OBJECTS)
def test_properties_define_what_records_have(fresh_client: HubSpot, contents: Contents, name: str) -> None:
    definitions = fresh_client.crm.properties.core_api.get_all(name).results
    assert contents.properties(name) <= {one.name for one in definitions}
    [first, *_] = definitions
    assert fresh_client.crm.properties.core_api.get_by_name(name, first.name).type == first.type


def test_what_the_account_does_not_hold_is_refused_as_hubspot_refuses(fresh_client: HubSpot) -> None:
    for name, status, word in (
        ("tickets", 403, "MISSING_SCOPES"),
        ("line_items", 403, "MISSING_SCOPES"),
        ("calls", 403, "MISSING_SCOPES"),
        ("widgets", 400, "Unable to infer object type from: widgets"),
    ):
        with pytest.raises(ObjectsError) as refused:
            fresh_client.crm.objects.basic_api.get_page(name)
        assert (refused.value.status, word in str(refused.value.body)) == (status, True), name


def test_what_is_not_simulated_says_so(fresh_client: HubSpot) -> None:
    with pytest.raises(PropertiesError) as groups:
        fresh_client.crm.properties.groups_api.get_all("companies")
    with pytest.raises(CompaniesError) as deletion:
        fresh_client.crm.companies.basic_api.archive("1")
    with pytest.raises(AssociationsError) as link:
        fresh_client.crm.associations.v4.basic_api.create_default("contacts", "1", "companies", "1")
    for refused in (groups, deletion, link):
        assert (refused.value.status, NOT_SIMULATED in str(refused.value.body)) == (501, True)
