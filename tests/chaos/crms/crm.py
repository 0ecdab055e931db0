"""What chaos knows of a CRM: how it is played, what is asked of it, and what goes wrong there."""

import time
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple, Protocol

from starlette.types import ASGIApp, Receive, Scope, Send

from astrelo.domain.identifiers import ObjectType, Provider
from crm_sandbox import Dataset
from crm_sandbox.faults.plan import FaultPlan
from crm_sandbox.http.requests import Request

UNLIMITED = 1_000_000
Page = tuple[str, ...]
"""What names a page: the same request for it again reads the same records again."""


class Departed(NamedTuple):
    object_type: ObjectType
    record_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """The CRM changes its ways, so many seconds into the storm."""

    at: float
    flags: Mapping[str, object]
    is_remembered: bool = False
    """Workers keep in mind for long what they read now: when the storm is over they begin anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrmPlan:
    """What a CRM is like in a round, and how bad a day it has."""

    provider: Provider
    flags: Mapping[str, object]
    """From the round's beginning."""
    faults: FaultPlan
    lag_seconds: float
    """After this long everything that was changed can be seen."""
    mutation_seed: int
    mutations_per_second: int
    webhooks: bool = False
    turns: tuple[Turn, ...] = field(default=())


class ChaosCrm(Protocol):
    """One kind of CRM, as chaos plays it."""

    @property
    @abstractmethod
    def provider(self) -> Provider: ...

    @abstractmethod
    def plan(self, chance: Random, storm_seconds: float) -> CrmPlan: ...

    @abstractmethod
    def sandbox(self, dataset: Dataset, flags: Mapping[str, object]) -> ASGIApp: ...

    @abstractmethod
    def environ(self, url: str) -> Mapping[str, str]:
        """Return the settings of processes that find the sandbox at `url`."""

    @abstractmethod
    def page_of(self, request: Request) -> Page | None:
        """Name the page of records that a request asks for; None when it asks for something else."""

    @abstractmethod
    def departed(self, export: bytes) -> Iterable[Departed]:
        """Find, in an export of the sandbox, the deleted records that increments must have reported."""


class Asked(NamedTuple):
    at: float
    page: Page


class Watched:
    """A sandbox as an ASGI application, with a record of which pages were asked for."""

    def __init__(self, sandbox: ASGIApp, page_of: Callable[[Request], Page | None]) -> None:
        self._sandbox = sandbox
        self._page_of = page_of
        self._asked: list[Asked] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            request = await Request.read(scope, receive)
            page = self._page_of(request)
            if page is not None:
                self._asked.append(Asked(time.time(), page))
            receive = request.replay
        await self._sandbox(scope, receive, send)

    def asked_twice(self, spans: Iterable[tuple[float, float]]) -> int:
        """Count pages that were asked for again within one of these spans of time: one for each run."""
        repeats = 0
        for start, end in spans:
            pages = Counter(asked.page for asked in self._asked if start <= asked.at <= end)
            repeats += sum(times - 1 for times in pages.values())
        return repeats
