"""Where a person opens a Salesforce record."""

from urllib.parse import quote

from astrelo.domain.identifiers import ObjectType

_OBJECTS = {
    ObjectType.CONTACTS: "Contact",
    ObjectType.COMPANIES: "Account",
    ObjectType.DEALS: "Opportunity",
}
_ACCOUNT_PREFIX = "001"
"""What an account's id begins with, also that of a person account, which we keep as a contact."""


def salesforce_record_url(
    account_id: str,  # noqa: ARG001 - the org is in the address
    app_url: str | None,
    object_type: ObjectType,
    record_id: str,
) -> str | None:
    """Return the record's Lightning page; None where the org's address is not known."""
    if app_url is None:
        return None
    name = "Account" if record_id.startswith(_ACCOUNT_PREFIX) else _OBJECTS[object_type]
    return f"{app_url}/lightning/r/{name}/{quote(record_id, safe='')}/view"
