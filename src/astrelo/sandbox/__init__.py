"""A strict, stateful HubSpot for development, demos and tests. It imports nothing of the rest of Astrelo.

In process it is an ASGI application (`create_sandbox`) or an httpx transport (`SandboxTransport`), on a socket it is served (`serve`, `serve_in_thread`),
from the command line it runs until stopped (`run_sandbox`). docs/sandbox.md tells how to use it.
"""

from astrelo.sandbox.account import Account, RecordChange, Switches
from astrelo.sandbox.app import Sandbox, create_sandbox
from astrelo.sandbox.fault_plan import FaultPlan, FaultPlanError, Rule
from astrelo.sandbox.faults import Fault
from astrelo.sandbox.mutations import Mutation, MutationScript
from astrelo.sandbox.oauth import DEVELOPMENT_CLIENT_ID, DEVELOPMENT_CLIENT_SECRET, App
from astrelo.sandbox.portal import Association, Portal, PortalError, PortalRecord
from astrelo.sandbox.search_index import IndexMoods
from astrelo.sandbox.server import run_sandbox, serve, serve_in_thread
from astrelo.sandbox.transport import SandboxTransport
from astrelo.sandbox.webhooks import Webhooks, WebhookSettings

__all__ = [
    "DEVELOPMENT_CLIENT_ID",
    "DEVELOPMENT_CLIENT_SECRET",
    "Account",
    "App",
    "Association",
    "Fault",
    "FaultPlan",
    "FaultPlanError",
    "IndexMoods",
    "Mutation",
    "MutationScript",
    "Portal",
    "PortalError",
    "PortalRecord",
    "RecordChange",
    "Rule",
    "Sandbox",
    "SandboxTransport",
    "Switches",
    "WebhookSettings",
    "Webhooks",
    "create_sandbox",
    "run_sandbox",
    "serve",
    "serve_in_thread",
]
