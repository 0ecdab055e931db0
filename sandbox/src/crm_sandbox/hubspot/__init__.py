"""HubSpot: `create_sandbox` makes one that holds a portal for each account."""

from astrelo.sandbox.hubspot.account import Account, RecordChange, Switches
from astrelo.sandbox.hubspot.app import Sandbox, create_sandbox
from astrelo.sandbox.hubspot.mutations import MutationScript
from astrelo.sandbox.hubspot.oauth import DEVELOPMENT_CLIENT_ID, DEVELOPMENT_CLIENT_SECRET, App
from astrelo.sandbox.hubspot.webhooks import Webhooks, WebhookSettings
from astrelo.sandbox.script import Mutation

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
