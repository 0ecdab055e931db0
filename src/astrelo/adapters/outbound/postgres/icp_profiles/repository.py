"""Ideal customer profiles in PostgreSQL."""

import asyncpg

from astrelo.adapters.outbound.postgres.session.queries import Queries
from astrelo.domain.icp import IcpProfile
from astrelo.domain.identifiers import UserId
from astrelo.domain.ports.state import IcpProfiles


class PgIcpProfiles(IcpProfiles):
    def __init__(self, connection: asyncpg.Connection, user_id: UserId) -> None:
        self._queries = Queries(connection, user_id=user_id)

    async def add_default(self, profile: IcpProfile) -> None:
        await self._write("add_default_icp_profile", profile)

    async def save(self, profile: IcpProfile) -> None:
        await self._write("save_icp_profile", profile)

    async def _write(self, query: str, profile: IcpProfile) -> None:
        await self._queries.execute(
            query,
            icp_profile_id=profile.id,
            name=profile.name,
            is_default=profile.is_default,
            industries=profile.industries,
            naics=profile.naics,
            employee_min=profile.employee_min,
            employee_max=profile.employee_max,
            revenue_ranges=profile.revenue_ranges,
            countries=profile.countries,
        )
