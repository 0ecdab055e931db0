"""What every CrmProvider does, whichever CRM is behind it. docs/adding-a-crm.md shows how to run it on another."""

from tests.unit.contracts.crm.authorizing import Authorizing
from tests.unit.contracts.crm.changing import ReadingWhileRecordsChange
from tests.unit.contracts.crm.failing import Failing
from tests.unit.contracts.crm.fetching import Fetching
from tests.unit.contracts.crm.pagination import Walking
from tests.unit.contracts.crm.windows import ReadingWindows


class CrmProviderContract(Authorizing, Walking, ReadingWindows, ReadingWhileRecordsChange, Fetching, Failing):
    """Give it the fixture `account`, and it is a test class."""
