"""Field-level security: the objects and fields of an org that the connected user can see, and their values."""

from collections.abc import Callable, Mapping

from crm_sandbox.not_simulated import NotSimulated
from crm_sandbox.salesforce.errors import ApiError, error_for_status
from crm_sandbox.salesforce.org.addresses import find_country, find_state
from crm_sandbox.salesforce.org.org import Org
from crm_sandbox.salesforce.org.setup_objects import CORPORATE_CURRENCY
from crm_sandbox.salesforce.org.store import Row
from crm_sandbox.salesforce.sobjects.schema import (
    OBJECT_FEATURES,
    OBJECT_NAMES,
    Field,
    Value,
    find_object_name,
)
from crm_sandbox.salesforce.unsimulated import find_unsimulated_object

FieldValue = Value | dict[str, Value]
"""A value as a query returns it; that of a compound field is an object of its parts."""
Reader = Callable[[Row], FieldValue]
_PICKLIST_PARTS = ("Country", "State", "CountryCode", "StateCode")


def list_visible_objects(org: Org) -> list[str]:
    hidden = {name.lower() for name in org.flags.hidden_objects}
    return [
        name
        for name in OBJECT_NAMES
        if name.lower() not in hidden
        and (name not in OBJECT_FEATURES or getattr(org.flags, OBJECT_FEATURES[name]))
    ]


def find_object(org: Org, object_name: str) -> str | None:
    """Return an object's own spelling; None when the user cannot see it. Raise NotSimulated for one that the sandbox lacks."""
    if (missing := find_unsimulated_object(object_name)) is not None:
        raise NotSimulated(f"the object {missing}")
    name = find_object_name(object_name)
    return name if name in list_visible_objects(org) else None


def require_object(org: Org, object_name: str) -> str:
    """Return an object's own spelling, as `find_object` does; 404 when the user cannot see it."""
    name = find_object(org, object_name)
    if name is None:
        raise error_for_status(404)
    return name


def require_queryable_object(org: Org, object_name: str) -> str:
    """Return an object's own spelling, as `find_object` does; INVALID_TYPE when the user cannot see it."""
    name = find_object(org, object_name)
    if name is None:
        raise ApiError(
            400,
            "INVALID_TYPE",
            f"sObject type '{object_name}' is not supported. If you are attempting to use a custom object, be sure to "
            "append the '__c' after the entity name. Please reference your WSDL or the describe call for the "
            "appropriate names.",
        )
    return name


def get_visible_fields(org: Org, object_name: str) -> Mapping[str, Field]:
    """Return the fields by their names in lower case, as SOQL ignores case."""
    hidden = {name.lower() for name in org.flags.hidden_fields}
    return {
        name.lower(): field
        for name, field in org.tables[object_name].fields.items()
        if f"{object_name}.{name}".lower() not in hidden
        and (field.feature is None or getattr(org.flags, field.feature))
    }


def make_reader(org: Org, field: Field) -> Reader:
    """Return a function that reads the field from a row."""
    name = field.name
    if name in {"CurrencyIsoCode", "DefaultCurrencyIsoCode"}:
        return lambda row: row.fields.get(name) or CORPORATE_CURRENCY
    if name == "IsPersonAccount":
        return lambda row: row.fields.get(name) is True
    if field.type == "address":
        return _make_address_reader(org, name.removesuffix("Address"))
    if org.flags.state_country_picklists:
        for prefix in ("Billing", "Shipping", "Mailing"):
            if name.startswith(prefix) and (part := name.removeprefix(prefix)) in _PICKLIST_PARTS:
                return lambda row: _resolve_picklists(row, prefix)[part]
    return lambda row: row.fields.get(name)


def _resolve_picklists(row: Row, prefix: str) -> dict[str, Value]:
    """Return country and state with their picklist codes; text that no picklist has stays as it is, without a code."""
    country_text, state_text = row.fields.get(f"{prefix}Country"), row.fields.get(f"{prefix}State")
    country = find_country(row.fields.get(f"{prefix}CountryCode") or country_text)
    state = find_state(country, row.fields.get(f"{prefix}StateCode") or state_text)
    return {
        "Country": country.label if country else country_text,
        "CountryCode": country.code if country else None,
        "State": state.label if state else state_text,
        "StateCode": state.code if state else None,
    }


def _make_address_reader(org: Org, prefix: str) -> Reader:
    def read(row: Row) -> FieldValue:
        parts = {part: row.fields.get(f"{prefix}{part}") for part in ("Street", "City", "PostalCode")}
        if org.flags.state_country_picklists:
            parts |= _resolve_picklists(row, prefix)
        else:
            parts |= {part: row.fields.get(f"{prefix}{part}") for part in ("Country", "State")}
        if not any(parts.values()):
            return None
        address: dict[str, Value] = {part[0].lower() + part[1:]: value for part, value in parts.items()}
        return address | {"geocodeAccuracy": None, "latitude": None, "longitude": None}

    return read
