"""Every filter has a plan: at a million contacts and 300,000 companies and deals of one user none takes over 50 ms.

Measured as PostgreSQL's own planning and execution of all that a reader asks for a page (its processor's time, where the
server runs here), for filters that leave many, few or no rows, for a first and a middle page. Rows lie in no order and in the order of their ids, with and without statistics,
so that no figure hangs on what the planner happens to believe. `-s` prints the table that docs/benchmark.md shows.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import pytest

from astrelo.adapters.outbound.postgres.companies.reader import PgCompanyReader
from astrelo.adapters.outbound.postgres.contacts.reader import PgContactReader
from astrelo.adapters.outbound.postgres.deals.reader import PgDealReader
from astrelo.adapters.outbound.postgres.session.reads import Reads
from astrelo.application.read import readers
from astrelo.domain.contact import UnlinkedReason
from astrelo.domain.identifiers import Provider, UserId
from astrelo.domain.ports.crm import RecordUrls
from tests.support.postgres import Databases

LARGE_USER = UserId(UUID("00000000-0000-0000-0000-000000000007"))
MAX_MILLISECONDS = 50
REFERENCE = "select count(*) from generate_series(1, 300000) n where n % 7 = 3"
REFERENCE_MILLISECONDS = 65.0
"""What that took, at the median, where every filter took less than 45 ms; slower machines are allowed more by as much."""
ATTEMPTS = 5
"""The quickest counts: whatever else the machine does only adds."""

_OTHERS = "select u, n from generate_series(100, 119) u, generate_series(1, 2000) n"
_USER = "('00000000-0000-0000-0000-' || lpad(u::text, 12, '0'))::uuid"
_ID = "(lpad(to_hex({}), 12, '0') || '70008000' || lpad(to_hex(u), 12, '0'))::uuid"
_REP = "('00000000-0000-0000-0001-' || lpad(({})::text, 12, '0'))::uuid"
_REVISION = "case when n > {} then 501 when n % 2 = 0 then 1 + n % 500 else 0 end"
_WRITTEN = datetime(2026, 1, 1, tzinfo=UTC)


def _numbered(count: int) -> str:
    """Number rows: the first half lies as a first sync leaves it, the other in no order, as updates do."""
    half = count // 2
    return f"""
        (select u, n
         from (select 7 as u, n from generate_series(1, {count}) n union all {_OTHERS}) as ordered
         order by n > {half}, case when n <= {half} then n else hashint4(n) end) as numbered
    """


ROWS = (
    f"""
    insert into companies (user_id, id, domain, company_name_folded, industry, naics, employee_count,
        revenue_range, hq_country, hq_region, external_source, external_provider_id, source_updated_at,
        created_at, revision)
    select {_USER}, {_ID.format("n")}, 'd' || n || '-' || u || '.com', substr(md5(n::text), 1, 9) || ' inc',
        case when n % 30000 = 17 then 'RARE' when n > 290000 then 'LATE' when n % 3 = 0 then 'COMMON'
             else 'INDUSTRY_' || n % 97 end,
        case when n % 30000 = 15 then '111110' when n % 35 = 0 then '44-45' when n > 290000 then '999999'
             when n % 5 = 0 then (200000 + n % 700000)::text end,
        case when n % 4 > 0 then n % 4999 end,
        (array['<1M', '1M-10M', '10M-50M', '50M-250M'])[1 + n % 4],
        case when n % 30000 = 19 then 'NZ' when n > 290000 then 'JP' when n % 2 = 0 then 'US'
             else (array['DE', 'FR', 'GB', 'CA'])[1 + n % 4] end,
        case when n % 30000 = 22 then 'US-WY' when n % 2 = 0 then 'US-' || (array['CA', 'NY', 'TX'])[1 + n % 3] end,
        case when n > 285000 then 'salesforce' else 'hubspot' end, n::text,
        now() - n * interval '1 minute', now(), {_REVISION.format(295_000)}
    from {_numbered(300_000)}
    """,
    """
    insert into crm_companies (user_id, external_source, external_provider_id, company_id, source_updated_at,
        content_hash)
    select user_id, external_source, external_provider_id, id, source_updated_at, '' from companies
    """,
    f"""
    insert into contacts (user_id, id, external_source, external_provider_id, source_updated_at, content_hash,
        revision, email_folded, email_kind, first_name_folded, last_name_folded, is_person_account, crm_rep_id,
        company_id, company_match, unlinked_reason)
    select {_USER}, {_ID.format("n")}, case when n > 950000 then 'salesforce' else 'hubspot' end, n::text,
        now() - n * interval '1 minute', '', {_REVISION.format(980_000)}, 'p' || n || '@d.com', 'business',
        (array['anna', 'bert', 'carl', 'anna maria'])[1 + n % 4], substr(md5(n::text), 1, 7), false,
        {_REP.format("case when n % 30000 = 3 then 999 when n > 970000 and n % 2 = 0 then 998 else n % 200 end")},
        case when n % 4 = 0 then null when n > 960000 then {_ID.format("5000")} else {_ID.format("1 + n % 1000")} end,
        case when n % 4 > 0 then 'provider_id' end,
        case when n % 100000 = 0 then 'invalid_email' when n % 4 > 0 then null when n > 960000 then 'person_account'
             else 'free_mail' end
    from {_numbered(1_000_000)}
    """,
    f"""
    insert into deals (user_id, id, external_source, external_provider_id, source_updated_at, content_hash,
        revision, amount_usd, pipeline_id, pipeline_label, stage_id, stage_label, is_closed, is_won, crm_rep_id,
        company_id, company_match, provider_contact_ids)
    select {_USER}, {_ID.format("n")}, case when n > 285000 then 'salesforce' else 'hubspot' end, n::text,
        now() - n * interval '1 minute', '', {_REVISION.format(295_000)}, n, pipeline, initcap(pipeline), stage, initcap(stage),
        n <= 290000 and n % 30000 <> 14, n % 30000 = 12,
        {_REP.format("case when n % 30000 = 3 then 999 when n > 280000 and n % 2 = 0 then 998 else n % 200 end")},
        case when n > 280000 then {_ID.format("5000")} else {_ID.format("1 + n % 1000")} end, 'provider_id',
        (array[(n * 3)::text, (n * 3 + 1)::text, (n * 3 + 2)::text, (n * 3 + 3)::text, (n * 3 + 4)::text])
            [:case when n % 50 = 0 then 5 when n % 5 = 0 then 4 else 2 end]
    from {_numbered(300_000)},
        lateral (select case when n % 30000 = 11 then 'rare' when n > 285000 then 'late' else 'p' || n % 3 end,
                     case when n % 30000 = 11 then 'rare' when n > 285000 then 'late' else 's' || n % 8 end)
            as process (pipeline, stage)
    """,
    # Half of the records were written in one of 500 minutes of a day, those with the latest ids in the one after them.
    """
    insert into feed_revisions (user_id, position, revision, committed_at)
    select user_id, 1 + n, n, '2026-01-01 00:00Z'::timestamptz + n * interval '1 minute'
    from (select distinct user_id from companies) as customer, generate_series(0, 501) n
    """,
    """
    insert into feed_heads (user_id, position, pruned_through) select distinct user_id, 502, 1 from companies
    """,
    *(
        f"""
        insert into feed_entries (user_id, revision, record_type, size, ids)
        select user_id, revision, '{table}', count(*), array_agg(id)
        from (select user_id, revision, id, row_number() over (partition by user_id, revision) / 1000 as part
              from {table} where revision > 0) as written
        group by user_id, revision, part
        """
        for table in ("companies", "contacts", "deals")
    ),
)

TABLES = "companies, crm_companies, contacts, deals, feed_heads, feed_revisions, feed_entries"
_INDEXES = """
    select index.indexrelid::regclass::text as name, pg_get_indexdef(index.indexrelid) as definition
    from pg_index as index
    left join pg_constraint on conindid = index.indexrelid
    where index.indrelid = any ('{companies,crm_companies,contacts,deals}'::regclass[]) and conindid is null
"""

_KEYS = """
    select conrelid::regclass::text as relation, conname as name, pg_get_constraintdef(oid) as definition
    from pg_constraint
    where conrelid = any ('{companies,crm_companies,contacts,deals}'::regclass[]) and contype in ('p', 'u')
"""


async def analyze(connection: asyncpg.Connection) -> None:
    await connection.execute(f"vacuum (analyze) {TABLES}")


async def fill(connection: asyncpg.Connection) -> None:
    """Lay the rows; the indexes are built behind them, which takes a fifth of the time."""
    await connection.execute("set session_replication_role = replica")  # no look-ups of foreign keys
    await connection.execute("set maintenance_work_mem = '512MB'")
    indexes, keys = await connection.fetch(_INDEXES), await connection.fetch(_KEYS)
    for index in indexes:
        await connection.execute(f"drop index {index['name']}")
    for key in keys:
        await connection.execute(f"alter table {key['relation']} drop constraint {key['name']} cascade")
    for table in TABLES.split(", "):
        await connection.execute(f"alter table {table} set unlogged, set (autovacuum_enabled = off)")
    for insert in ROWS:
        await connection.execute(insert)
    for index in indexes:
        await connection.execute(index["definition"])
    for key in keys:
        await connection.execute(
            f"alter table {key['relation']} add constraint {key['name']} {key['definition']}"
        )


class MeasuredConnection(asyncpg.Connection):  # type: ignore[misc] # asyncpg has no types
    """Explains every statement before it runs it, and sums up what planning and executing them took."""

    milliseconds = 0.0

    async def fetch(self, query: str, *arguments: object, **options: Any) -> list[asyncpg.Record]:
        before = self._cpu_milliseconds()
        plan = await super().fetchval(f"explain (analyze, timing off, format json) {query}", *arguments)
        after = self._cpu_milliseconds()
        explained = json.loads(plan)[0]
        measured = explained["Planning Time"] + explained["Execution Time"]
        MeasuredConnection.milliseconds += measured if before is None or after is None else after - before
        rows: list[asyncpg.Record] = await super().fetch(query, *arguments, **options)
        return rows

    def _cpu_milliseconds(self) -> float | None:
        """Return the processor's time of the server's process: not what it waits for others; None where it is not here."""
        process = Path(f"/proc/{self.get_server_pid()}")
        try:
            if (process / "comm").read_text().strip() != "postgres":
                return None
            return int((process / "schedstat").read_text().split()[0]) / 1e6
        except (OSError, IndexError):
            return None


@pytest.fixture(scope="module")
def large(databases: Databases, template: str) -> Iterator[str]:
    with databases.create(template) as dsn:
        asyncio.run(_execute(dsn, fill))
        yield dsn


async def _execute(dsn: str, work: Callable[[asyncpg.Connection], Awaitable[None]]) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await work(connection)
    finally:
        await connection.close()


def _rep(number: int) -> UUID:
    return UUID(f"00000000-0000-0000-0001-{number:012}")


def _id(number: int) -> UUID:
    return UUID(f"{number:012x}70008000{7:012x}")


_UPDATED = {
    "updated_since": tuple(_WRITTEN + timedelta(minutes=minutes) for minutes in (0, 490, 501, 1440)),
}
COMPANIES: dict[str, tuple[object, ...]] = _UPDATED | {
    "name": ("a", "abcde", "zzz"),
    "domain": ("d7-7.com", "none.com"),
    "industry": ("COMMON", "RARE", "LATE", "NONE"),
    "naics": (("44", "45"), ("1111",), ("9999",), ("88",)),
    "country": ("US", "NZ", "JP", "XX"),
    "region": ("US-CA", "US-WY", "US-XX"),
    "revenue_range": ("<1M", ">1B"),
    "employees_min": (10, 4998, 9999),
    "employees_max": (4000, 1),
    "source": tuple(Provider),
    "external_id": ("77", "none"),
    "fits_icp": (True, False),
    "sort": ("name",),
}
CONTACTS: dict[str, tuple[object, ...]] = _UPDATED | {
    "name": ("anna", "abcde", "zzz", "anna abc"),
    "email": ("p", "p77777", "p97", "zzz"),
    "company_id": (_id(7), _id(5000), _id(0)),
    "linked": (True, False),
    "unlinked_reason": tuple(UnlinkedReason),
    "rep": (_rep(3), _rep(999), _rep(998), _rep(1000)),
    "source": tuple(Provider),
    "external_id": ("77", "none"),
    "sort": ("name",),
}
DEALS: dict[str, tuple[object, ...]] = _UPDATED | {
    "company_id": (_id(7), _id(5000), _id(0)),
    "linked": (True, False),
    "contact_id": (_id(30_000), _id(999_999), _id(0)),
    "pipeline": ("p1", "Rare", "late", "none"),
    "stage": ("s1", "Rare", "late", "none"),
    "is_closed": (True, False),
    "is_won": (True, False),
    "rep": (_rep(3), _rep(999), _rep(998), _rep(1000)),
    "source": tuple(Provider),
    "external_id": ("77", "none"),
}
"""Each filter with values that many rows have, few, many of the latest alone, and none."""

PROFILES: tuple[dict[str, Any], ...] = (
    {"industries": ["COMMON"], "countries": ["US", "DE"], "employee_min": 10},
    {"industries": ["RARE", "OTHER"]},
    {"industries": ["LATE"]},
    {"countries": ["XX"], "revenue_ranges": ["<1M"]},
    {"naics": ["1111"]},
    {},
)


class Measured(NamedTuple):
    milliseconds: float
    list: str
    filter: str
    value: object
    page: str


async def _measure(dsn: str) -> list[Measured]:
    async with asyncpg.create_pool(dsn, min_size=1, max_size=3, connection_class=MeasuredConnection) as pool:
        reads, urls = Reads(pool), RecordUrls({})
        lists: tuple[tuple[Any, type[Any], dict[str, tuple[object, ...]], UUID], ...] = (
            (PgCompanyReader(reads, urls), readers.CompanyFilter, COMPANIES, _id(200_000)),
            (PgContactReader(reads, urls), readers.ContactFilter, CONTACTS, _id(700_000)),
            (PgDealReader(reads, urls), readers.DealFilter, DEALS, _id(200_000)),
        )
        return [
            Measured(
                await _milliseconds(pool, partial(reader.list, LARGE_USER, kind(**{name: value}), after, 26)),
                kind.__name__,
                name,
                value if profile is None else (value, profile),
                page,
            )
            for reader, kind, filters, middle in lists
            for name, values in filters.items()
            for profile in (PROFILES if name == "fits_icp" else (None,))
            for value in values
            if profile is None or await _save(pool, profile)
            for page, after in (("first", None), ("middle", middle))
        ]


async def _save(pool: asyncpg.Pool, profile: Mapping[str, Any]) -> bool:
    """Store the criteria of fits_icp."""
    await pool.execute(
        """
        insert into icp_profiles (user_id, id, name, is_default, industries, naics, employee_min, revenue_ranges,
            countries)
        values ($1, $1, 'default', true, $2, $3, $4, $5, $6)
        on conflict (user_id, id) do update set industries = $2, naics = $3, employee_min = $4, revenue_ranges = $5,
            countries = $6
        """,
        LARGE_USER,
        profile.get("industries", []),
        profile.get("naics", []),
        profile.get("employee_min"),
        profile.get("revenue_ranges", []),
        profile.get("countries", []),
    )
    return True


async def _milliseconds(pool: asyncpg.Pool, read: Callable[[], Awaitable[object]]) -> float:
    """Read several times, until it is quick enough, and return what the quickest took on a machine like that of the 50 ms."""
    measured: list[float] = []
    for _ in range(ATTEMPTS):
        MeasuredConnection.milliseconds = 0
        await read()
        measured.append(MeasuredConnection.milliseconds)
        if measured[-1] <= MAX_MILLISECONDS:
            return measured[-1]
        MeasuredConnection.milliseconds = 0
        await pool.fetch(REFERENCE)
        measured[-1] /= max(1.0, MeasuredConnection.milliseconds / REFERENCE_MILLISECONDS)
    return min(measured)


def _slow(measured: list[Measured]) -> list[Measured]:
    for row in measured:
        print(f"{row.list:13} {row.filter:16} {row.page:6} {row.milliseconds:8.2f} ms  {row.value}")  # noqa: T201 - the table, with -s
    return [row for row in measured if row.milliseconds > MAX_MILLISECONDS]


def test_no_filter_takes_over_50_ms_whatever_the_planner_knows_of_its_values(large: str) -> None:
    assert _slow(asyncio.run(_measure(large))) == []  # without statistics, as after a first sync
    asyncio.run(_execute(large, analyze))
    assert _slow(asyncio.run(_measure(large))) == []


SAME_PAGES: tuple[tuple[type[Any], dict[str, object], str], ...] = (
    (readers.CompanyFilter, {"industry": "RARE"}, "industry = 'RARE'"),
    (readers.CompanyFilter, {"country": "JP"}, "hq_country = 'JP'"),
    (readers.CompanyFilter, {"employees_min": 2000}, "employee_count >= 2000"),
    (readers.CompanyFilter, {"updated_since": _WRITTEN + timedelta(minutes=490)}, "revision >= 490"),
    (readers.ContactFilter, {"email": "p97"}, "email_folded like 'p97%'"),
    (readers.ContactFilter, {"linked": False}, "company_id is null"),
    (readers.ContactFilter, {"rep": _rep(998)}, f"crm_rep_id = '{_rep(998)}'"),
    (readers.ContactFilter, {"company_id": _id(5000)}, f"company_id = '{_id(5000)}'"),
    (readers.ContactFilter, {"updated_since": _WRITTEN + timedelta(minutes=501)}, "revision = 501"),
    (readers.DealFilter, {"pipeline": "Late"}, "pipeline_label = 'Late'"),
    (
        readers.DealFilter,
        {"is_closed": False, "rep": _rep(998)},
        f"not is_closed and crm_rep_id = '{_rep(998)}'",
    ),
    (readers.DealFilter, {"contact_id": _id(1504)}, "'1504' = any (provider_contact_ids)"),
)


def test_a_page_has_the_records_that_a_plain_query_finds(large: str) -> None:
    async def compare() -> None:
        async with asyncpg.create_pool(large, min_size=1, max_size=3) as pool:
            reads, urls = Reads(pool), RecordUrls({})
            lists: dict[type[Any], tuple[Any, str]] = {
                readers.CompanyFilter: (PgCompanyReader(reads, urls), "companies"),
                readers.ContactFilter: (PgContactReader(reads, urls), "contacts"),
                readers.DealFilter: (PgDealReader(reads, urls), "deals"),
            }
            after = _id(150_000)
            for kind, filters, condition in SAME_PAGES:
                reader, table = lists[kind]
                page = await reader.list(LARGE_USER, kind(**filters), after, 26)
                expected = await pool.fetch(
                    f"select id from {table} where user_id = $1 and {condition} and id > $2 order by id limit 26",
                    LARGE_USER,
                    after,
                )
                assert [record.id for record in page] == [row["id"] for row in expected], (
                    kind,
                    filters,
                    after,
                )

    asyncio.run(compare())
