"""The user's CRMs: how each is connected, and disconnecting one."""

from typing import Annotated

import msgspec
from dishka.integrations.litestar import FromDishka, inject
from litestar import Controller, delete, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from astrelo.adapters.inbound.http import problem_kinds, problems
from astrelo.adapters.inbound.http.disconnects import cancel_on_disconnect
from astrelo.adapters.inbound.http.records import parameters
from astrelo.adapters.inbound.http.responses import etags
from astrelo.application import messages
from astrelo.application.connect.disconnect_crm import DisconnectCrm
from astrelo.application.read import readers, views
from astrelo.application.read.advice import action_for_connection
from astrelo.domain.identifiers import Provider, UserId
from astrelo.domain.ports.crm import CrmProviders

Purge = Annotated[
    bool,
    QueryParameter(description="Also delete everything that came from this CRM. Cannot be undone."),
]


class Integrations(Controller):
    path = "/api/integrations"
    middleware = (cancel_on_disconnect,)
    tags = ("integrations",)

    @get(middleware=[etags.conditional], summary="List the CRMs")
    @inject
    async def list_integrations(
        self,
        reader: FromDishka[readers.IntegrationReader],
        crms: FromDishka[CrmProviders],
        user_id: NamedDependency[UserId],
    ) -> views.Page[views.IntegrationView]:
        """One entry per CRM that there is, connected or not. Never more than one page."""
        return views.Page(data=await _list_views(reader, crms, user_id), has_more=False, next_cursor=None)

    @get("/{provider:str}", middleware=[etags.conditional], summary="See how a CRM stands")
    @inject
    async def get_integration(
        self,
        reader: FromDishka[readers.IntegrationReader],
        crms: FromDishka[CrmProviders],
        user_id: NamedDependency[UserId],
        provider: parameters.ProviderPath,
    ) -> views.IntegrationView:
        """While a run is under way, `current_run` has its progress; poll at most once a second."""
        return next(view for view in await _list_views(reader, crms, user_id) if view.provider is provider)

    @delete(
        "/{provider:str}",
        responses=problems.describe(problem_kinds.NOT_CONNECTED),
        summary="Disconnect a CRM",
        status_code=204,
    )
    @inject
    async def disconnect_integration(
        self,
        disconnect_crm: FromDishka[DisconnectCrm],
        user_id: NamedDependency[UserId],
        provider: parameters.ProviderPath,
        *,
        purge: Purge = False,
    ) -> None:
        """Stop running work, revoke the grant, delete the tokens. Records stay, as stale ones, unless purged."""
        await disconnect_crm(user_id, provider, purge=purge)


async def _list_views(
    reader: readers.IntegrationReader, crms: CrmProviders, user_id: UserId
) -> list[views.IntegrationView]:
    connected = {view.provider: view for view in await reader.connected(user_id)}
    found = []
    for provider in Provider:
        crm, status = crms.get(provider), views.IntegrationStatus.NOT_CONNECTED
        action = (
            messages.PROBLEMS["provider_not_configured"].to_do
            if crm is None
            else action_for_connection(status, provider)
        )
        view = connected.get(provider) or views.IntegrationView(
            provider=provider, status=status, action=action
        )
        has_login_hosts = crm is not None and crm.has_login_hosts
        found.append(
            msgspec.structs.replace(view, configured=crm is not None, chooses_login_host=has_login_hosts)
        )
    return found
