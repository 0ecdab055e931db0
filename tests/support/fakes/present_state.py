"""What is true of users, as a test says it."""

from collections import Counter, defaultdict

from astrelo.application.read.events import ConnectionView, PresentState, PresentStateReader
from astrelo.application.read.views import IntegrationStatus
from astrelo.domain.errors import StoreUnavailable
from astrelo.domain.identifiers import Provider, UserId


class FakePresentState(PresentStateReader):
    """A user's account has the name that a test gives it; `position` is where everyone's change feed ends."""

    def __init__(self) -> None:
        self.names: dict[UserId, str] = defaultdict(str)
        self.position = 0
        self.is_available = True
        self.reads: Counter[UserId] = Counter()

    async def read(self, user_id: UserId) -> PresentState:
        self.reads[user_id] += 1
        if not self.is_available:
            raise StoreUnavailable("a test")
        connection = ConnectionView(
            provider=Provider.HUBSPOT, status=IntegrationStatus.ACTIVE, account_name=self.names[user_id]
        )
        return PresentState([connection], [], self.position, 7)
