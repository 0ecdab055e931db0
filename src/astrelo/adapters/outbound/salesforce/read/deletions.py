"""Salesforce's log of deletions: the only evidence of a deleted record that has left the recycle bin."""

from collections.abc import MutableMapping
from datetime import timedelta
from typing import NamedTuple
from weakref import WeakKeyDictionary

import structlog

from astrelo.adapters.outbound.salesforce.api import error_mapper, record_ids, wire
from astrelo.adapters.outbound.salesforce.api.client import Kind, SalesforceClient
from astrelo.domain import errors
from astrelo.domain.ports.crm import CrmSession
from astrelo.domain.ports.system import Clock

_log = structlog.get_logger(__name__)

CACHE_SECONDS = 300.0
"""So that fetching many contacts by id reads the log once."""

_LOG_PERIOD = timedelta(days=15) - timedelta(hours=1)
"""Salesforce refuses to look further back than 15 days, by its own clock."""

_MINUTE = timedelta(minutes=1)
_NOT_YET = "INVALID_REPLICATION_DATE"


class _CachedLog(NamedTuple):
    ids: frozenset[str]
    until: float


class Deletions:
    """The log of deletions, cached for each session."""

    def __init__(self, client: SalesforceClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._cached: MutableMapping[CrmSession, dict[str, _CachedLog]] = WeakKeyDictionary()

    async def deleted_ids(self, session: CrmSession, kind: Kind[wire.RecordRow]) -> frozenset[str]:
        """Return ids of 18 characters; none where the log cannot be read, for only erasure depends on it."""
        cached = self._cached.setdefault(session, {})
        if kind.object not in cached or cached[kind.object].until <= self._clock.monotonic():
            ids = await self._read_log(session, kind)
            cached[kind.object] = _CachedLog(ids, self._clock.monotonic() + CACHE_SECONDS)
        return cached[kind.object].ids

    async def _read_log(self, session: CrmSession, kind: Kind[wire.RecordRow]) -> frozenset[str]:
        """Request whole minutes: deletions of the current one are listed only if the end lies in the next minute.

        Where Salesforce refuses such an end, the log up to now has to do.
        """
        now = self._clock.now()
        for until in (now + _MINUTE, now):
            try:
                raw_ids = await self._client.deletions(session, kind, now - _LOG_PERIOD, until)
            except (errors.PermissionMissing, errors.CrmRejected, errors.CrmUnavailable) as error:
                _log.info("crm.deletions_unknown", object=kind.object, reason=str(error))
                if not isinstance(error, error_mapper.Refused) or error.code != _NOT_YET:
                    break
            else:
                return frozenset(
                    full for raw_id in raw_ids if (full := record_ids.full_id(raw_id)) is not None
                )
        return frozenset()
