"""HubSpot: `create_sandbox` makes one that holds a dataset for each account."""

from crm_sandbox.hubspot.account.account import Account, Flags, RecordChange
from crm_sandbox.hubspot.application import Sandbox, create_sandbox
from crm_sandbox.hubspot.mutations import MutationScript
from crm_sandbox.hubspot.oauth.authorization_server import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, App
from crm_sandbox.hubspot.webhooks.delivery import Webhooks, WebhookSettings
from crm_sandbox.mutations import Mutation

__all__ = [
    "DEFAULT_CLIENT_ID",
    "DEFAULT_CLIENT_SECRET",
    "Account",
    "App",
    "Flags",
    "Mutation",
    "MutationScript",
    "RecordChange",
    "Sandbox",
    "WebhookSettings",
    "Webhooks",
    "create_sandbox",
]
