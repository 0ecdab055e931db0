"""Salesforce's log of deletions: the only word of a record that was deleted and lies in no recycle bin any more."""

from collections.abc import MutableMapping
from datetime import timedelta
from typing import NamedTuple
from weakref import WeakKeyDictionary

import structlog

from astrelo.adapters.outbound.salesforce.api.client import Kind, SalesforceClient
from astrelo.adapters.outbound.salesforce.api.error_mapper import Refused
from astrelo.adapters.outbound.salesforce.api.record_ids import full_id
from astrelo.adapters.outbound.salesforce.api.wire import RecordRow
from astrelo.domain.errors import CrmRejected, CrmUnavailable, PermissionMissing
from astrelo.domain.ports.crm import CrmSession
from astrelo.domain.ports.system import Clock

_log = structlog.get_logger(__name__)

KEPT_SECONDS = 300.0
"""Whoever reads many contacts by id asks for the log once."""

_LOGGED_FOR = timedelta(days=15) - timedelta(hours=1)
"""Salesforce refuses to look further back than 15 days, by its own clock."""

_A_MINUTE = timedelta(minutes=1)
_NOT_YET = "INVALID_REPLICATION_DATE"


class _Known(NamedTuple):
    ids: frozenset[str]
    until: float


class Deletions:
    """What is known to have been deleted, for each session and a while."""

    def __init__(self, client: SalesforceClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._known: MutableMapping[CrmSession, dict[str, _Known]] = WeakKeyDictionary()

    async def of(self, session: CrmSession, kind: Kind[RecordRow]) -> frozenset[str]:
        """Return ids of 18 characters; none where the log is not to be had, for nothing depends on it but erasure."""
        known = self._known.setdefault(session, {})
        if kind.object not in known or known[kind.object].until <= self._clock.monotonic():
            ids = await self._logged(session, kind)
            known[kind.object] = _Known(ids, self._clock.monotonic() + KEPT_SECONDS)
        return known[kind.object].ids

    async def _logged(self, session: CrmSession, kind: Kind[RecordRow]) -> frozenset[str]:
        """Ask for whole minutes: what was deleted in this one is told to who may ask for the next one's beginning."""
        now = self._clock.now()
        for until in (now + _A_MINUTE, now):
            try:
                told = await self._client.deletions(session, kind, now - _LOGGED_FOR, until)
            except (PermissionMissing, CrmRejected, CrmUnavailable) as error:
                _log.info("crm.deletions_unknown", object=kind.object, reason=str(error))
                if not isinstance(error, Refused) or error.code != _NOT_YET:
                    break
            else:
                return frozenset(full for one in told if (full := full_id(one)) is not None)
        return frozenset()
