"""Why a record shows its values and is linked as it is, and pins: a person's choice of the record that counts."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, Request, Response, get, put
from litestar.di import NamedDependency
from litestar.params import JSONBody
from litestar.response import Redirect

from astrelo.adapters.inbound.http import pagination, problems
from astrelo.adapters.inbound.http.disconnects import cancel_on_disconnect
from astrelo.adapters.inbound.http.records import parameters
from astrelo.adapters.inbound.http.records.routes import MERGED
from astrelo.application.read import explanations, readers, views
from astrelo.application.sync.pin_company import PinCompany
from astrelo.domain import errors
from astrelo.domain.company import RecordKey
from astrelo.domain.golden_record import FieldGroup
from astrelo.domain.identifiers import MAX_RECORD_ID_LENGTH, RecordId, UserId

RecordIdText = Annotated[
    str, msgspec.Meta(min_length=1, max_length=MAX_RECORD_ID_LENGTH, pattern=r"^[^\x00]+$")
]


class PinnedRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A CRM record of the company."""

    external_source: views.ExternalSource
    external_provider_id: Annotated[
        RecordIdText, msgspec.Meta(description="The record's id at that CRM.", examples=["512"])
    ]

    @property
    def key(self) -> RecordKey:
        return RecordKey(self.external_source, RecordId(self.external_provider_id))


class PinBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The group of columns, and the record that it is to come from; null lets the freshest record count again."""

    group: Annotated[FieldGroup, msgspec.Meta(description="The columns that are to come from the record.")]
    record: Annotated[
        PinnedRecord | None, msgspec.Meta(description="The record; null lets the freshest one count again.")
    ]


class Explanations(Controller):
    path = "/api"
    middleware = (cancel_on_disconnect,)

    @get(
        "/companies/{company_id:uuid}/explain",
        responses=MERGED,
        summary="Explain a company",
        tags=("companies",),
    )
    @inject
    async def explain_company(
        self,
        request: Request[Any, Any, Any],
        reader: FromDishka[explanations.ExplanationReader],
        companies: FromDishka[readers.CompanyReader],
        user_id: NamedDependency[UserId],
        company_id: parameters.CompanyPath,
        *,
        limit: parameters.Limit = parameters.DEFAULT_LIMIT,
        cursor: parameters.PageCursor = None,
    ) -> Response[explanations.CompanyExplanation]:
        """Say which record each group of columns comes from, and what all its records say.

        The id of a company that was merged into another leads there with 308.
        """
        try:
            return Response(await _company(reader, user_id, company_id, cursor, limit))
        except (errors.NotFound, problems.HttpError):  # a cursor of the company that lives is good there
            if (living := await companies.living_id(user_id, company_id)) is None:
                raise
            return _redirect_to(f"/api/companies/{living}/explain", request)

    @put(
        "/companies/{company_id:uuid}/pins",
        responses=MERGED,
        summary="Pin a group of columns to a record",
        tags=("companies",),
    )
    @inject
    async def pin_field_group(
        self,
        request: Request[Any, Any, Any],
        pin_company: FromDishka[PinCompany],
        reader: FromDishka[explanations.ExplanationReader],
        companies: FromDishka[readers.CompanyReader],
        user_id: NamedDependency[UserId],
        company_id: parameters.CompanyPath,
        data: JSONBody[PinBody],
    ) -> Response[explanations.CompanyExplanation]:
        """Decide which record a group comes from. It stays through syncs, and follows the record when it is merged.

        The id of a company that was merged into another leads there with 308; nothing is pinned then.
        """
        try:
            await pin_company(user_id, company_id, data.group, data.record.key if data.record else None)
            return Response(await _company(reader, user_id, company_id, None, parameters.DEFAULT_LIMIT))
        except errors.NotFound:
            if (living := await companies.living_id(user_id, company_id)) is None:
                raise
            return _redirect_to(f"/api/companies/{living}/pins", request)

    @get(
        "/contacts/{contact_id:uuid}/explain",
        summary="Explain a contact's company",
        tags=("contacts",),
    )
    @inject
    async def explain_contact(
        self,
        reader: FromDishka[explanations.ExplanationReader],
        user_id: NamedDependency[UserId],
        contact_id: parameters.ContactPath,
    ) -> explanations.ContactExplanation:
        """Say which rule linked the contact, on what evidence, and what was tried before."""
        if found := await reader.contact(user_id, contact_id):
            return found
        raise errors.NotFound("contact", contact_id)

    @get(
        "/deals/{deal_id:uuid}/explain",
        summary="Explain a deal's company",
        tags=("deals",),
    )
    @inject
    async def explain_deal(
        self,
        reader: FromDishka[explanations.ExplanationReader],
        user_id: NamedDependency[UserId],
        deal_id: parameters.DealPath,
    ) -> explanations.DealExplanation:
        """Say which company the CRM associates with the deal, and how."""
        if found := await reader.deal(user_id, deal_id):
            return found
        raise errors.NotFound("deal", deal_id)


def _redirect_to(path: str, request: Request[Any, Any, Any]) -> Redirect:
    """Keep the query: without its cursor, a client would read the first page for ever."""
    query = request.scope["query_string"].decode("latin-1")
    return Redirect(f"{path}?{query}" if query else path, status_code=308)


async def _company(
    reader: explanations.ExplanationReader,
    user_id: UserId,
    company_id: UUID,
    cursor: str | None,
    limit: int,
) -> explanations.CompanyExplanation:
    cursors = pagination.Cursors.of("explanation", user_id, company_id)
    found = await reader.company(user_id, company_id, cursors.decode_key(cursor), limit)
    if found is None:
        raise errors.NotFound("company", company_id)
    if not found.has_more:
        return found
    last = found.records[-1]
    key = RecordKey(last.external_source, RecordId(last.external_provider_id))
    return msgspec.structs.replace(found, next_cursor=cursors.encode_key(key))
