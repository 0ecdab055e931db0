"""The describe of one field, with every key that clients read."""

import re

from crm_sandbox.salesforce.org.org import Org
from crm_sandbox.salesforce.sobjects.schema import Field

_INDUSTRIES = (
    "Agriculture", "Apparel", "Banking", "Biotechnology", "Chemicals", "Communications", "Construction",
    "Consulting", "Education", "Electronics", "Energy", "Engineering", "Entertainment", "Environmental", "Finance",
    "Food & Beverage", "Government", "Healthcare", "Hospitality", "Insurance", "Machinery", "Manufacturing", "Media",
    "Not For Profit", "Recreation", "Retail", "Shipping", "Technology", "Telecommunications", "Transportation",
    "Utilities", "Other",
)  # fmt: skip
_PICKLISTS = {
    ("Account", "Industry"): _INDUSTRIES,
    ("Account", "Type"): (
        "Prospect", "Customer - Direct", "Customer - Channel", "Channel Partner / Reseller",
        "Installation Partner", "Technology Partner", "Other",
    ),
}  # fmt: skip
_SOAP_TYPES = {"id": "tns:ID", "reference": "tns:ID", "int": "xsd:int", "boolean": "xsd:boolean"}
_SOAP_TYPES |= {"date": "xsd:date", "datetime": "xsd:dateTime", "address": "urn:address"}
_SOAP_TYPES |= dict.fromkeys(("double", "currency", "percent"), "xsd:double")
_NUMBERS = frozenset({"double", "currency", "percent"})
_READ_ONLY = frozenset({
    "Id", "IsDeleted", "CreatedDate", "LastModifiedDate", "SystemModstamp", "LastActivityDate", "MasterRecordId",
    "IsClosed", "IsWon", "IsPersonAccount", "PersonContactId",
})  # fmt: skip
_COMPOUND_NAMES = frozenset({"Contact", "User"})
"""Objects whose Name is a compound of first and last name."""
_FALSE_KEYS = (
    "aiPredictionField", "autoNumber", "calculated", "cascadeDelete", "deprecatedAndHidden",
    "displayLocationInDecimal", "encrypted", "externalId", "formulaTreatNullNumberAsZero", "highScaleNumber",
    "htmlFormatted", "namePointing", "polymorphicForeignKey", "queryByDistance", "restrictedDelete",
    "searchPrefilterable", "writeRequiresMasterRead",
)  # fmt: skip
_NULL_KEYS = (
    "calculatedFormula", "defaultValueFormula", "filteredLookupInfo", "inlineHelpText", "mask", "maskType",
    "referenceTargetField", "relationshipOrder",
)  # fmt: skip
_BYTES_PER_CHARACTER = 3


def describe_field(org: Org, object_name: str, field: Field) -> dict[str, object]:
    name = field.name
    is_read_only = _is_read_only(object_name, field)
    described: dict[str, object] = {
        "name": name,
        "label": _label(field),
        "type": field.type,
        "soapType": _SOAP_TYPES.get(field.type, "xsd:string"),
        "extraTypeInfo": _extra_type_info(object_name, field),
        "length": field.length,
        "byteLength": field.length * (1 if field.is_id else _BYTES_PER_CHARACTER),
        "digits": 8 if field.type == "int" else 0,
        "nillable": field.nillable,
        "filterable": field.filterable,
        "sortable": field.filterable,
        "aggregatable": field.filterable and field.type != "boolean",
        "groupable": field.filterable and field.type not in {"datetime", *_NUMBERS},
        "createable": not is_read_only,
        "updateable": not is_read_only,
        "permissionable": field.nillable and not is_read_only,
        "defaultedOnCreate": is_read_only or field.type == "boolean" or name == "OwnerId",
        "defaultValue": False if field.type == "boolean" else None,
        "custom": field.custom,
        "unique": name == "Username",
        "caseSensitive": False,
        "idLookup": name in {"Id", "Email", "Username"},
        "nameField": name == "Name",
        "compoundFieldName": _compound_field_name(name),
    }
    described |= _number_keys(field) | _picklist_keys(org, object_name, field) | _reference_keys(field)
    return described | dict.fromkeys(_FALSE_KEYS, False) | dict.fromkeys(_NULL_KEYS)


def split_words(name: str) -> str:
    """Split a name into words: `Billing Street` for `BillingStreet`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)


def _label(field: Field) -> str:
    words = split_words(field.name.removesuffix("__c").replace("_", " "))
    return f"{words.removesuffix(' Id')} ID" if field.is_id and field.name != "Id" else words


def _is_read_only(object_name: str, field: Field) -> bool:
    is_compound_name = field.name == "Name" and object_name in _COMPOUND_NAMES
    return is_compound_name or field.type in {"id", "address"} or field.name in _READ_ONLY


def _extra_type_info(object_name: str, field: Field) -> str | None:
    if field.type == "textarea":
        return "plaintextarea"
    return "personname" if field.name == "Name" and object_name in _COMPOUND_NAMES else None


def _number_keys(field: Field) -> dict[str, object]:
    if field.type not in _NUMBERS:
        return {"precision": 0, "scale": 0}
    scales = {"Amount": 2, "ConversionRate": 6}
    return {"precision": 3 if field.type == "percent" else 18, "scale": scales.get(field.name, 0)}


def _picklist_keys(org: Org, object_name: str, field: Field) -> dict[str, object]:
    values = _PICKLISTS.get((object_name, field.name), ())
    if field.name == "StageName":
        values = tuple(stage.name for stage in org.stages)
    dependent = field.name.endswith("StateCode")
    return {
        "picklistValues": [
            {"active": True, "defaultValue": False, "label": value, "validFor": None, "value": value}
            for value in values
        ],
        "restrictedPicklist": field.name.endswith(("CountryCode", "StateCode")),
        "dependentPicklist": dependent,
        "controllerName": f"{field.name.removesuffix('StateCode')}CountryCode" if dependent else None,
    }


def _reference_keys(field: Field) -> dict[str, object]:
    return {
        "referenceTo": [field.reference_to] if field.reference_to else [],
        "relationshipName": field.name.removesuffix("Id") if field.reference_to else None,
    }


def _compound_field_name(name: str) -> str | None:
    for prefix in ("Billing", "Shipping", "Mailing"):
        if name.startswith(prefix) and not name.endswith("Address"):
            return f"{prefix}Address"
    return "Name" if name in {"FirstName", "LastName"} else None
