"""What was asked of the sandbox and when: the evidence for rate proofs and request counts."""

from collections import Counter
from dataclasses import dataclass
from typing import Literal

from crm_sandbox.rate_limits import count_busiest

Family = Literal["crm", "oauth", "browser"]


@dataclass(slots=True, kw_only=True)
class Entry:
    time: float
    """The sandbox's clock when the request arrived."""
    method: str
    path: str
    family: Family
    endpoint: str
    windowed: bool
    """Whether it counts against the account's rolling window."""
    status: int = 0
    """0 when the connection was dropped."""


class Journal:
    def __init__(self, window_seconds: float = 10.0) -> None:
        self._window_seconds = window_seconds
        self.entries: list[Entry] = []

    def add(self, entry: Entry) -> Entry:
        self.entries.append(entry)
        return entry

    def count(self, family: Family) -> int:
        return sum(entry.family == family for entry in self.entries)

    def count_busiest_window(self) -> int:
        """Count the most windowed requests, answered or refused, that arrived within any window."""
        return count_busiest((entry.time for entry in self.entries if entry.windowed), self._window_seconds)

    def summary(self) -> dict[str, object]:
        return {
            "crm_requests": self.count("crm"),
            "oauth_requests": self.count("oauth"),
            "by_endpoint": dict(Counter(entry.endpoint for entry in self.entries)),
            "statuses": dict(Counter(str(entry.status) for entry in self.entries)),
            "max_requests_in_window": self.count_busiest_window(),
        }
