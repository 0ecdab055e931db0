"""Person accounts: an Account and a Contact that are one person.

Both have the same values, and are deleted and restored together. An Account becomes a person account by
IsPersonAccount, which at Salesforce follows from its record type, and a business account again without it
(Salesforce Help, "Person Accounts").
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from crm_sandbox.salesforce.org.store import Row, Table
from crm_sandbox.salesforce.sobjects.schema import Value

Tables = Mapping[str, Table]
_CONTACT_FIELDS = {
    "FirstName": "FirstName",
    "LastName": "LastName",
    "PersonEmail": "Email",
    "PersonMobilePhone": "MobilePhone",
    "PersonTitle": "Title",
}
"""Fields of a person account, and the fields of its contact that have the same values."""
_FLAG = "IsPersonAccount"
_CONTACT = "PersonContactId"


class FieldUpdate(NamedTuple):
    """Values for a record, which is created when it does not exist."""

    object_name: str
    id: str
    values: dict[str, Value]


def is_person_account(row: Row | None) -> bool:
    """Return whether an account or a contact belongs to a person account."""
    return row is not None and row.fields.get(_FLAG) is True


def validate_account_id(tables: Tables, object_name: str, old: Row | None, row: Row) -> None:
    """Raise ValueError for a contact that leaves its person account, or joins another's."""
    if object_name != "Contact":
        return
    account = tables["Account"].rows.get(str(row.fields.get("AccountId")))
    if is_person_account(old) and row.fields.get("AccountId") != (
        old.fields.get("AccountId") if old else None
    ):
        raise ValueError(f"{row.id} belongs to a person account: it keeps its AccountId.")
    if is_person_account(account) and account is not None and account.fields.get(_CONTACT) != row.id:
        raise ValueError(f"{account.id} is a person account: it has no other contact than its own.")


def propagate_change(tables: Tables, object_name: str, old: Row | None, row: Row) -> Sequence[FieldUpdate]:
    """Return the updates of account and contact that a change to one of them causes."""
    if object_name == "Account" and is_person_account(row):
        return _update_both(tables, row)
    if object_name == "Account" and is_person_account(old):
        return _convert_to_business_account(row)
    if object_name == "Contact" and is_person_account(row):
        values = {own: row.fields.get(field) for own, field in _CONTACT_FIELDS.items()}
        values["Name"] = row.fields["Name"]
        return [FieldUpdate("Account", str(row.fields["AccountId"]), values)]
    return []


def _update_both(tables: Tables, account: Row) -> Sequence[FieldUpdate]:
    contact = _find_contact(tables, account)
    values = {own: account.fields.get(own) for own in _CONTACT_FIELDS}
    if account.fields.get(_CONTACT) is None:  # it was a business account until now
        known = contact.fields if contact is not None else {}
        values = {own: values[own] or known.get(field) for own, field in _CONTACT_FIELDS.items()}
        values |= _split_name(str(account.fields.get("Name") or ""), values["FirstName"], values["LastName"])
    name = " ".join(str(part) for part in (values["FirstName"], values["LastName"]) if part)
    contact_id = tables["Contact"].next_id() if contact is None else contact.id
    shared: dict[str, Value] = {"Name": name, _FLAG: True}
    return [
        FieldUpdate("Account", account.id, {**values, **shared, _CONTACT: contact_id}),
        FieldUpdate(
            "Contact",
            contact_id,
            {field: values[own] for own, field in _CONTACT_FIELDS.items()}
            | shared
            | {"AccountId": account.id, "OwnerId": account.fields["OwnerId"]},
        ),
    ]


def _convert_to_business_account(account: Row) -> Sequence[FieldUpdate]:
    contact_id = account.fields.get(_CONTACT)
    emptied: dict[str, Value] = dict.fromkeys((*_CONTACT_FIELDS, _CONTACT))
    return [
        FieldUpdate("Account", account.id, emptied),
        FieldUpdate("Contact", str(contact_id), {_FLAG: False}),
    ]


def _find_contact(tables: Tables, account: Row) -> Row | None:
    """Return a person account's contact, deleted or merged as the account is; ValueError when it has several."""
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


def _split_name(name: str, first: Value, last: Value) -> dict[str, Value]:
    """Return first and last name; a missing one is taken from the account's name."""
    if last is None:
        before, _, last = name.rpartition(" ")
        first = first or before
    elif first is None and name.endswith(f" {last}"):
        first = name.removesuffix(f" {last}")
    return {"FirstName": first or None, "LastName": last}
