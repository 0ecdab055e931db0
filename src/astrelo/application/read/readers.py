"""The ports that fetch what the API shows, and what narrows a list. Reads have no use case: controller → reader → view.

Every look-up takes the user's id; another tenant's record is simply not there.
"""

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

from msgspec import Struct

from astrelo.application.read import views
from astrelo.domain.contact import UnlinkedReason
from astrelo.domain.identifiers import Provider, SyncRunId, UserId

CompanySort = Literal["name", "freshness", "revenue"]
ContactSort = Literal["name", "freshness"]
DealSort = Literal["freshness", "amount"]
"""Names from A to Z, otherwise the latest or largest first; what has none comes last."""


class CompanyFilter(Struct, frozen=True, kw_only=True):
    """What narrows a list of companies, and its order; None does not. `naics` are prefixes, one of which must fit.

    `source` is a CRM that has a record of the company: a live one, unless archived ones are included; `external_id` is
    the id of such a record. `fits_icp` goes by the default profile: each criterion that is not empty must be met, so an unknown value does not fit.
    """

    name: str | None = None
    domain: str | None = None
    industry: str | None = None
    naics: tuple[str, ...] | None = None
    country: str | None = None
    region: str | None = None
    revenue_range: str | None = None
    employees_min: int | None = None
    employees_max: int | None = None
    fits_icp: bool | None = None
    source: Provider | None = None
    external_id: str | None = None
    updated_since: datetime | None = None
    include_archived: bool = False
    sort: CompanySort | None = None


class ContactFilter(Struct, frozen=True, kw_only=True):
    """`name` begins the first, the last or the whole name. A merged-away `company_id` means the one that lives."""

    name: str | None = None
    email: str | None = None
    company_id: UUID | None = None
    linked: bool | None = None
    unlinked_reason: UnlinkedReason | None = None
    rep: UUID | None = None
    source: Provider | None = None
    external_id: str | None = None
    updated_since: datetime | None = None
    include_archived: bool = False
    sort: ContactSort | None = None


class DealFilter(Struct, frozen=True, kw_only=True):
    company_id: UUID | None = None
    linked: bool | None = None
    contact_id: UUID | None = None
    pipeline: str | None = None
    stage: str | None = None
    is_closed: bool | None = None
    is_won: bool | None = None
    rep: UUID | None = None
    source: Provider | None = None
    external_id: str | None = None
    updated_since: datetime | None = None
    include_archived: bool = False
    sort: DealSort | None = None


class CompanyReader(Protocol):
    @abstractmethod
    async def list(
        self, user_id: UserId, filters: CompanyFilter, after: UUID | None, limit: int
    ) -> Sequence[views.CompanyView]:
        """Return at most `limit` companies behind the one with the id `after`, in order of id unless sorted.

        Raises InvalidInput for an `after` that is gone from a sorted list.
        """

    @abstractmethod
    async def count(self, user_id: UserId, filters: CompanyFilter, *, exact: bool) -> int:
        """Count all that the filters leave: exactly, or as an estimate, exact as far as a thousand."""

    @abstractmethod
    async def get(self, user_id: UserId, company_id: UUID) -> views.CompanyView | None: ...

    @abstractmethod
    async def get_all(
        self, user_id: UserId, company_ids: Collection[UUID]
    ) -> Mapping[UUID, views.CompanyView]:
        """Return companies by the ids that were asked for, by that of a merged one the company that lives."""

    @abstractmethod
    async def summary(self, user_id: UserId) -> views.CompanySummary: ...

    @abstractmethod
    async def living_id(self, user_id: UserId, company_id: UUID) -> UUID | None:
        """Return the company into which this one was merged, None if it was not."""


class ContactReader(Protocol):
    @abstractmethod
    async def list(
        self, user_id: UserId, filters: ContactFilter, after: UUID | None, limit: int
    ) -> Sequence[views.ContactView]:
        """Return at most `limit` contacts behind the one with the id `after`, in order of id unless sorted.

        Raises InvalidInput for an `after` that is gone from a sorted list.
        """

    @abstractmethod
    async def count(self, user_id: UserId, filters: ContactFilter, *, exact: bool) -> int:
        """Count all that the filters leave: exactly, or as an estimate, exact as far as a thousand."""

    @abstractmethod
    async def get(self, user_id: UserId, contact_id: UUID) -> views.ContactView | None: ...


class DealReader(Protocol):
    @abstractmethod
    async def list(
        self, user_id: UserId, filters: DealFilter, after: UUID | None, limit: int
    ) -> Sequence[views.DealView]:
        """Return at most `limit` deals behind the one with the id `after`, in order of id unless sorted.

        Raises InvalidInput for an `after` that is gone from a sorted list.
        """

    @abstractmethod
    async def count(self, user_id: UserId, filters: DealFilter, *, exact: bool) -> int:
        """Count all that the filters leave: exactly, or as an estimate, exact as far as a thousand."""

    @abstractmethod
    async def get(self, user_id: UserId, deal_id: UUID) -> views.DealView | None: ...


class OwnerReader(Protocol):
    @abstractmethod
    async def list(self, user_id: UserId, after: UUID | None, limit: int) -> Sequence[views.OwnerView]:
        """Return at most `limit` owners with ids above `after`, in order of id, archived ones too."""

    @abstractmethod
    async def get(self, user_id: UserId, owner_id: UUID) -> views.OwnerView | None: ...


class IcpProfileReader(Protocol):
    @abstractmethod
    async def default(self, user_id: UserId) -> views.IcpProfileView | None: ...


class RunReader(Protocol):
    @abstractmethod
    async def list(
        self, user_id: UserId, provider: Provider, before: UUID | None, limit: int
    ) -> Sequence[views.RunView]:
        """Return at most `limit` runs with ids below `before`, the latest first."""

    @abstractmethod
    async def get(self, user_id: UserId, provider: Provider, run_id: SyncRunId) -> views.RunView | None: ...

    @abstractmethod
    async def report(
        self, user_id: UserId, provider: Provider, run_id: SyncRunId
    ) -> views.RunReport | None: ...

    @abstractmethod
    async def unreadable(
        self, user_id: UserId, provider: Provider, run_id: SyncRunId, field: str | None
    ) -> Sequence[views.UnreadableView]:
        """Return what the run could not keep as it is, of one column or of all; nothing for an unknown run."""


class IntegrationReader(Protocol):
    @abstractmethod
    async def connected(self, user_id: UserId) -> Sequence[views.IntegrationView]:
        """Return an entry per connection of the user, disconnected ones too, in order of provider."""


class StoreHealth(Protocol):
    @abstractmethod
    async def pending_migrations(self) -> Sequence[str]:
        """Return the migrations that the database still lacks. Raises StoreUnavailable."""
