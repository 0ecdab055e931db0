"""The ideal customer profile, as the API shows it."""

from astrelo.adapters.outbound.postgres.session.reads import Reads
from astrelo.application.read import readers, views
from astrelo.domain.identifiers import UserId


class PgIcpProfileReader(readers.IcpProfileReader):
    def __init__(self, reads: Reads) -> None:
        self._reads = reads

    async def default(self, user_id: UserId) -> views.IcpProfileView | None:
        return await self._reads.view(views.IcpProfileView, "read_icp_profile", user_id=user_id)
