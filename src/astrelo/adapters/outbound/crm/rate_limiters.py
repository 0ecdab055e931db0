"""What is known about each account's limits, for as long as somebody reads the account."""

from collections.abc import Callable
from typing import Generic, TypeVar

from astrelo.domain.identifiers import CrmAccountId
from astrelo.domain.ports.system import Clock

T = TypeVar("T")

_KEPT_SECONDS = 3600.0
"""Far longer than any request lasts, so that two budgets for one account never live side by side."""


class RateLimitersByAccount(Generic[T]):
    """One budget an account. What nobody asked for in a while is forgotten: its windows are long empty."""

    def __init__(self, clock: Clock, make: Callable[[], T]) -> None:
        self._clock = clock
        self._make = make
        self._by_account: dict[CrmAccountId, T] = {}
        self._asked_at: dict[CrmAccountId, float] = {}

    def of(self, account_id: CrmAccountId) -> T:
        self._asked_at[account_id] = self._clock.monotonic()
        rate_limiter = self._by_account.get(account_id)
        if rate_limiter is None:
            self._forget_unused()
            rate_limiter = self._by_account[account_id] = self._make()
        return rate_limiter

    def _forget_unused(self) -> None:
        oldest = self._clock.monotonic() - _KEPT_SECONDS
        for account_id in [known for known, asked_at in self._asked_at.items() if asked_at < oldest]:
            del self._asked_at[account_id]
            self._by_account.pop(account_id, None)
