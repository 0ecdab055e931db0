"""Comparing a CRM with what is stored of it, record by record, without writing any."""

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

import structlog

from astrelo.application.tokens.access_tokens import AccessTokens, ConnectionSession
from astrelo.domain.change_classification import KnownRecord
from astrelo.domain.connection import CrmConnection
from astrelo.domain.errors import InvalidTransition, NotFound, PermissionMissing, ProviderNotConfigured
from astrelo.domain.identifiers import ConnectionId, ObjectType, RecordId, SyncRunId
from astrelo.domain.ports.crm import CrmProvider, CrmProviders, CrmSession
from astrelo.domain.ports.cross_tenant import ConnectionOwners
from astrelo.domain.ports.records import CompanyRepository, ContactRepository, DealRepository
from astrelo.domain.ports.state import Transaction, UnitOfWork
from astrelo.domain.reading_version import ReadingVersions
from astrelo.domain.records import CrmRecord, ReadingVersion, RecordPage, content_hash, is_read_by
from astrelo.domain.sync import RunStatus

FETCH_SIZE = 500

_NO_RUN = SyncRunId(UUID(int=0))
"""A run that has received nothing: all live records are unseen by it."""

log = structlog.get_logger()


class Difference(StrEnum):
    MISSING_HERE = "missing_here"
    """It lives at the CRM; here it is absent or archived."""
    GONE_THERE = "gone_there"
    """It lives here; at the CRM it is archived, erased or merged into another."""
    DIFFERENT = "different"
    """It lives in both places, with other content."""
    READ_BY_OTHER_RULES = "read_by_other_rules"
    """It lives in both places, but what is stored was read by rules that have changed since, so the contents
    cannot be compared: the next full sync reads it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One object type, compared."""

    object_type: ObjectType
    records: int = 0
    """Distinct live records at the CRM, those that we cannot keep included."""
    rejected: int = 0
    """Told in a form that we cannot keep: no difference, a sync leaves them out too."""
    differences: dict[Difference, list[RecordId]]
    """Every kind is there."""
    refused: str | None = None
    """Why it could not be compared."""

    @property
    def is_equal(self) -> bool:
        return self.refused is None and not any(self.differences.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    """What is compared."""

    connection: CrmConnection
    crm: CrmProvider
    session: CrmSession


class VerifySync:
    """Read a whole CRM account and compare every record with the stored one.

    Shares the account's rate limit, so it refuses while a run of the account is under way, and its result
    would mean nothing if one was under way meanwhile. No record, run or freshness is written; an access
    token may be refreshed.
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
        connection = await self._connection(connection_id)
        crm = self._crms.get(connection.provider)
        if crm is None:
            raise ProviderNotConfigured(connection.provider)
        before = await self._quiet_since(connection)
        subject = _Subject(
            connection=connection, crm=crm, session=ConnectionSession(self._tokens, connection)
        )
        compared = [await self._compare(subject, object_type) for object_type in ObjectType]
        if await self._quiet_since(connection) != before:
            raise _being_synced()
        return compared

    async def _connection(self, connection_id: ConnectionId) -> CrmConnection:
        user_id = await self._owners.find_user(connection_id)
        if user_id is None:
            raise NotFound("connection", connection_id)
        async with self._uow(user_id) as tx:
            connection = await tx.connections.get_by_id(connection_id)
        if not connection.is_active:
            raise InvalidTransition("connection", connection.status, "verified")
        return connection

    async def _quiet_since(self, connection: CrmConnection) -> object:
        """Name the connection's latest run and how often it was taken up. Raise while the account is in use."""
        async with self._uow(connection.user_id) as tx:
            others = await tx.runs.find_other_statuses(connection.provider, connection.account.account_id)
            latest = await tx.runs.get_latest(connection.id)
        if RunStatus.RUNNING in others:
            raise _being_synced()
        return None if latest is None else (latest.id, latest.epoch)

    async def _compare(self, subject: _Subject, object_type: ObjectType) -> Comparison:
        told: dict[RecordId, Difference | None] = {}
        rejected: set[str | None] = set()
        try:
            await self._read_all(subject, object_type, told, rejected)
            await self._confirm_gone(subject, object_type, told, rejected)
        except PermissionMissing as error:
            return Comparison(object_type=object_type, differences=_by_kind({}), refused=str(error))
        living = sum(difference is not Difference.GONE_THERE for difference in told.values())
        return Comparison(
            object_type=object_type,
            records=living + len(rejected),
            rejected=len(rejected),
            differences=_by_kind(told),
        )

    async def _read_all(
        self,
        subject: _Subject,
        object_type: ObjectType,
        told: dict[RecordId, Difference | None],
        rejected: set[str | None],
    ) -> None:
        pages = subject.crm.read(subject.session, object_type)
        async with aclosing(pages):
            async for page in pages:
                told.update(await self._judged(subject, object_type, page))
                rejected.update(entry.record_id for entry in page.rejected)
                log.info("verify.compared", object_type=object_type, records=len(told))

    async def _confirm_gone(
        self,
        subject: _Subject,
        object_type: ObjectType,
        told: dict[RecordId, Difference | None],
        rejected: set[str | None],
    ) -> None:
        """Ask for each record that the listing lacked: it may have been made or brought back meanwhile."""
        async with self._uow(subject.connection.user_id) as tx:
            live = await _store_of(tx, object_type).list_unseen(subject.connection.provider, _NO_RUN)
        lacking = [record_id for record_id in live if record_id not in told and record_id not in rejected]
        for start in range(0, len(lacking), FETCH_SIZE):
            asked = lacking[start : start + FETCH_SIZE]
            page = await subject.crm.fetch(subject.session, object_type, asked)
            told.update(await self._judged(subject, object_type, page))
            gone = {*page.removed_ids, *page.erased_ids, *page.merged}
            told.update(dict.fromkeys(gone & set(asked), Difference.GONE_THERE))

    async def _judged(
        self, subject: _Subject, object_type: ObjectType, page: RecordPage
    ) -> dict[RecordId, Difference | None]:
        ids = [record.record_id for record in page.records]
        async with self._uow(subject.connection.user_id) as tx:
            known = await _store_of(tx, object_type).find_known(subject.connection.provider, ids)
        version = self._versions.of(object_type)
        return {
            record.record_id: _judge(record, known.get(record.record_id), version) for record in page.records
        }


def _judge(record: CrmRecord, stored: KnownRecord | None, version: ReadingVersion) -> Difference | None:
    if stored is None or stored.archived_at is not None:
        return Difference.MISSING_HERE
    if not is_read_by(version, stored.content_hash):
        return Difference.READ_BY_OTHER_RULES
    return None if stored.content_hash == content_hash(record, version) else Difference.DIFFERENT


def _by_kind(told: dict[RecordId, Difference | None]) -> dict[Difference, list[RecordId]]:
    kinds: dict[Difference, list[RecordId]] = {kind: [] for kind in Difference}
    for record_id, difference in told.items():
        if difference is not None:
            kinds[difference].append(record_id)
    return kinds


def _store_of(
    tx: Transaction, object_type: ObjectType
) -> CompanyRepository | ContactRepository | DealRepository:
    match object_type:
        case ObjectType.COMPANIES:
            return tx.companies
        case ObjectType.CONTACTS:
            return tx.contacts
        case ObjectType.DEALS:
            return tx.deals


def _being_synced() -> InvalidTransition:
    return InvalidTransition("connection", "being synced", "verified")
