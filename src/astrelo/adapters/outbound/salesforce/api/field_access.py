"""Which fields the user of a connection may see.

Field-level security hides fields by leaving them out of an object's describe, and a query for one of them is
refused as if there were no such field. Whole features (country picklists, several currencies, D&B) come and go
with their fields in the same way. So what is asked for is what we want as far as the describe has it, and a
refusal between a describe and its query is answered by a new describe, once.

What is known belongs to a session: two users of one org may see different fields, and whoever connects again, or is
shown a field, sees it with the next session.
"""

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import TypeVar
from weakref import WeakKeyDictionary

from astrelo.adapters.outbound.salesforce.api.client import Kind, SalesforceClient
from astrelo.adapters.outbound.salesforce.api.error_mapper import Refused
from astrelo.adapters.outbound.salesforce.api.wire import DeletableRow, Row, field_names
from astrelo.adapters.outbound.salesforce.mapping import EVERY_ORG_HAS
from astrelo.domain.errors import PermissionMissing
from astrelo.domain.identifiers import Provider
from astrelo.domain.ports.crm import CrmSession

T = TypeVar("T")
R = TypeVar("R", bound=Row)

_INDISPENSABLE = frozenset({"Id", "SystemModstamp", "IsDeleted"})
"""Without them nothing could be kept, or what is deleted would be taken for alive."""

_NO_SUCH_FIELD = "INVALID_FIELD"
_NOT_THERE = frozenset({"NOT_FOUND", "INVALID_TYPE"})


class Describing:
    """What is known of the objects that each session reads."""

    def __init__(self, client: SalesforceClient) -> None:
        self._client = client
        self._known: MutableMapping[CrmSession, dict[str, frozenset[str]]] = WeakKeyDictionary()

    async def asking(
        self, session: CrmSession, kind: Kind[R], ask: Callable[[Sequence[str]], Awaitable[T]]
    ) -> T:
        """Ask with the fields that may be seen; once more when one of them is hidden meanwhile.

        Raises PermissionMissing for an object that is not there, Refused when a field is refused that a
        describe has just shown.
        """
        try:
            return await ask(await self._visible(session, kind))
        except Refused as error:
            if error.code != _NO_SUCH_FIELD:
                raise
        self.forget(session, kind)
        return await ask(await self._visible(session, kind))

    def withheld(self, session: CrmSession, kind: Kind[R]) -> Sequence[str]:
        """Return the columns that stay empty, as the user may not see their fields; none before a describe."""
        names = self._known.get(session, {}).get(kind.object)
        if names is None or kind.object_type is None:
            return ()
        columns = EVERY_ORG_HAS[kind.object_type]
        return [column for field, column in columns.items() if field not in names]

    def forget(self, session: CrmSession, kind: Kind[R]) -> None:
        """Have the object described anew before it is asked for again."""
        self._known.get(session, {}).pop(kind.object, None)

    async def _visible(self, session: CrmSession, kind: Kind[R]) -> Sequence[str]:
        names = await self._names(session, kind)
        return [name for name in field_names(kind.row) if name in names]

    async def _names(self, session: CrmSession, kind: Kind[R]) -> frozenset[str]:
        known = self._known.setdefault(session, {})
        if kind.object not in known:
            known[kind.object] = await self._described(session, kind)
        return known[kind.object]

    async def _described(self, session: CrmSession, kind: Kind[R]) -> frozenset[str]:
        try:
            names = await self._client.describe(session, kind)
        except Refused as error:
            if error.code not in _NOT_THERE:
                raise
            grant = (f"read access to {kind.object}",)
            raise PermissionMissing(Provider.SALESFORCE, kind.object_type, grant) from error
        if issubclass(kind.row, DeletableRow) and not names.issuperset(_INDISPENSABLE):
            lacking = tuple(f"read access to {kind.object}.{name}" for name in _INDISPENSABLE - names)
            raise PermissionMissing(Provider.SALESFORCE, kind.object_type, lacking)
        return names
