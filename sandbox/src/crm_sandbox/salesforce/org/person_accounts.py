"""Person accounts: people who are customers of their own, each an Account and the one Contact of it.

Both say the same, and go and come back together. An Account becomes a person's by IsPersonAccount, which at Salesforce
follows from its record type, and becomes a company's again without it (Salesforce Help, "Person Accounts").
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from crm_sandbox.salesforce.org.store import Row, Table
from crm_sandbox.salesforce.sobjects.schema import Value

Tables = Mapping[str, Table]
_CONTACTS_FIELD = {
    "FirstName": "FirstName",
    "LastName": "LastName",
    "PersonEmail": "Email",
    "PersonMobilePhone": "MobilePhone",
    "PersonTitle": "Title",
}
"""Fields of a person's account, and those of the contact that they are."""
_FLAG = "IsPersonAccount"
_CONTACT = "PersonContactId"


class Overlay(NamedTuple):
    """Values to be laid over a record, which is made where it is not there."""

    object_name: str
    id: str
    values: dict[str, Value]


def is_person(row: Row | None) -> bool:
    """Return whether an account or a contact is a person account's."""
    return row is not None and row.fields.get(_FLAG) is True


def require_possible(tables: Tables, object_name: str, old: Row | None, row: Row) -> None:
    """Raise ValueError for a contact that leaves its own account, or joins a person's."""
    if object_name != "Contact":
        return
    account = tables["Account"].rows.get(str(row.fields.get("AccountId")))
    if is_person(old) and row.fields.get("AccountId") != (old.fields.get("AccountId") if old else None):
        raise ValueError(f"{row.id} belongs to a person account: it keeps its AccountId.")
    if is_person(account) and account is not None and account.fields.get(_CONTACT) != row.id:
        raise ValueError(f"{account.id} is a person account: it has no other contact than its own.")


def overlays(tables: Tables, object_name: str, old: Row | None, row: Row) -> Sequence[Overlay]:
    """Return what a change to one half of a person means for both."""
    if object_name == "Account" and is_person(row):
        return _of_account(tables, row)
    if object_name == "Account" and is_person(old):
        return _of_company(row)
    if object_name == "Contact" and is_person(row):
        told = {own: row.fields.get(field) for own, field in _CONTACTS_FIELD.items()}
        return [Overlay("Account", str(row.fields["AccountId"]), {**told, "Name": row.fields["Name"]})]
    return []


def _of_account(tables: Tables, account: Row) -> Sequence[Overlay]:
    contact = _contact_of(tables, account)
    told = {own: account.fields.get(own) for own in _CONTACTS_FIELD}
    if account.fields.get(_CONTACT) is None:  # it has only now become a person's
        known = contact.fields if contact is not None else {}
        told = {own: told[own] or known.get(field) for own, field in _CONTACTS_FIELD.items()}
        told |= _names(told, str(account.fields.get("Name") or ""))
    name = " ".join(str(part) for part in (told["FirstName"], told["LastName"]) if part)
    contact_id = tables["Contact"].next_id() if contact is None else contact.id
    shared: dict[str, Value] = {"Name": name, _FLAG: True}
    return [
        Overlay("Account", account.id, {**told, **shared, _CONTACT: contact_id}),
        Overlay(
            "Contact",
            contact_id,
            {field: told[own] for own, field in _CONTACTS_FIELD.items()}
            | shared
            | {"AccountId": account.id, "OwnerId": account.fields["OwnerId"]},
        ),
    ]


def _of_company(account: Row) -> Sequence[Overlay]:
    contact_id = account.fields.get(_CONTACT)
    emptied: dict[str, Value] = dict.fromkeys((*_CONTACTS_FIELD, _CONTACT))
    return [Overlay("Account", account.id, emptied), Overlay("Contact", str(contact_id), {_FLAG: False})]


def _contact_of(tables: Tables, account: Row) -> Row | None:
    """Return a person's contact, binned or merged away as the account is; ValueError where there are several."""
    found = [
        row
        for row in tables["Contact"].rows.values()
        if row.fields.get("AccountId") == account.id
        and row.is_deleted is account.is_deleted
        and (row.fields.get("MasterRecordId") is None) is (account.fields.get("MasterRecordId") is None)
    ]
    if len(found) > 1:
        raise ValueError(f"{account.id} has {len(found)} contacts; a person account is one person.")
    return found[0] if found else None


def _names(told: Mapping[str, Value], name: str) -> dict[str, Value]:
    """Divide an account's name where its parts are not told."""
    first, last = told["FirstName"], told["LastName"]
    if last is None:
        before, _, last = name.rpartition(" ")
        first = first or before
    elif first is None and name.endswith(f" {last}"):
        first = name.removesuffix(f" {last}")
    return {"FirstName": first or None, "LastName": last}
