"""HubSpot: `create_sandbox` makes one that holds a portal for each account."""

from crm_sandbox.hubspot.account import Account, RecordChange, Switches
from crm_sandbox.hubspot.app import Sandbox, create_sandbox
from crm_sandbox.hubspot.mutations import MutationScript
from crm_sandbox.hubspot.oauth import DEVELOPMENT_CLIENT_ID, DEVELOPMENT_CLIENT_SECRET, App
from crm_sandbox.hubspot.webhooks import Webhooks, WebhookSettings
from crm_sandbox.script import Mutation

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
