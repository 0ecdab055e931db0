"""Choosing manually which CRM record a company's columns come from."""

from uuid import UUID

from astrelo.domain.company import RecordKey
from astrelo.domain.golden_record import FieldGroup
from astrelo.domain.identifiers import CompanyId, UserId
from astrelo.domain.ports.state import UnitOfWork
from astrelo.domain.ports.system import Clock


class PinCompany:
    """Pin a field group of a company to one record, whichever is freshest, or remove the pin."""

    def __init__(self, uow: UnitOfWork, clock: Clock) -> None:
        self._uow = uow
        self._clock = clock

    async def __call__(
        self, user_id: UserId, company_id: UUID, group: FieldGroup, record: RecordKey | None
    ) -> None:
        """Pin the group to the record, or remove the pin with None.

        Raises NotFound for a company that is not the user's or not live, and for a record that is not one of
        its live records.
        """
        async with self._uow(user_id) as tx:
            await tx.companies.lock()
            await tx.companies.pin(CompanyId(company_id), group, record, self._clock.now())
