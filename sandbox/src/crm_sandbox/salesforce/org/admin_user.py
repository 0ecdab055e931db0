"""The sandbox's own user: who consents, and who owns what nobody owns."""

from collections.abc import Mapping

from crm_sandbox.salesforce.org.ids import record_id

ADMINISTRATOR = record_id("User", 1)
USERNAME = "admin@sandbox.example.com"
FIRST_NAME = "Sandbox"
LAST_NAME = "Administrator"
TIME_ZONE = "America/Los_Angeles"
MADE_AT = 1_577_836_800
"""2020-01-01, in seconds since the epoch: when every org and its administrator were made."""
FIELDS: Mapping[str, str] = {
    "Username": USERNAME,
    "Email": USERNAME,
    "FirstName": FIRST_NAME,
    "LastName": LAST_NAME,
}
