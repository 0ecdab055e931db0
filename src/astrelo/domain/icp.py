"""The ideal customer profile: the companies that a user sells to."""

from dataclasses import dataclass
from typing import Self

from astrelo.domain import errors
from astrelo.domain.identifiers import IcpProfileId, UserId

DEFAULT_NAME = "Default"


def expand_naics(code: str) -> tuple[str, ...]:
    """Turn a range of NAICS sectors ('44-45') into its sectors; any other code stands for itself."""
    first, _, last = code.partition("-")
    return tuple(str(sector) for sector in range(int(first), int(last) + 1)) if last else (code,)


def has_naics_prefix(naics: str, prefix: str) -> bool:
    """Return whether a code begins with the prefix; a range of sectors does with each of its sectors."""
    return naics.startswith(prefix) or ("-" in naics and prefix in expand_naics(naics))


@dataclass(frozen=True, slots=True, kw_only=True)
class IcpProfile:
    """Every criterion is optional; an empty one matches everything. `naics` entries are prefixes."""

    id: IcpProfileId
    user_id: UserId
    name: str
    is_default: bool
    industries: tuple[str, ...] = ()
    naics: tuple[str, ...] = ()
    employee_min: int | None = None
    employee_max: int | None = None
    revenue_ranges: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        low, high = self.employee_min, self.employee_max
        if low is not None and high is not None and low > high:
            raise errors.InvalidInput("employee_min", f"must not be above employee_max ({high})")

    @classmethod
    def default(cls, profile_id: IcpProfileId, user_id: UserId) -> Self:
        """Return the profile that a user's first connection creates: without criteria, so it matches everything."""
        return cls(id=profile_id, user_id=user_id, name=DEFAULT_NAME, is_default=True)
