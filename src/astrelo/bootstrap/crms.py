"""The registry of CRMs: what the processes need of each, one line per CRM in `REGISTERED_CRMS`."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from astrelo.adapters.outbound.hubspot.config import HubSpotConfig
from astrelo.adapters.outbound.hubspot.provider import open_hubspot
from astrelo.adapters.outbound.hubspot.record_urls import hubspot_record_url
from astrelo.adapters.outbound.hubspot.webhooks import HubSpotWebhooks
from astrelo.adapters.outbound.salesforce.config import SalesforceConfig
from astrelo.adapters.outbound.salesforce.provider import open_salesforce
from astrelo.adapters.outbound.salesforce.record_urls import salesforce_record_url
from astrelo.bootstrap.settings import Settings
from astrelo.domain.identifiers import Provider
from astrelo.domain.ports.crm import CrmProvider, CrmWebhooks, RecordUrl
from astrelo.domain.ports.reference import ReferenceData
from astrelo.domain.ports.system import Clock, Randomness

OpenCrm = Callable[[Any, ReferenceData, Clock, Randomness], AbstractAsyncContextManager[CrmProvider]]
"""Its first argument is what the CRM's `configure` returns."""


@dataclass(frozen=True, slots=True)
class RegisteredCrm:
    provider: Provider
    configure: Callable[[Settings, str], Any]
    """Return the adapter's config from the settings and the redirect URI, or None without credentials."""
    open: OpenCrm
    record_url: RecordUrl
    create_webhooks: Callable[[Any], CrmWebhooks] | None = None
    """Make the reader of its webhook calls from the config; None for a CRM without webhooks."""

    def config(self, settings: Settings) -> Any:  # noqa: ANN401 - each CRM has a config of its own
        """Return the adapter's config, or None without credentials: then the CRM is not offered."""
        return self.configure(settings, f"{settings.public_url}/api/integrations/{self.provider}/callback")


def _configure_hubspot(settings: Settings, redirect_uri: str) -> HubSpotConfig | None:
    if settings.hubspot_client_id is None or settings.hubspot_client_secret is None:
        return None
    return HubSpotConfig(
        client_id=settings.hubspot_client_id,
        client_secret=settings.hubspot_client_secret,
        redirect_uri=redirect_uri,
        authorize_base=settings.hubspot_authorize_url,
        api_base=settings.hubspot_api_url,
    )


def _configure_salesforce(settings: Settings, redirect_uri: str) -> SalesforceConfig | None:
    if settings.salesforce_client_id is None or settings.salesforce_client_secret is None:
        return None
    return SalesforceConfig(
        client_id=settings.salesforce_client_id,
        client_secret=settings.salesforce_client_secret,
        redirect_uri=redirect_uri,
        login_url=settings.salesforce_login_url,
        bulk_threshold=settings.salesforce_bulk_threshold,
        daily_share=settings.salesforce_daily_share,
    )


REGISTERED_CRMS = (
    RegisteredCrm(
        Provider.HUBSPOT,
        _configure_hubspot,
        open_hubspot,
        hubspot_record_url,
        create_webhooks=lambda config: HubSpotWebhooks(config.client_secret),
    ),
    RegisteredCrm(Provider.SALESFORCE, _configure_salesforce, open_salesforce, salesforce_record_url),
)
