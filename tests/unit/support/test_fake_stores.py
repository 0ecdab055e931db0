"""The fakes of the connect flow's stores keep the contracts that PostgreSQL keeps."""

import pytest

from astrelo.domain.identifiers import ConnectionId
from astrelo.domain.ports.state import OAuthStates, TokenStore
from tests.support.contracts.oauth_states import OAuthStatesContract
from tests.support.contracts.token_store import TokenStoreContract
from tests.support.fakes.oauth_states import FakeOAuthStates
from tests.support.fakes.token_store import FakeTokenStore


class TestFakeTokenStore(TokenStoreContract):
    @pytest.fixture
    async def store(self, connection_id: ConnectionId) -> TokenStore:
        return FakeTokenStore()


class TestFakeOAuthStates(OAuthStatesContract):
    @pytest.fixture
    async def states(self) -> OAuthStates:
        return FakeOAuthStates()
