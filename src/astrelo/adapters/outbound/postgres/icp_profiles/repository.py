"""Ideal customer profiles in PostgreSQL."""

import asyncpg

from astrelo.adapters.outbound.postgres.session.statements import statement
from astrelo.domain.icp import IcpProfile
from astrelo.domain.identifiers import UserId
from astrelo.domain.ports.state import IcpProfiles


class PgIcpProfiles(IcpProfiles):
    def __init__(self, connection: asyncpg.Connection, user_id: UserId) -> None:
        self._connection = connection
        self._user_id = user_id

    async def add_default(self, profile: IcpProfile) -> None:
        await self._write("icp_profile_add_default", profile)

    async def save(self, profile: IcpProfile) -> None:
        await self._write("icp_profile_save", profile)

    async def _write(self, query: str, profile: IcpProfile) -> None:
        await self._connection.execute(
            statement(query),
            self._user_id,
            profile.id,
            profile.name,
            profile.is_default,
            profile.industries,
            profile.naics,
            profile.employee_min,
            profile.employee_max,
            profile.revenue_ranges,
            profile.countries,
        )
