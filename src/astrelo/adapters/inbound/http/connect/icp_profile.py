"""The ideal customer profile: read it, or put another in its place."""

from typing import Annotated

from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, get, put
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Meta, Struct

from astrelo.adapters.inbound.http import problem_kinds, problems
from astrelo.adapters.inbound.http.records import parameters
from astrelo.adapters.inbound.http.responses import etags
from astrelo.application.connect.set_icp_profile import SetIcpProfile
from astrelo.application.read import readers, views
from astrelo.domain import errors
from astrelo.domain.identifiers import UserId

_MAX_HEADCOUNT = 2_147_483_647

# PostgreSQL cannot store NUL in text.
Words = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]
NaicsCode = Annotated[str, Meta(pattern=parameters.NAICS_PATTERN)]
CountryCode = Annotated[str, Meta(pattern=parameters.COUNTRY_PATTERN)]
Headcount = Annotated[int, Meta(ge=0, le=_MAX_HEADCOUNT)]


class IcpProfileBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole profile: what is left out is no criterion."""

    name: Annotated[Words, Meta(description="The profile's name.", examples=["Default"])]
    industries: Annotated[
        list[Words],
        Meta(max_length=200, description="As the CRM names them.", examples=[["COMPUTER_SOFTWARE"]]),
    ] = []
    naics: Annotated[
        list[NaicsCode],
        Meta(
            max_length=200, description="How NAICS 2022 codes begin, or ranges.", examples=[["5132", "44-45"]]
        ),
    ] = []
    employee_min: Annotated[
        Headcount | None, Meta(description="The fewest employees that fit.", examples=[50])
    ] = None
    employee_max: Annotated[
        Headcount | None, Meta(description="The most employees that fit.", examples=[1000])
    ] = None
    revenue_ranges: Annotated[
        list[parameters.RevenueRange], Meta(max_length=6, description="In US dollars.", examples=[["1M-10M"]])
    ] = []
    countries: Annotated[
        list[CountryCode], Meta(max_length=249, description="By ISO 3166-1 alpha-2.", examples=[["US", "CA"]])
    ] = []


class IcpProfiles(Controller):
    path = "/api/icp-profile"
    tags = ("icp-profile",)

    @get(
        responses=problems.describe(problem_kinds.NOT_FOUND),
        middleware=[etags.conditional],
        summary="Get the ideal customer profile",
    )
    @inject
    async def get_icp_profile(
        self, reader: FromDishka[readers.IcpProfileReader], user_id: NamedDependency[UserId]
    ) -> views.IcpProfileView:
        """Return the profile. A first connection makes one named Default; before there is none, unless it was put."""
        return await _profile(reader, user_id)

    @put(
        summary="Replace the ideal customer profile",
    )
    @inject
    async def replace_icp_profile(
        self,
        reader: FromDishka[readers.IcpProfileReader],
        set_icp_profile: FromDishka[SetIcpProfile],
        user_id: NamedDependency[UserId],
        data: JSONBody[IcpProfileBody],
    ) -> views.IcpProfileView:
        """Replace the whole profile; it keeps its id."""
        await set_icp_profile(
            user_id,
            name=data.name,
            industries=data.industries,
            naics=data.naics,
            employee_min=data.employee_min,
            employee_max=data.employee_max,
            revenue_ranges=data.revenue_ranges,
            countries=data.countries,
        )
        return await _profile(reader, user_id)


async def _profile(reader: readers.IcpProfileReader, user_id: UserId) -> views.IcpProfileView:
    if found := await reader.default(user_id):
        return found
    raise errors.NotFound("ICP profile of user", user_id)
