"""HubSpot's adapter, over the sandbox, keeps the contract of every CrmProvider."""

import pytest

from tests.support.contracts.crm.account import CrmAccountUnderTest
from tests.support.contracts.crm.conformance import CrmProviderContract
from tests.support.hubspot.account_under_test import HubSpotAccount


class TestHubSpot(CrmProviderContract):
    @pytest.fixture
    def account(self) -> CrmAccountUnderTest:
        return HubSpotAccount()
