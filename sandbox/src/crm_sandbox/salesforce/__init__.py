"""Salesforce: `create_sandbox` makes one that holds an org for each portal."""

from astrelo.sandbox.salesforce.administrator import ADMINISTRATOR
from astrelo.sandbox.salesforce.app import Sandbox, create_sandbox
from astrelo.sandbox.salesforce.ids import full_id, record_id
from astrelo.sandbox.salesforce.mutations import MutationScript
from astrelo.sandbox.salesforce.oauth import DEVELOPMENT_CLIENT_ID, DEVELOPMENT_CLIENT_SECRET, App
from astrelo.sandbox.salesforce.org import Org
from astrelo.sandbox.salesforce.records import RecordChange
from astrelo.sandbox.salesforce.switches import Switches
from astrelo.sandbox.script import Mutation

__all__ = [
    "ADMINISTRATOR",
    "DEVELOPMENT_CLIENT_ID",
    "DEVELOPMENT_CLIENT_SECRET",
    "App",
    "Mutation",
    "MutationScript",
    "Org",
    "RecordChange",
    "Sandbox",
    "Switches",
    "create_sandbox",
    "full_id",
    "record_id",
]
