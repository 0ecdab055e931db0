"""Salesforce's adapter, over the sandbox, keeps the contract of every CrmProvider, by queries and by bulk jobs."""

import pytest

from tests.support.contracts.crm.account import CrmAccountUnderTest
from tests.support.contracts.crm.conformance import CrmProviderContract
from tests.support.contracts.crm.pagination import Pagination
from tests.support.salesforce.account_under_test import SalesforceAccount


class TestSalesforce(CrmProviderContract):
    @pytest.fixture
    def account(self) -> CrmAccountUnderTest:
        return SalesforceAccount(batch_size=700)


class TestSalesforceInBulk(CrmProviderContract):
    """With a threshold that most streams of the suite are above."""

    @pytest.fixture
    def account(self) -> CrmAccountUnderTest:
        # so small a page that what is fetched ahead of the reader is not all of a job's results
        return SalesforceAccount(bulk_threshold=500, bulk_page=250)


@pytest.mark.parametrize("threshold", [50_000, 500], ids=["queries", "jobs"])
class TestSalesforceWhosePagesAreHandedOutInParts(Pagination):
    @pytest.fixture
    def account(self, threshold: int) -> CrmAccountUnderTest:
        return SalesforceAccount(bulk_threshold=threshold, bulk_page=1_500)
