"""What the benchmark must know of a CRM. The packages beside this module say it, one for each."""

from abc import abstractmethod
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import httpx

from astrelo.domain.connection import Grant
from astrelo.domain.identifiers import Provider
from benchmarks.answering import Answers

Rows = Sequence[tuple[str | None, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """An object type as the floor sees it: text columns, of which `id` is the first."""

    name: str
    columns: Sequence[str]


class Crm(Protocol):
    @property
    @abstractmethod
    def provider(self) -> Provider: ...

    @property
    @abstractmethod
    def title(self) -> str:
        """The CRM as people call it."""

    @property
    @abstractmethod
    def tables(self) -> Sequence[Table]: ...

    @property
    @abstractmethod
    def left_out(self) -> str:
        """What the sync reads and the floor does not."""

    @abstractmethod
    def answers(self, records: int) -> Answers:
        """Render the account; takes seconds for a large one."""

    @abstractmethod
    def settings(self, url: str, records: int) -> Mapping[str, str]:
        """Return the variables that lead our processes to the page server at `url`."""

    @abstractmethod
    def grant(self, url: str, now: datetime) -> Grant:
        """Return what an authorization at the page server would give."""

    @abstractmethod
    def rows(self, table: Table, url: str, transport: httpx.AsyncBaseTransport) -> AsyncGenerator[Rows, None]:
        """Fetch and decode an object's pages as the adapter would, at most 1,000 rows at a time."""
