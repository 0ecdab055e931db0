"""Setting the ideal customer profile."""

from collections.abc import Sequence

from astrelo.domain.icp import IcpProfile
from astrelo.domain.identifiers import IcpProfileId, UserId
from astrelo.domain.ports.state import UnitOfWork
from astrelo.domain.ports.system import Randomness


class SetIcpProfile:
    """Replace all of a user's default profile, or create it. An existing profile keeps its id."""

    def __init__(self, uow: UnitOfWork, randomness: Randomness) -> None:
        self._uow = uow
        self._randomness = randomness

    async def __call__(
        self,
        user_id: UserId,
        *,
        name: str,
        industries: Sequence[str],
        naics: Sequence[str],
        employee_min: int | None,
        employee_max: int | None,
        revenue_ranges: Sequence[str],
        countries: Sequence[str],
    ) -> None:
        """Raise InvalidInput when `employee_min` is above `employee_max`."""
        profile = IcpProfile(
            id=IcpProfileId(self._randomness.uuid()),
            user_id=user_id,
            name=name,
            is_default=True,
            industries=tuple(industries),
            naics=tuple(naics),
            employee_min=employee_min,
            employee_max=employee_max,
            revenue_ranges=tuple(revenue_ranges),
            countries=tuple(countries),
        )
        async with self._uow(user_id) as tx:
            await tx.icp_profiles.save(profile)
