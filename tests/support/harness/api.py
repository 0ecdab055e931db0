"""The whole API over a real database, a CRM that says what a test wants, and rows laid by hand."""

import base64
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
from dishka import AsyncContainer, Provider, Scope, provide
from litestar import Litestar

from astrelo.adapters.inbound.http.app import create_app
from astrelo.adapters.inbound.http.config import HttpConfig
from astrelo.adapters.inbound.http.security import SESSION_COOKIE
from astrelo.adapters.inbound.http.session_tokens import issue_token
from astrelo.bootstrap.container import create_container
from astrelo.bootstrap.settings import parse_settings
from astrelo.bootstrap.system import SystemClock
from astrelo.domain.connection import AuthorizationRequest, CrmAccount, Grant, TokenSet
from astrelo.domain.errors import AstreloError
from astrelo.domain.identifiers import CrmAccountId, UserId
from astrelo.domain.identifiers import Provider as Source
from astrelo.domain.normalization import search_email, search_key
from astrelo.domain.ports.crm import CrmProviders, TokensIssued
from astrelo.domain.ports.state import UnitOfWork
from crm_sandbox.hubspot import DEFAULT_CLIENT_SECRET
from tests.support.harness.sync import ScriptedCrm

API = "http://api.test"
PUBLIC_URL = "https://public.test"
"""Where the world reaches the API: a proxy stands before it."""
FRONTEND = "http://frontend.test"
HUBSPOT_SECRET = DEFAULT_CLIENT_SECRET
JWT_SECRET = "an-api-test-secret-of-more-than-32-bytes"
REPORTED_AT = datetime(2026, 11, 1, tzinfo=UTC)
WRITTEN_AT = datetime(2026, 11, 2, tzinfo=UTC)

_ENVIRONMENT = {
    "ASTRELO_ENCRYPTION_KEYS": f"test:{base64.b64encode(bytes(32)).decode()}",
    "ASTRELO_JWT_SECRET": JWT_SECRET,
    "ASTRELO_FRONTEND_URL": FRONTEND,
    "ASTRELO_PUBLIC_URL": API,
    "ASTRELO_HUBSPOT_CLIENT_ID": "an-app",
    "ASTRELO_HUBSPOT_CLIENT_SECRET": HUBSPOT_SECRET,
}


@dataclass
class ConsentingCrm(ScriptedCrm):
    """Exchanges every code for a grant of the account that the test has chosen."""

    account_id: str = "4711"
    refuses_with: AstreloError | None = None
    codes: list[str] = field(default_factory=list)
    revoked: list[str] = field(default_factory=list)

    def authorization_url(self, request: AuthorizationRequest) -> str:
        return f"http://crm.test/authorize?state={request.state}"

    async def exchange(
        self,
        code: str,
        code_verifier: str,
        login_host: str | None = None,
        *,
        issued: TokensIssued | None = None,
    ) -> Grant:
        self.codes.append(code)
        if self.refuses_with is not None:
            raise self.refuses_with
        account = CrmAccount(account_id=CrmAccountId(self.account_id), name=f"Account {self.account_id}")
        tokens = TokenSet(
            access_token=f"access-{code}", refresh_token=f"refresh-{self.account_id}", expires_at=None
        )
        if issued is not None:
            issued(tokens)
        return Grant(tokens=tokens, account=account)

    async def revoke(self, tokens: TokenSet) -> None:
        self.revoked.append(tokens.refresh_token)


class _Crm(Provider):
    scope = Scope.APP

    def __init__(self, crm: ConsentingCrm) -> None:
        super().__init__()
        self._crm = crm

    @provide(override=True)
    def crms(self) -> CrmProviders:
        return CrmProviders({self._crm.provider: self._crm})


class ApiHarness:
    """`client` carries no session: `get` and its like send requests as the user by default."""

    def __init__(
        self, app: Litestar, container: AsyncContainer, pool: asyncpg.Pool, crm: ConsentingCrm
    ) -> None:
        self.app = app
        self.container = container
        self.pool = pool
        self.crm = crm
        self.user_id = UserId(uuid4())
        self.neighbour_id = UserId(uuid4())
        self.client = self.browser()

    def browser(self, user_id: UserId | None = None) -> httpx.AsyncClient:
        """Return a client with a cookie jar of its own, signed in as the user if one is given."""
        transport = httpx.ASGITransport(self.app)  # type: ignore[arg-type] # two libraries' words for one ASGI
        cookies = {SESSION_COOKIE: token_of(user_id)} if user_id else {}
        return httpx.AsyncClient(transport=transport, base_url=API, cookies=cookies)

    async def ask(
        self, method: str, path: str, user_id: UserId | None = None, **kwargs: Any
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token_of(user_id or self.user_id)}"} | kwargs.pop("headers", {})
        return await self.client.request(method, path, headers=headers, **kwargs)

    async def get(self, path: str, /, user_id: UserId | None = None, **params: Any) -> httpx.Response:
        return await self.ask("GET", path, user_id, params=params)

    async def data(self, path: str, /, **params: Any) -> list[dict[str, Any]]:
        """Return the entries of a list that must fit on one page."""
        answer = await self.get(path, **params)
        assert answer.status_code == 200, answer.text
        entries: list[dict[str, Any]] = answer.json()["data"]
        return entries

    async def insert(self, table: str, values: Mapping[str, Any]) -> None:
        columns = ", ".join(values)
        places = ", ".join(f"${place}" for place in range(1, len(values) + 1))
        await self.pool.execute(f"insert into {table} ({columns}) values ({places})", *values.values())

    async def entity(self, table: str, values: dict[str, Any]) -> None:
        """Lay a row that the API shows, as a revision of its own that was committed at `synced_at`."""
        committed_at = values.pop("synced_at")
        user_id, revision = values["user_id"], uuid4().int >> 66
        await self.insert(table, values | {"revision": revision})
        await self.pool.execute(
            """
            with head as (
                insert into feed_heads as head (user_id, position) values ($1, 1)
                on conflict (user_id) do update set position = head.position + 1
                returning position
            ), entry as (
                insert into feed_entries (user_id, revision, record_type, size, ids) values ($1, $2, $4, 1, array[$5::uuid])
            )
            insert into feed_revisions (user_id, position, revision, committed_at)
            select $1, position, $2, $3 from head
            """,
            user_id,
            revision,
            committed_at,
            table.removeprefix("crm_"),
            values["id"],
        )

    async def company(self, **values: Any) -> UUID:
        """Lay a company row; its only record goes beside it unless `records` says how many."""
        company_id: UUID = values.pop("id", None) or uuid4()
        records = values.pop("records", 1)
        row = {
            "user_id": self.user_id,
            "external_source": "hubspot",
            "external_provider_id": company_id.hex,
            "source_updated_at": REPORTED_AT,
            "company_name_folded": values.get("company_name") and search_key(values["company_name"]),
        } | values
        own = {"id": company_id, "created_at": REPORTED_AT, "synced_at": WRITTEN_AT}
        await self.entity("companies", row | own | {key: values[key] for key in own if key in values})
        for place in range(records):
            await self.record(
                company_id,
                f"{company_id.hex}-{place}",
                user_id=row["user_id"],
                external_source=row["external_source"],
                identity_domain=values.get("domain"),
                archived_at=values.get("archived_at"),
            )
        return company_id

    async def record(self, company_id: UUID, record_id: str, **values: Any) -> None:
        """Lay a company record that belongs to a company."""
        row = {
            "user_id": self.user_id,
            "external_source": "hubspot",
            "external_provider_id": record_id,
            "company_id": company_id,
            "source_updated_at": REPORTED_AT,
            "content_hash": b"",
        }
        await self.insert("crm_companies", row | values)

    async def contact(self, **values: Any) -> UUID:
        """Lay a contact row: linked if a company is given, else without an address."""
        contact_id: UUID = values.pop("id", None) or uuid4()
        linked = values.get("company_id") is not None
        row = {
            "user_id": self.user_id,
            "id": contact_id,
            "external_source": "hubspot",
            "external_provider_id": contact_id.hex,
            "source_updated_at": REPORTED_AT,
            "content_hash": b"",
            "synced_at": WRITTEN_AT,
            "email_kind": "business",
            "company_match": "provider_id" if linked else None,
            "unlinked_reason": None if linked else "no_email",
            "email_folded": values.get("email") and search_email(values["email"]),
            "first_name_folded": values.get("first_name") and search_key(values["first_name"]),
            "last_name_folded": values.get("last_name") and search_key(values["last_name"]),
        }
        await self.entity("contacts", row | values)
        return contact_id

    async def deal(self, **values: Any) -> UUID:
        deal_id: UUID = values.pop("id", None) or uuid4()
        row = {
            "user_id": self.user_id,
            "id": deal_id,
            "external_source": "hubspot",
            "external_provider_id": deal_id.hex,
            "source_updated_at": REPORTED_AT,
            "content_hash": b"",
            "synced_at": WRITTEN_AT,
        }
        await self.entity("deals", row | values)
        return deal_id

    async def count_records(self) -> None:
        """Count what is stored, as the end of a run does."""
        unit_of_work = await self.container.get(UnitOfWork)
        async with unit_of_work(self.user_id) as tx:
            await tx.connections.count_records(WRITTEN_AT, list(Source))

    async def owner(self, **values: Any) -> UUID:
        owner_id: UUID = values.pop("id", None) or uuid4()
        row = {
            "user_id": self.user_id,
            "id": owner_id,
            "external_source": "hubspot",
            "external_provider_id": owner_id.hex,
            "archived": False,
            "synced_at": WRITTEN_AT,
        }
        await self.entity("crm_owners", row | values)
        return owner_id

    async def connection(self, **values: Any) -> UUID:
        """Lay a connection without tokens, as old as the records."""
        connection_id = uuid4()
        row = {
            "user_id": self.user_id,
            "id": connection_id,
            "provider": "hubspot",
            "account_id": "4711",
            "account_name": "Account 4711",
            "scopes": ["b", "a"],
            "status": "active",
            "connected_at": REPORTED_AT,
        }
        await self.insert("crm_connections", row | values)
        return connection_id

    async def run(self, connection_id: UUID, **values: Any) -> UUID:
        """Lay a run without steps."""
        run_id: UUID = values.pop("id", None) or uuid4()
        row = {
            "user_id": self.user_id,
            "id": run_id,
            "connection_id": connection_id,
            "provider": "hubspot",
            "account_id": "4711",
            "mode": "full",
            "status": "completed",
            "requested_at": REPORTED_AT,
            "attempts": 1,
        }
        await self.insert("sync_runs", row | values)
        return run_id

    async def step(self, run_id: UUID, object_type: str, **values: Any) -> None:
        row = {
            "user_id": self.user_id,
            "run_id": run_id,
            "object_type": object_type,
            "status": "completed",
            "epoch": 1,
            "rejected": {},
            "unreadable": {},
            "hidden": {},
        } | dict.fromkeys(("received", "repeats", "inserted", "updated", "unchanged", "stale"), 0)
        row |= values
        row |= {key: json.dumps(row[key]) for key in ("rejected", "unreadable", "hidden")}
        await self.insert("sync_steps", row)

    async def unreadable(
        self, run_id: UUID, object_type: str, field: str, trouble: str, **values: Any
    ) -> None:
        row = {
            "user_id": self.user_id,
            "run_id": run_id,
            "object_type": object_type,
            "field": field,
            "trouble": trouble,
        }
        await self.insert("sync_unreadable", row | values)


def token_of(user_id: UserId) -> str:
    return issue_token(user_id, JWT_SECRET, timedelta(minutes=10), SystemClock().now())


def ids(entries: list[dict[str, Any]]) -> set[UUID]:
    return {UUID(entry["id"]) for entry in entries}


@asynccontextmanager
async def api_harness(
    database: str,
    crm: ConsentingCrm | None = None,
    *,
    development: bool = False,
    console: bool = False,
    secure_cookies: bool = False,
    overrides: Sequence[Provider] = (),
) -> AsyncIterator[ApiHarness]:
    """Build the API as bootstrap does, with another CRM in it and whatever else a test overrides."""
    scripted = crm or ConsentingCrm()
    settings = parse_settings(_ENVIRONMENT | {"ASTRELO_DATABASE_URL": database})
    container = create_container(settings, _Crm(scripted), *overrides)
    config = HttpConfig(
        frontend_url=FRONTEND,
        jwt_secret=JWT_SECRET,
        public_url=PUBLIC_URL,
        secure_cookies=secure_cookies,
        development=development,
        console=console,
    )
    try:
        pool = await container.get(asyncpg.Pool)
        yield ApiHarness(create_app(container, config), container, pool, scripted)
    finally:
        await container.close()
