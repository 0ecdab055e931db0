"""What every CrmProvider does, whichever CRM is behind it. docs/adding-a-crm.md shows how to run it on another."""

from tests.support.contracts.crm.authorizing import Authorizing
from tests.support.contracts.crm.changing import ReadingWhileRecordsChange
from tests.support.contracts.crm.failing import Failing
from tests.support.contracts.crm.fetching import Fetching
from tests.support.contracts.crm.pagination import Pagination
from tests.support.contracts.crm.windows import ReadingWindows


class CrmProviderContract(
    Authorizing, Pagination, ReadingWindows, ReadingWhileRecordsChange, Fetching, Failing
):
    """Give it the fixture `account`, and it is a test class."""
