"""Salesforce: `create_sandbox` makes one that holds an org for each dataset."""

from crm_sandbox.mutations import Mutation
from crm_sandbox.salesforce.administrator import ADMINISTRATOR
from crm_sandbox.salesforce.app import Sandbox, create_sandbox
from crm_sandbox.salesforce.ids import full_id, record_id
from crm_sandbox.salesforce.mutations import MutationScript
from crm_sandbox.salesforce.oauth import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, App
from crm_sandbox.salesforce.org import Org
from crm_sandbox.salesforce.records import RecordChange
from crm_sandbox.salesforce.switches import Flags

__all__ = [
    "ADMINISTRATOR",
    "DEFAULT_CLIENT_ID",
    "DEFAULT_CLIENT_SECRET",
    "App",
    "Flags",
    "Mutation",
    "MutationScript",
    "Org",
    "RecordChange",
    "Sandbox",
    "create_sandbox",
    "full_id",
    "record_id",
]
