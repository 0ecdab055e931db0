"""HubSpot's windows, for each account: requests, the batch associations, and search."""

from astrelo.adapters.outbound.crm.rate_budget import RollingBudget
from astrelo.domain.identifiers import CrmAccountId
from astrelo.domain.ports import Clock

REQUESTS_PER_WINDOW = 110
WINDOW_SECONDS = 10.0
SEARCHES_PER_SECOND = 5

_KEPT_SECONDS = 3600.0
"""Far longer than any request lasts, so that two budgets for one account never live side by side."""


class AccountBudgets:
    """The budgets of one account, shared by everything in this process that reads it."""

    def __init__(self, clock: Clock) -> None:
        self.requests = RollingBudget(clock, REQUESTS_PER_WINDOW, WINDOW_SECONDS, probe=True)
        self.searches = RollingBudget(clock, SEARCHES_PER_SECOND, 1.0)
        self._associations = RollingBudget(clock, REQUESTS_PER_WINDOW, WINDOW_SECONDS)

    @property
    def associations(self) -> RollingBudget:
        """The batch endpoint's own window.

        HubSpot's specification exempts it from the ten-second window and leaves open what holds instead.
        We allow it as much again as other requests: ten times what a walk needs.
        """
        self._associations.limit = self.requests.limit
        self._associations.seconds = self.requests.seconds
        return self._associations


class BudgetBook:
    """Budgets by account. One that nobody asked for in a while is forgotten: its windows are long empty."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._by_account: dict[CrmAccountId, AccountBudgets] = {}
        self._asked_at: dict[CrmAccountId, float] = {}

    def of(self, account_id: CrmAccountId) -> AccountBudgets:
        self._asked_at[account_id] = self._clock.monotonic()
        budgets = self._by_account.get(account_id)
        if budgets is None:
            self._forget_unused()
            budgets = self._by_account[account_id] = AccountBudgets(self._clock)
        return budgets

    def _forget_unused(self) -> None:
        oldest = self._clock.monotonic() - _KEPT_SECONDS
        for account_id in [known for known, asked_at in self._asked_at.items() if asked_at < oldest]:
            del self._asked_at[account_id]
            self._by_account.pop(account_id, None)
