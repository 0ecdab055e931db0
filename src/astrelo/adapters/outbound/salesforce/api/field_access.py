"""Which fields the user of a connection may see.

Field-level security hides fields by leaving them out of an object's describe, and a query for a hidden field is
refused as if the field did not exist. Whole features (country picklists, several currencies, D&B) come and go
with their fields in the same way. So a query selects those of our fields that the describe lists, and when it is
refused because a field was hidden since, the object is described again, once.

Descriptions are kept for each session: two users of one org may see different fields, and a user who connects again,
or may see a further field, sees it with the next session.
"""

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import TypeVar
from weakref import WeakKeyDictionary

from astrelo.adapters.outbound.salesforce.api import error_mapper, wire
from astrelo.adapters.outbound.salesforce.api.client import Kind, SalesforceClient
from astrelo.adapters.outbound.salesforce.mapping import EVERY_ORG_HAS
from astrelo.domain import errors
from astrelo.domain.identifiers import Provider
from astrelo.domain.ports.crm import CrmSession

T = TypeVar("T")
R = TypeVar("R", bound=wire.Row)

_INDISPENSABLE = frozenset({"Id", "SystemModstamp", "IsDeleted"})
"""Without them nothing could be stored, or deleted records would be taken for live ones."""

_NO_SUCH_FIELD = "INVALID_FIELD"
_NO_SUCH_OBJECT = frozenset({"NOT_FOUND", "INVALID_TYPE"})


class FieldAccess:
    """The visible fields of the objects that each session reads."""

    def __init__(self, client: SalesforceClient) -> None:
        self._client = client
        self._visible: MutableMapping[CrmSession, dict[str, frozenset[str]]] = WeakKeyDictionary()

    async def query(
        self, session: CrmSession, kind: Kind[R], run: Callable[[Sequence[str]], Awaitable[T]]
    ) -> T:
        """Run a query with the visible fields; once more when one of them has been hidden meanwhile.

        Raise PermissionMissing for an object that is not visible, Refused when a field is refused that a
        describe has just listed.
        """
        try:
            return await run(await self._visible_fields(session, kind))
        except error_mapper.Refused as error:
            if error.code != _NO_SUCH_FIELD:
                raise
        self.forget(session, kind)
        return await run(await self._visible_fields(session, kind))

    def withheld_columns(self, session: CrmSession, kind: Kind[R]) -> Sequence[str]:
        """Return the columns that stay empty because their fields are hidden; none before a describe."""
        visible = self._visible.get(session, {}).get(kind.object)
        if visible is None or kind.object_type is None:
            return ()
        columns = EVERY_ORG_HAS[kind.object_type]
        return [column for field, column in columns.items() if field not in visible]

    def forget(self, session: CrmSession, kind: Kind[R]) -> None:
        """Have the object described again before its next query."""
        self._visible.get(session, {}).pop(kind.object, None)

    async def _visible_fields(self, session: CrmSession, kind: Kind[R]) -> Sequence[str]:
        described = self._visible.setdefault(session, {})
        if kind.object not in described:
            described[kind.object] = await self._describe(session, kind)
        visible = described[kind.object]
        return [name for name in wire.field_names(kind.row) if name in visible]

    async def _describe(self, session: CrmSession, kind: Kind[R]) -> frozenset[str]:
        try:
            visible = await self._client.describe(session, kind)
        except error_mapper.Refused as error:
            if error.code not in _NO_SUCH_OBJECT:
                raise
            grant = (f"read access to {kind.object}",)
            raise errors.PermissionMissing(Provider.SALESFORCE, kind.object_type, grant) from error
        if issubclass(kind.row, wire.DeletableRow) and not visible.issuperset(_INDISPENSABLE):
            missing = tuple(f"read access to {kind.object}.{name}" for name in _INDISPENSABLE - visible)
            raise errors.PermissionMissing(Provider.SALESFORCE, kind.object_type, missing)
        return visible
