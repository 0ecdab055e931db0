"""What there is to ask for: versions, resources, objects and their fields, limits."""

from crm_sandbox.messages import Response, json_response
from crm_sandbox.salesforce.errors import usual
from crm_sandbox.salesforce.ids import PREFIXES
from crm_sandbox.salesforce.org import Org
from crm_sandbox.salesforce.parameters import Call
from crm_sandbox.salesforce.schema import Field
from crm_sandbox.salesforce.visibility import find_object, visible_fields, visible_objects

OLDEST_VERSION = 31
"""31 to 40 are unsupported and still answer; 21 to 30 are gone since Summer '25."""
_FIRST_SPRING = 51
"""v51.0 was Spring '21: three versions a year, Spring, Summer and Winter (of the next year)."""
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


def versions(newest: int) -> Response:
    return json_response(
        [
            {"label": _label(number), "url": f"/services/data/v{number}.0", "version": f"{number}.0"}
            for number in range(OLDEST_VERSION, newest + 1)
        ]
    )


def _label(number: int) -> str:
    years, season = divmod(number - _FIRST_SPRING, 3)
    name = ("Spring", "Summer", "Winter")[season]
    return f"{name} '{21 + years + (season == 2):02}"  # noqa: PLR2004 - winter is named after the year to come


def resources(call: Call) -> Response:
    call.allow_only()
    names = ("sobjects", "query", "queryAll", "limits", "jobs")
    return json_response({name: f"{call.base_path}/{name}" for name in names})


def list_objects(call: Call) -> Response:
    call.allow_only()
    objects = [_object(call, name) for name in visible_objects(call.org)]
    return json_response({"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": objects})


def describe_object(call: Call, told: str) -> Response:
    call.allow_only()
    name = find_object(call.org, told)
    if name is None:
        raise usual(404)
    fields = [_field(call.org, name, field) for field in visible_fields(call.org, name).values()]
    return json_response(
        _object(call, name) | {"fields": fields, "childRelationships": [], "recordTypeInfos": []}
    )


def limits(call: Call) -> Response:
    call.allow_only()
    daily = {"Max": call.usage.limit, "Remaining": call.usage.remaining}
    bulk = {"Max": 10_000, "Remaining": max(10_000 - len(call.jobs.all()), 0)}
    return json_response({"DailyApiRequests": daily, "DailyBulkV2QueryJobs": bulk})


def _object(call: Call, name: str) -> dict[str, object]:
    base = f"{call.base_path}/sobjects/{name}"
    return {
        "name": name,
        "label": name,
        "labelPlural": f"{name}s",
        "keyPrefix": PREFIXES[name],
        "custom": False,
        "queryable": True,
        "retrieveable": True,
        "replicateable": "isdeleted" in visible_fields(call.org, name),
        "mergeable": name in {"Account", "Contact"},
        "urls": {"sobject": base, "describe": f"{base}/describe", "rowTemplate": f"{base}/{{ID}}"},
    }


def _field(org: Org, object_name: str, field: Field) -> dict[str, object]:
    name = field.name
    return {
        "name": name,
        "label": name,
        "type": field.type,
        "soapType": _SOAP_TYPES.get(field.type, "xsd:string"),
        "length": field.length,
        "precision": 18 if field.type in {"currency", "double"} else 3 if field.type == "percent" else 0,
        "scale": 0,
        "digits": 8 if field.type == "int" else 0,
        "nillable": field.nillable,
        "filterable": field.filterable,
        "sortable": field.filterable,
        "groupable": field.filterable and field.type not in {"datetime", "currency", "percent", "double"},
        "createable": field.type not in {"id", "address"},
        "updateable": field.type not in {"id", "address"},
        "calculated": False,
        "custom": field.custom,
        "unique": name == "Username",
        "externalId": False,
        "nameField": name == "Name",
        "picklistValues": _picklist(org, object_name, field),
        "restrictedPicklist": name.endswith(("CountryCode", "StateCode")),
        "dependentPicklist": name.endswith("StateCode"),
        "referenceTo": [field.reference_to] if field.reference_to else [],
        "relationshipName": name.removesuffix("Id") if field.reference_to else None,
        "compoundFieldName": _compound(name),
        "defaultValue": None,
    }


def _picklist(org: Org, object_name: str, field: Field) -> list[dict[str, object]]:
    values = _PICKLISTS.get((object_name, field.name), ())
    if field.name == "StageName":
        values = tuple(stage.name for stage in org.stages.all())
    return [
        {"active": True, "defaultValue": False, "label": value, "validFor": None, "value": value}
        for value in values
    ]


def _compound(name: str) -> str | None:
    for prefix in ("Billing", "Shipping", "Mailing"):
        if name.startswith(prefix) and not name.endswith("Address"):
            return f"{prefix}Address"
    return "Name" if name in {"FirstName", "LastName"} else None
