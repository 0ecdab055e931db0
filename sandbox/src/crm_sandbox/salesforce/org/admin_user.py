"""The System Administrator of every org: the user who consents, and the owner of records without one."""

from collections.abc import Mapping

from crm_sandbox.salesforce.org.ids import record_id

ADMIN_USER_ID = record_id("User", 1)
USERNAME = "admin@sandbox.example.com"
FIRST_NAME = "Sandbox"
LAST_NAME = "Administrator"
TIME_ZONE = "America/Los_Angeles"
ORG_CREATED_AT = 1_577_836_800
"""2020-01-01, in seconds since the epoch: when every org and its administrator were created."""
ADMIN_USER_FIELDS: Mapping[str, str] = {
    "Username": USERNAME,
    "Email": USERNAME,
    "FirstName": FIRST_NAME,
    "LastName": LAST_NAME,
}
