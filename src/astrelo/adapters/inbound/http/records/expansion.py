"""Embedding the companies of contacts and deals, where `expand` asks for them."""

from collections.abc import Sequence
from typing import Annotated, Literal, TypeVar

import msgspec
from litestar.params import QueryParameter

from astrelo.application.read import readers, views
from astrelo.domain.identifiers import UserId

Expand = Annotated[
    Literal["company"] | None,
    QueryParameter(
        description="`company`: each entry has its `company` as well, as `/api/companies/{company_id}` shows it. "
        "Cursors are the same with and without it."
    ),
]
Linked = TypeVar("Linked", views.ContactView, views.DealView)


async def expand(
    found: Sequence[Linked],
    wanted: Literal["company"] | None,
    companies: readers.CompanyReader,
    user_id: UserId,
) -> list[Linked]:
    """Return the entries with their companies, which take one more read for all of them, if they are wanted."""
    if wanted is None:
        return list(found)
    ids = {entry.company_id for entry in found if entry.company_id is not None}
    known = await companies.get_all(user_id, ids) if ids else {}
    return [
        msgspec.structs.replace(
            entry, company=None if entry.company_id is None else known.get(entry.company_id)
        )
        for entry in found
    ]
