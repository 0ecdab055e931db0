"""What the connected user may see of an org: its objects, their fields, and how a row's field reads."""

from collections.abc import Callable, Mapping

from crm_sandbox.not_simulated import NotSimulated
from crm_sandbox.salesforce import places
from crm_sandbox.salesforce.errors import ApiRefusal, usual
from crm_sandbox.salesforce.org import Org
from crm_sandbox.salesforce.schema import OBJECT_FEATURES, OBJECT_NAMES, Field, Value, object_called
from crm_sandbox.salesforce.setup_objects import CORPORATE_CURRENCY
from crm_sandbox.salesforce.store import Row
from crm_sandbox.salesforce.unsimulated import unheld_object

Shown = Value | dict[str, Value]
"""What a field shows; a compound one shows its parts by their names."""
Reader = Callable[[Row], Shown]
_PLACE_PARTS = ("Country", "State", "CountryCode", "StateCode")


def visible_objects(org: Org) -> list[str]:
    hidden = {name.lower() for name in org.flags.hidden_objects}
    return [
        name
        for name in OBJECT_NAMES
        if name.lower() not in hidden
        and (name not in OBJECT_FEATURES or getattr(org.flags, OBJECT_FEATURES[name]))
    ]


def find_object(org: Org, object_name: str) -> str | None:
    """Return an object's own spelling; None when the user cannot see it, NotSimulated for one that is not held."""
    if (unheld := unheld_object(object_name)) is not None:
        raise NotSimulated(f"the object {unheld}")
    name = object_called(object_name)
    return name if name in visible_objects(org) else None


def require_object(org: Org, object_name: str) -> str:
    """Return an object's own spelling, as `find_object` does; 404 when the user cannot see it."""
    name = find_object(org, object_name)
    if name is None:
        raise usual(404)
    return name


def visible_object(org: Org, object_name: str) -> str:
    """Return an object's own spelling, as `find_object` does; INVALID_TYPE when the user cannot see it."""
    name = find_object(org, object_name)
    if name is None:
        raise ApiRefusal(
            400,
            "INVALID_TYPE",
            f"sObject type '{object_name}' is not supported. If you are attempting to use a custom object, be sure to "
            "append the '__c' after the entity name. Please reference your WSDL or the describe call for the "
            "appropriate names.",
        )
    return name


def visible_fields(org: Org, object_name: str) -> Mapping[str, Field]:
    """Return the fields by their names in lower case: SOQL does not mind the case."""
    hidden = {name.lower() for name in org.flags.hidden_fields}
    return {
        name.lower(): field
        for name, field in org.tables[object_name].fields.items()
        if f"{object_name}.{name}".lower() not in hidden
        and (field.feature is None or getattr(org.flags, field.feature))
    }


def reader(org: Org, field: Field) -> Reader:
    name = field.name
    if name in {"CurrencyIsoCode", "DefaultCurrencyIsoCode"}:
        return lambda row: row.fields.get(name) or CORPORATE_CURRENCY
    if name == "IsPersonAccount":
        return lambda row: row.fields.get(name) is True
    if field.type == "address":
        return _address_reader(org, name.removesuffix("Address"))
    if org.flags.state_country_picklists:
        for prefix in ("Billing", "Shipping", "Mailing"):
            if name.startswith(prefix) and (part := name.removeprefix(prefix)) in _PLACE_PARTS:
                return lambda row: _place(row, prefix)[part]
    return lambda row: row.fields.get(name)


def _place(row: Row, prefix: str) -> dict[str, Value]:
    """Return countries and states as the picklists have them; what is in none of them stays text without a code."""
    country_text, state_text = row.fields.get(f"{prefix}Country"), row.fields.get(f"{prefix}State")
    country = places.country(row.fields.get(f"{prefix}CountryCode") or country_text)
    state = places.state(country, row.fields.get(f"{prefix}StateCode") or state_text)
    return {
        "Country": country.label if country else country_text,
        "CountryCode": country.code if country else None,
        "State": state.label if state else state_text,
        "StateCode": state.code if state else None,
    }


def _address_reader(org: Org, prefix: str) -> Reader:
    def read(row: Row) -> Shown:
        told = {part: row.fields.get(f"{prefix}{part}") for part in ("Street", "City", "PostalCode")}
        if org.flags.state_country_picklists:
            told |= _place(row, prefix)
        else:
            told |= {part: row.fields.get(f"{prefix}{part}") for part in ("Country", "State")}
        if not any(told.values()):
            return None
        named: dict[str, Value] = {part[0].lower() + part[1:]: value for part, value in told.items()}
        return named | {"geocodeAccuracy": None, "latitude": None, "longitude": None}

    return read
