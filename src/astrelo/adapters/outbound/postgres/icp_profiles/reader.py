"""The ideal customer profile, as the API shows it."""

import asyncpg

from astrelo.adapters.outbound.postgres.session.reading import Reads
from astrelo.application.read.readers import IcpProfileReader
from astrelo.application.read.views import IcpProfileView
from astrelo.domain.identifiers import UserId


class PgIcpProfileReader(IcpProfileReader):
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._reads = Reads(pool)

    async def default(self, user_id: UserId) -> IcpProfileView | None:
        return await self._reads.view(IcpProfileView, "read_icp_profile", user_id=user_id)
