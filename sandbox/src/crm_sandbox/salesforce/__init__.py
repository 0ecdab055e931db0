"""A simulated Salesforce: `create_sandbox` makes one with an org for each dataset."""

from crm_sandbox.mutations import Mutation
from crm_sandbox.salesforce.application import Sandbox, create_sandbox
from crm_sandbox.salesforce.flags import Flags
from crm_sandbox.salesforce.oauth.authorization_server import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, App
from crm_sandbox.salesforce.org.admin_user import ADMIN_USER_ID
from crm_sandbox.salesforce.org.ids import full_id, record_id
from crm_sandbox.salesforce.org.mutations import MutationScript
from crm_sandbox.salesforce.org.org import Org
from crm_sandbox.salesforce.org.records import RecordChange

__all__ = [
    "ADMIN_USER_ID",
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
