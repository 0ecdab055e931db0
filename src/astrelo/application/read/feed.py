"""The change feed: every change of a user's records once, in the order in which they were committed."""

from abc import abstractmethod
from collections.abc import AsyncGenerator, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, NamedTuple, Protocol
from uuid import UUID

from msgspec import Meta, Struct

from astrelo.application.read import views
from astrelo.domain.identifiers import UserId


class RecordType(StrEnum):
    """What the feed tells the changes of, in the order in which a snapshot reads them."""

    COMPANIES = "companies"
    CONTACTS = "contacts"
    DEALS = "deals"
    OWNERS = "owners"


class ChangeKind(StrEnum):
    UPSERTED = "upserted"
    DELETED = "deleted"


class DeletionReason(StrEnum):
    MERGED = "merged"
    """It was found to be the same as another, `merged_into`."""
    ERASED = "erased"
    """The CRM asked for it to be forgotten, as for a person who asked for that."""
    PURGED = "purged"
    """Its CRM was disconnected, and its data deleted."""


class Change(Struct, frozen=True, kw_only=True, tag_field="type"):
    """The latest state of a record that changed; what is archived at the CRM has `archived_at`.

    `reason` is there exactly when it was deleted, and `merged_into` when it was merged.
    """

    id: Annotated[UUID, Meta(description="The record's `id`.")]
    change: Annotated[ChangeKind, Meta(description="Whether the record is there or gone.")]
    reason: Annotated[
        DeletionReason | None,
        Meta(
            description="Why it is gone: `merged` into another, `erased` as the CRM asked, `purged` with its connection; "
            "null while it is there."
        ),
    ] = None
    merged_into: Annotated[
        UUID | None, Meta(description="The record that it was merged into; null unless it was.")
    ] = None
    at: Annotated[views.UtcTime, Meta(description="When the change was stored.")]


class CompanyChange(Change, frozen=True, kw_only=True, tag=RecordType.COMPANIES.value):
    data: Annotated[
        views.CompanyView | None, Meta(description="The company's latest state; null when it is gone.")
    ] = None


class ContactChange(Change, frozen=True, kw_only=True, tag=RecordType.CONTACTS.value):
    data: Annotated[
        views.ContactView | None, Meta(description="The contact's latest state; null when it is gone.")
    ] = None


class DealChange(Change, frozen=True, kw_only=True, tag=RecordType.DEALS.value):
    data: Annotated[
        views.DealView | None, Meta(description="The deal's latest state; null when it is gone.")
    ] = None


class OwnerChange(Change, frozen=True, kw_only=True, tag=RecordType.OWNERS.value):
    data: Annotated[
        views.OwnerView | None, Meta(description="The owner's latest state; null when it is gone.")
    ] = None


AnyChange = CompanyChange | ContactChange | DealChange | OwnerChange
AnyView = views.CompanyView | views.ContactView | views.DealView | views.OwnerView


class FeedPlace(NamedTuple):
    """A place between two changes: all before it has been read."""

    position: int
    revision: int
    """What was committed at the position: another database, or this one once it was restored, has another."""
    ordinal: int
    offset: int
    """How many records of the entry were read."""


class SnapshotPlace(NamedTuple):
    """How far a snapshot has got: through what is there, a record type after the other, each in order of id."""

    record_types: tuple[RecordType, ...]
    """Those that are still to be read; the first of them partly."""
    after: UUID


class FeedCursor(NamedTuple):
    """Where reading goes on. While there is a snapshot, `place` is where the changes will begin."""

    place: FeedPlace
    snapshot: SnapshotPlace | None = None


class FeedPage(NamedTuple):
    changes: Sequence[AnyChange]
    cursor: FeedCursor
    has_more: bool
    lag: timedelta | None = None
    """How long ago the first of these changes was committed; None in a snapshot, and where there is none."""


class ChangeFeed(Protocol):
    """Nothing is left out whatever commits when, and nothing comes again before it has changed again."""

    @abstractmethod
    async def begin(self, user_id: UserId, record_types: Sequence[RecordType]) -> FeedCursor:
        """Return where reading all that is there begins, and then what changes."""

    @abstractmethod
    async def read(
        self, user_id: UserId, cursor: FeedCursor, record_types: Sequence[RecordType], limit: int
    ) -> FeedPage:
        """Return at most `limit` changes of these types from the cursor on.

        Raises CursorExpired when deletions behind the cursor have been forgotten, and InvalidCursor when this
        database never gave it out.
        """

    @abstractmethod
    def export(
        self, user_id: UserId, record_type: RecordType
    ) -> AsyncGenerator[Sequence[AnyView] | FeedCursor]:
        """Yield all records of a type as they are at one moment, in pieces, and at the end where changes go on.

        Close it: it holds a transaction open. Raises TooManyRequests when it begins while the user's last one runs.
        """
