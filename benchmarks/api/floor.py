"""The bare floor: Litestar and asyncpg on the API's own server, with handlers that return the same rows.

No sign-in, no checks of parameters, no views, no metrics, no dependency injection.
"""

import asyncio
import socket
import sys
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import uvloop
from litestar import Litestar, get
from litestar.params import FromQuery

from astrelo.adapters.inbound.http.server.addresses import TrustedProxies
from astrelo.adapters.inbound.http.server.limits import ServerLimits
from astrelo.adapters.inbound.http.server.serving import HttpServer
from astrelo.adapters.outbound.postgres.session.record_urls import with_url
from astrelo.adapters.outbound.postgres.session.statements import statement
from astrelo.bootstrap.crms import REGISTERED_CRMS
from astrelo.bootstrap.development.processes import end_with_parent
from astrelo.domain.identifiers import ObjectType
from astrelo.domain.ports.crm import RecordUrls

_POOL_SIZE = 10
_URLS = RecordUrls({crm.provider: crm.record_url for crm in REGISTERED_CRMS})


class Floor:
    def __init__(self, dsn: str, user_id: UUID) -> None:
        self._dsn = dsn
        self._user_id = user_id

    async def open(self) -> None:
        self._pool = await asyncpg.create_pool(self._dsn, max_size=_POOL_SIZE)

    async def close(self) -> None:
        await self._pool.close()

    async def rows(self, query: str, limit: int) -> list[asyncpg.Record]:
        """Read one more than `limit`, without filters."""
        known = statement(query)
        given = {"user_id": self._user_id, "limit": limit + 1, "include_archived": False}
        rows: list[asyncpg.Record] = await self._pool.fetch(
            known.text, *known.bind(dict.fromkeys(known.parameters) | given)
        )
        return rows

    def application(self) -> Litestar:
        @get("/api/contacts")
        async def contacts(limit: FromQuery[int]) -> dict[str, Any]:
            rows = await self.rows("read_contacts", limit)
            return _page([with_url(row, ObjectType.CONTACTS, _URLS) for row in rows], limit)

        @get("/api/companies")
        async def companies(limit: FromQuery[int]) -> dict[str, Any]:
            read = await self.rows("read_companies", limit)
            rows = [with_url(row, ObjectType.COMPANIES, _URLS) for row in read]
            for row in rows:
                row["sources"] = msgspec.Raw(str(row["sources"]).encode())
            return _page(rows, limit)

        return Litestar(
            [contacts, companies],
            on_startup=[self.open],
            on_shutdown=[self.close],
            openapi_config=None,
            logging_config=None,
        )


def _page(rows: list[dict[str, Any]], limit: int) -> dict[str, Any]:
    data = rows[:limit]
    has_more = len(rows) > limit
    return {
        "data": data,
        "has_more": has_more,
        "next_cursor": str(data[-1]["id"]) if has_more else None,
    }


async def _serve(dsn: str, user_id: UUID) -> None:
    server = HttpServer(Floor(dsn, user_id).application(), ServerLimits(), TrustedProxies())
    listening = socket.create_server(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)
    await server.run([listening], [], asyncio.Event(), 0)


def main() -> None:
    """Serve until killed; the DSN and the user stand on stdin, the first line on stdout is the port."""
    end_with_parent()
    dsn, user_id = sys.stdin.readline().split()  # not as an argument: the DSN holds a password
    uvloop.run(_serve(dsn, UUID(user_id)))


if __name__ == "__main__":
    main()
