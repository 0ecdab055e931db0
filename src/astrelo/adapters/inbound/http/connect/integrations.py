"""The user's CRMs: how each is connected, and disconnecting one."""

from typing import Annotated

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, delete, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from astrelo.adapters.inbound.http.problem_kinds import CROSS_SITE_REQUEST, NOT_FOUND
from astrelo.adapters.inbound.http.problems import describe_problems
from astrelo.application.connect.disconnect_crm import DisconnectCrm
from astrelo.application.read.advice import action_for_connection
from astrelo.application.read.readers import IntegrationReader
from astrelo.application.read.views import IntegrationStatus, IntegrationView, Page
from astrelo.domain.identifiers import Provider, UserId
from astrelo.domain.ports.crm import CrmProviders

Purge = Annotated[
    bool,
    QueryParameter(description="Also delete everything that came from this CRM. Cannot be undone."),
]


class Integrations(Controller):
    path = "/api/integrations"
    tags = ("integrations",)

    @get(responses=describe_problems(), summary="List the CRMs")
    @inject
    async def list_integrations(
        self,
        reader: FromDishka[IntegrationReader],
        crms: FromDishka[CrmProviders],
        user_id: NamedDependency[UserId],
    ) -> Page[IntegrationView]:
        """One entry per CRM that there is, connected or not. Never more than one page."""
        return Page(data=await _list_views(reader, crms, user_id), has_more=False, next_cursor=None)

    @get("/{provider:str}", responses=describe_problems(NOT_FOUND), summary="See how a CRM stands")
    @inject
    async def get_integration(
        self,
        reader: FromDishka[IntegrationReader],
        crms: FromDishka[CrmProviders],
        user_id: NamedDependency[UserId],
        provider: FromPath[Provider],
    ) -> IntegrationView:
        """While a run is under way, `current_run` has its progress; poll at most once a second."""
        return next(view for view in await _list_views(reader, crms, user_id) if view.provider is provider)

    @delete(
        "/{provider:str}",
        responses=describe_problems(NOT_FOUND, CROSS_SITE_REQUEST),
        summary="Disconnect a CRM",
        status_code=204,
    )
    @inject
    async def disconnect(
        self,
        disconnect_crm: FromDishka[DisconnectCrm],
        user_id: NamedDependency[UserId],
        provider: FromPath[Provider],
        *,
        purge: Purge = False,
    ) -> None:
        """Stop running work, revoke the grant, delete the tokens. Records stay, as stale ones, unless purged."""
        await disconnect_crm(user_id, provider, purge=purge)


async def _list_views(
    reader: IntegrationReader, crms: CrmProviders, user_id: UserId
) -> list[IntegrationView]:
    connected = {view.provider: view for view in await reader.connected(user_id)}
    views = []
    for provider in Provider:
        crm, status = crms.get(provider), IntegrationStatus.NOT_CONNECTED
        view = connected.get(provider) or IntegrationView(
            provider=provider, status=status, action=action_for_connection(status, provider)
        )
        has_login_hosts = crm is not None and crm.has_login_hosts
        views.append(
            msgspec.structs.replace(view, configured=crm is not None, chooses_login_host=has_login_hosts)
        )
    return views
