"""Records and requests that the sandbox's tests are made of."""

from collections.abc import Mapping, Sequence

import httpx

from crm_sandbox import Association, DatasetRecord
from crm_sandbox.hubspot import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET

NOW = 1_790_000_000.0
CREATED = "2025-01-01T00:00:00.000Z"
UPDATED = "2025-02-01T12:00:00.500Z"
CALLBACK = "http://localhost:8000/api/integrations/hubspot/callback"
SCOPE = "oauth crm.objects.companies.read crm.objects.contacts.read crm.objects.deals.read crm.objects.owners.read"
FORM = {"client_id": DEFAULT_CLIENT_ID, "client_secret": DEFAULT_CLIENT_SECRET}


def record(
    object_name: str,
    record_id: int,
    properties: Mapping[str, str | None],
    *,
    archived: bool = False,
    updated_at: str = UPDATED,
    associations: Mapping[str, Sequence[Association]] | None = None,
) -> DatasetRecord:
    return DatasetRecord(
        object=object_name,
        id=str(record_id),
        properties=dict(properties),
        created_at=CREATED,
        updated_at=updated_at,
        archived=archived,
        associations={name: list(found) for name, found in (associations or {}).items() if found},
    )


def company(
    record_id: int, *, archived: bool = False, updated_at: str = UPDATED, **properties: str | None
) -> DatasetRecord:
    return record("companies", record_id, properties, archived=archived, updated_at=updated_at)


def contact(record_id: int, *, company_ids: Sequence[int] = (), **properties: str | None) -> DatasetRecord:
    """A contact of these companies, the first of which is the primary one."""
    return record("contacts", record_id, properties, associations={"companies": _links(company_ids)})


def deal(
    record_id: int,
    *,
    company_ids: Sequence[int] = (),
    contact_ids: Sequence[int] = (),
    **properties: str | None,
) -> DatasetRecord:
    people = [Association(id=str(contact_id)) for contact_id in contact_ids]
    return record(
        "deals", record_id, properties, associations={"companies": _links(company_ids), "contacts": people}
    )


def owner(record_id: int, *, archived: bool = False) -> DatasetRecord:
    properties = {"email": f"o{record_id}@example.com", "firstName": "O", "userId": str(record_id + 500)}
    return record("owners", record_id, properties, archived=archived)


def _links(company_ids: Sequence[int]) -> list[Association]:
    return [Association(id=str(found), primary=place == 0) for place, found in enumerate(company_ids)]


def authorization(**changed: str | None) -> dict[str, str]:
    """The query of a good authorization request, with parts changed or (None) left out."""
    query = {"client_id": DEFAULT_CLIENT_ID, "redirect_uri": CALLBACK, "scope": SCOPE, "state": "s t/+?&"}
    return {name: value for name, value in (query | changed).items() if value is not None}


async def consent(
    http: httpx.AsyncClient, decision: str = "allow", **changed: str | None
) -> httpx.QueryParams:
    """Answer the consent form; gives the parameters of the redirect."""
    answer = await http.post("/oauth/authorize", params=authorization(**changed), data={"decision": decision})
    assert answer.status_code == 302, answer.text
    return httpx.URL(answer.headers["location"]).params


async def exchange(http: httpx.AsyncClient, code: str, **changed: str) -> httpx.Response:
    form = FORM | {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK} | changed
    return await http.post("/oauth/2026-09/token", data=form)


async def refresh(http: httpx.AsyncClient, refresh_token: str, **changed: str) -> httpx.Response:
    form = FORM | {"grant_type": "refresh_token", "refresh_token": refresh_token} | changed
    return await http.post("/oauth/2026-09/token", data=form)
