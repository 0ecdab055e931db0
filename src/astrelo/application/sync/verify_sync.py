"""Comparing a CRM account with the stored records, one by one, without writing any."""

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

import structlog

from astrelo.application.sync.changes import get_repository
from astrelo.application.tokens.access_tokens import AccessTokens, ConnectionSession
from astrelo.domain import errors
from astrelo.domain.change_classification import KnownRecord
from astrelo.domain.connection import CrmConnection
from astrelo.domain.identifiers import ConnectionId, ObjectType, RecordId, SyncRunId
from astrelo.domain.ports.crm import CrmProvider, CrmProviders, CrmSession
from astrelo.domain.ports.cross_tenant import ConnectionOwners
from astrelo.domain.ports.state import UnitOfWork
from astrelo.domain.reading_version import ReadingVersions
from astrelo.domain.records import CrmRecord, ReadingVersion, RecordPage, content_hash, is_read_by
from astrelo.domain.sync import RunStatus

FETCH_SIZE = 500

_NO_RUN = SyncRunId(UUID(int=0))
"""An id of no run: every live record is unseen by it."""

log = structlog.get_logger()


class Difference(StrEnum):
    MISSING_HERE = "missing_here"
    """It is live at the CRM; here it is absent or archived."""
    GONE_THERE = "gone_there"
    """It is live here; at the CRM it is archived, erased or merged into another."""
    DIFFERENT = "different"
    """It is live in both places, with different content."""
    READ_BY_OTHER_RULES = "read_by_other_rules"
    """It is live in both places, but the stored record was read by rules that have changed since, so the contents
    cannot be compared. The next full sync reads it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The result of comparing one object type."""

    object_type: ObjectType
    records: int = 0
    """The number of distinct live records at the CRM, including rejected ones."""
    rejected: int = 0
    """The number of records that cannot be kept. No difference: a sync rejects them too."""
    differences: dict[Difference, list[RecordId]]
    """Has a key for every difference."""
    refused: str | None = None
    """Why it could not be compared."""

    @property
    def is_equal(self) -> bool:
        return self.refused is None and not any(self.differences.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    """The account to compare."""

    connection: CrmConnection
    crm: CrmProvider
    session: CrmSession


class VerifySync:
    """Read a whole CRM account and compare every record with the stored one.

    Refuses while a run of the account is running, since both would share its rate limit, and fails if one ran
    meanwhile, since the result would be meaningless. Writes no record, run or freshness; may refresh an access
    token.
    """

    def __init__(
        self,
        uow: UnitOfWork,
        crms: CrmProviders,
        tokens: AccessTokens,
        owners: ConnectionOwners,
        versions: ReadingVersions,
    ) -> None:
        self._uow = uow
        self._crms = crms
        self._tokens = tokens
        self._owners = owners
        self._versions = versions

    async def __call__(self, connection_id: ConnectionId) -> Sequence[Comparison]:
        """Return a comparison per object type.

        Raises NotFound, InvalidTransition when the connection is not active or is being synced, before or
        meanwhile, ProviderNotConfigured, and what CrmProvider.read raises except PermissionMissing.
        """
        user_id = await self._owners.find_user(connection_id)
        if user_id is None:
            raise errors.NotFound("connection", connection_id)
        async with self._uow(user_id) as tx:
            connection = await tx.connections.get_by_id(connection_id)
        if not connection.is_active:
            raise errors.InvalidTransition("connection", connection.status, "verified")
        crm = self._crms.get(connection.provider)
        if crm is None:
            raise errors.ProviderNotConfigured(connection.provider)
        latest_run = await self._identify_latest_run(connection)
        subject = _Subject(
            connection=connection, crm=crm, session=ConnectionSession(self._tokens, connection)
        )
        comparisons = [await self._compare(subject, object_type) for object_type in ObjectType]
        if await self._identify_latest_run(connection) != latest_run:
            raise errors.InvalidTransition("connection", "being synced", "verified")
        return comparisons

    async def _identify_latest_run(self, connection: CrmConnection) -> object:
        """Return the latest run's id and epoch. Raise InvalidTransition while a run of the account is running."""
        async with self._uow(connection.user_id) as tx:
            others = await tx.runs.find_other_statuses(connection.provider, connection.account.account_id)
            latest = await tx.runs.get_latest(connection.id)
        if RunStatus.RUNNING in others:
            raise errors.InvalidTransition("connection", "being synced", "verified")
        return None if latest is None else (latest.id, latest.epoch)

    async def _compare(self, subject: _Subject, object_type: ObjectType) -> Comparison:
        compared: dict[RecordId, Difference | None] = {}
        rejected: set[str | None] = set()
        refused: str | None = None
        try:
            async with aclosing(subject.crm.read(subject.session, object_type)) as pages:
                async for page in pages:
                    compared.update(await self._compare_page(subject, object_type, page))
                    rejected.update(entry.record_id for entry in page.rejected)
                    log.info("verify.compared", object_type=object_type, records=len(compared))
            await self._confirm_gone(subject, object_type, compared, rejected)
        except errors.PermissionMissing as error:
            compared, rejected, refused = {}, set(), str(error)
        live = sum(difference is not Difference.GONE_THERE for difference in compared.values())
        return Comparison(
            object_type=object_type,
            records=live + len(rejected),
            rejected=len(rejected),
            differences={
                kind: [record_id for record_id, difference in compared.items() if difference is kind]
                for kind in Difference
            },
            refused=refused,
        )

    async def _confirm_gone(
        self,
        subject: _Subject,
        object_type: ObjectType,
        compared: dict[RecordId, Difference | None],
        rejected: set[str | None],
    ) -> None:
        """Fetch each record that the listing lacked: it may have been created or restored meanwhile."""
        async with self._uow(subject.connection.user_id) as tx:
            live = await get_repository(tx, object_type).list_unseen(subject.connection.provider, _NO_RUN)
        missing = [record_id for record_id in live if record_id not in compared and record_id not in rejected]
        for start in range(0, len(missing), FETCH_SIZE):
            ids = missing[start : start + FETCH_SIZE]
            page = await subject.crm.fetch(subject.session, object_type, ids)
            compared.update(await self._compare_page(subject, object_type, page))
            gone = {*page.removed_ids, *page.erased_ids, *page.merged}
            compared.update(dict.fromkeys(gone & set(ids), Difference.GONE_THERE))

    async def _compare_page(
        self, subject: _Subject, object_type: ObjectType, page: RecordPage
    ) -> dict[RecordId, Difference | None]:
        ids = [record.record_id for record in page.records]
        async with self._uow(subject.connection.user_id) as tx:
            known = await get_repository(tx, object_type).find_known(subject.connection.provider, ids)
        version = self._versions.get(object_type)
        return {
            record.record_id: _find_difference(record, known.get(record.record_id), version)
            for record in page.records
        }


def _find_difference(
    record: CrmRecord, stored: KnownRecord | None, version: ReadingVersion
) -> Difference | None:
    if stored is None or stored.archived_at is not None:
        return Difference.MISSING_HERE
    if not is_read_by(version, stored.content_hash):
        return Difference.READ_BY_OTHER_RULES
    return None if stored.content_hash == content_hash(record, version) else Difference.DIFFERENT
