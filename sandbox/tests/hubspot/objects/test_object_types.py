"""Object types that the sandbox does not hold, and names that are no object type."""

import httpx
import pytest

pytestmark = pytest.mark.anyio

NOT_HELD = [
    ("tickets", ["tickets"]),
    ("ticket", ["tickets"]),
    ("0-5", ["tickets"]),
    ("calls", ["crm.objects.contacts.read"]),
    ("line_items", ["crm.objects.line_items.read", "e-commerce"]),
    ("products", ["crm.objects.products.read", "e-commerce"]),
    ("quotes", ["crm.objects.quotes.read", "e-commerce"]),
    ("emails", ["crm.objects.contacts.read", "sales-email-read"]),
    ("meetings", ["crm.objects.contacts.read"]),
    ("notes", ["crm.objects.contacts.read"]),
    ("tasks", ["crm.objects.contacts.read"]),
    ("goal_targets", ["crm.objects.goals.read"]),
    ("Leads", ["crm.objects.leads.read"]),
]


@pytest.mark.parametrize(("name", "scopes"), NOT_HELD)
@pytest.mark.parametrize(
    "path", ["objects/{}", "objects/{}/7", "properties/{}", "pipelines/{}", "objects/{}/7/associations/deals"]
)
async def test_a_standard_type_that_is_not_held_lacks_its_scopes_and_says_why(
    client: httpx.AsyncClient, path: str, name: str, scopes: list[str]
) -> None:
    answer = await client.get("/crm/v3/" + path.format(name))
    body = answer.json()
    assert (answer.status_code, body["category"]) == (403, "MISSING_SCOPES")
    required, why = body["errors"]
    assert required["context"] == {"requiredGranularScopes": scopes}
    assert why["message"].startswith(f"the sandbox does not play {name},")


NONSENSE = [
    ("widgets", "Unable to infer object type from: widgets"),
    ("p_cars", "Unable to infer object type from: p_cars"),
    ("0-9999", "Invalid object or event type id: 0-9999"),
    ("2-123456", "Invalid object or event type id: 2-123456"),
]
REQUESTS = [
    ("GET", "/crm/objects/2026-09/{}"),
    ("GET", "/crm/v3/properties/{}"),
    ("POST", "/crm/objects/2026-09/{}/search"),
    ("POST", "/crm/associations/2026-09/companies/{}/batch/read"),
]


@pytest.mark.parametrize(("name", "message"), NONSENSE)
@pytest.mark.parametrize(("method", "path"), REQUESTS)
async def test_what_is_no_object_type_is_400_without_a_category(
    client: httpx.AsyncClient, method: str, path: str, name: str, message: str
) -> None:
    answer = await client.request(
        method, path.format(name), json={"inputs": []} if method == "POST" else None
    )
    body = answer.json()
    assert (answer.status_code, body["message"]) == (400, message)
    assert "category" not in body


def read_records(answer: httpx.Response) -> object:
    """Return a record, or the records of a page without the link to the next."""
    return answer.json().get("results", answer.json())


@pytest.mark.parametrize("unknown", ["widgets", "tickets", "0-9999", ""])
@pytest.mark.parametrize("path", ["/crm/v3/objects/companies/1", "/crm/objects/2026-09/companies"])
async def test_unknown_associations_are_ignored(client: httpx.AsyncClient, path: str, unknown: str) -> None:
    asked = await client.get(path, params={"associations": f"{unknown},contacts"})
    known = await client.get(path, params={"associations": "contacts"})
    assert (asked.status_code, read_records(asked)) == (200, read_records(known))
    alone = await client.get(path, params={"associations": unknown})
    assert read_records(alone) == read_records(await client.get(path))
