"""Whether two databases hold the same truth, and which records they disagree on."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from astrelo.domain.identifiers import ObjectType, Provider
from tests.chaos.crms.crm import Departed
from tests.support.canonical import stored_view

_OURS = [
    "id",
    "user_id",
    "company_id",
    "crm_rep_id",
    "created_at",
    "revision",
    "contact_ids",
    "archived_at",
    "facets_hash",
]
_RECORDS = {
    ObjectType.COMPANIES: "crm_companies",
    ObjectType.CONTACTS: "contacts",
    ObjectType.DEALS: "deals",
}
_TABLES = (*_RECORDS.values(), "companies")
_KEY = "record.external_source || ' ' || record.external_provider_id"
"""Ids are unique only within a CRM."""


async def differences(mine: str, user_id: UUID, expected: str, expected_user: UUID) -> list[str]:
    """Describe each difference between two users' data: canonical views, and every mapped column."""
    found, wanted = await _truth(mine, user_id), await _truth(expected, expected_user)
    return [line for part in wanted for line in _compare(part, found[part], wanted[part])]


async def versions(dsn: str, user_id: UUID) -> dict[str, datetime]:
    """Give the modified time of every live record that is stored."""
    connection = await asyncpg.connect(dsn)
    try:
        return {
            f"{table} {row[0]}": row[1]
            for table in _RECORDS.values()
            for row in await connection.fetch(
                f"""select {_KEY}, source_updated_at from {table} record
                    where user_id = $1 and archived_at is null""",
                user_id,
            )
        }
    finally:
        await connection.close()


async def find_missed(stored: Mapping[str, datetime], expected: str, expected_user: UUID) -> list[str]:
    """Describe what increments alone had not brought: records that are missing or older than they should be."""
    wanted = await versions(expected, expected_user)
    return [
        f"increments missed {name} of {moment}, having {stored.get(name)}"
        for name, moment in wanted.items()
        if stored.get(name) != moment
    ]


def find_left_behind(
    stored: Mapping[str, datetime], provider: Provider, departed: Iterable[Departed]
) -> Iterator[str]:
    """Describe what increments alone had not taken away."""
    for object_type, record_id in departed:
        name = f"{_RECORDS[object_type]} {provider} {record_id}"
        if name in stored:
            yield f"increments left {name} of {stored[name]}, which was deleted"


async def _truth(dsn: str, user_id: UUID) -> dict[str, Mapping[Any, Any]]:
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            view = await stored_view(connection, user_id)
            columns = {table: await _columns(connection, table, user_id) for table in _TABLES}
    finally:
        await connection.close()
    return {"company": view.companies, "contact": view.contacts, "deal": view.deals, **columns}


async def _columns(connection: asyncpg.Connection, table: str, user_id: UUID) -> dict[str, str]:
    """Give every live row's columns as text, without ids and times of ours, by the CRM and its id."""
    owner = (
        "null" if table == "crm_companies" else "owner.external_source || ' ' || owner.external_provider_id"
    )
    join = (
        ""
        if table == "crm_companies"
        else "left join crm_owners owner on owner.user_id = record.user_id and owner.id = record.crm_rep_id"
    )
    rows = await connection.fetch(
        f"""select {_KEY}, {owner}, (to_jsonb(record) - $2::text[])::text
            from {table} record {join} where record.user_id = $1 and record.archived_at is null""",
        user_id,
        _OURS,
    )
    return {row[0]: f"owner {row[1]}, {row[2]}" for row in rows}


def _compare(part: str, found: Mapping[Any, Any], wanted: Mapping[Any, Any]) -> Iterator[str]:
    for key in sorted(found.keys() | wanted.keys(), key=str):
        if key not in found:
            yield f"{part} {_name(key)} is missing: {wanted[key]}"
        elif key not in wanted:
            yield f"{part} {_name(key)} is too many: {found[key]}"
        elif found[key] != wanted[key]:
            yield f"{part} {_name(key)} is {found[key]} instead of {wanted[key]}"


def _name(key: Any) -> str:
    return ", ".join("/".join(pair) for pair in sorted(key)) if isinstance(key, frozenset) else str(key)
