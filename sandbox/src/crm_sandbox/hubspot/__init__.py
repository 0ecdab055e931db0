"""HubSpot: `create_sandbox` makes one that holds a portal for each account."""

from crm_sandbox.hubspot.account.account import Account, RecordChange, Switches
from crm_sandbox.hubspot.application import Sandbox, create_sandbox
from crm_sandbox.hubspot.mutations import MutationScript
from crm_sandbox.hubspot.oauth.authorization_server import (
    DEVELOPMENT_CLIENT_ID,
    DEVELOPMENT_CLIENT_SECRET,
    App,
)
from crm_sandbox.hubspot.webhooks.delivery import Webhooks, WebhookSettings
from crm_sandbox.mutations import Mutation

__all__ = [
    "DEVELOPMENT_CLIENT_ID",
    "DEVELOPMENT_CLIENT_SECRET",
    "Account",
    "App",
    "Mutation",
    "MutationScript",
    "RecordChange",
    "Sandbox",
    "Switches",
    "WebhookSettings",
    "Webhooks",
    "create_sandbox",
]
