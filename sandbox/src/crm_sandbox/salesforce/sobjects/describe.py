"""Metadata endpoints: API versions, resources, object describe, limits."""

from crm_sandbox.http.requests import Request
from crm_sandbox.http.responses import JsonResponse, Response
from crm_sandbox.salesforce.api_call import OLDEST_VERSION, ApiCall
from crm_sandbox.salesforce.bulk.jobs import MAX_DAILY_JOBS
from crm_sandbox.salesforce.org.ids import PREFIXES
from crm_sandbox.salesforce.sobjects.described_fields import describe_field, split_words
from crm_sandbox.salesforce.sobjects.visibility import (
    get_visible_fields,
    list_visible_objects,
    require_object,
)

_FIRST_SPRING = 51
"""v51.0 was Spring '21: three versions a year, Spring, Summer and Winter (of the next year)."""
_MASTER_RECORD_TYPE = "012000000000000AAA"
_WRITABLE = frozenset({"Account", "Contact", "Opportunity", "OpportunityContactRole", "User"})
_SHOWN_IN_TABS = frozenset({"Account", "Contact", "Opportunity"})
_PLURALS = {"Opportunity": "Opportunities", "OpportunityStage": "Opportunity Stages"}
_CHILD_RELATIONSHIPS = {
    ("Account", "ParentId"): "ChildAccounts",
    ("Contact", "AccountId"): "Contacts",
    ("Opportunity", "AccountId"): "Opportunities",
    ("OpportunityContactRole", "ContactId"): "OpportunityContactRoles",
    ("OpportunityContactRole", "OpportunityId"): "OpportunityContactRoles",
}
"""Relationship names from the parent to its children; other references have none."""


def list_versions(request: Request) -> Response:
    newest = request.app.state.sandbox.flags.newest_version
    return JsonResponse(
        [
            {"label": _release_name(number), "url": f"/services/data/v{number}.0", "version": f"{number}.0"}
            for number in range(OLDEST_VERSION, newest + 1)
        ]
    )


def _release_name(number: int) -> str:
    years, season = divmod(number - _FIRST_SPRING, 3)
    name = ("Spring", "Summer", "Winter")[season]
    return f"{name} '{21 + years + (season == 2):02}"  # noqa: PLR2004 - winter is named after the year to come


def list_resources(call: ApiCall) -> Response:
    call.allow_only()
    names = ("sobjects", "query", "queryAll", "limits", "jobs", "recent")
    found = {name: f"{call.base_path}/{name}" for name in names}
    return JsonResponse(found | {"identity": call.identity_url})


def list_objects(call: ApiCall) -> Response:
    call.allow_only()
    objects = [describe_briefly(call, name) for name in list_visible_objects(call.org)]
    return JsonResponse({"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": objects})


def describe_object(call: ApiCall, object_name: str) -> Response:
    call.allow_only()
    name = require_object(call.org, object_name)
    fields = [describe_field(call.org, name, field) for field in get_visible_fields(call.org, name).values()]
    described: dict[str, object] = {
        "fields": fields,
        "childRelationships": _child_relationships(call, name),
        "recordTypeInfos": [_master_record_type(call, name)],
        "supportedScopes": [{"label": "All", "name": "everything"}, {"label": "My", "name": "mine"}],
        "compactLayoutable": name in _SHOWN_IN_TABS,
        "searchLayoutable": name in _SHOWN_IN_TABS,
        "sobjectDescribeOption": "FULL",
        "actionOverrides": [],
        "namedLayoutInfos": [],
    }
    described |= dict.fromkeys(
        (
            "defaultImplementation", "extendedBy", "extendsInterfaces", "implementedBy", "implementsInterfaces",
            "listviewable", "lookupLayoutable", "networkScopeFieldName",
        )
    )  # fmt: skip
    return JsonResponse(describe_briefly(call, name) | described)


def get_limits(call: ApiCall) -> Response:
    call.allow_only()
    daily = {"Max": call.usage.limit, "Remaining": call.usage.remaining}
    bulk = {"Max": MAX_DAILY_JOBS, "Remaining": call.jobs.remaining_today()}
    return JsonResponse({"DailyApiRequests": daily, "DailyBulkV2QueryJobs": bulk})


def describe_briefly(call: ApiCall, name: str) -> dict[str, object]:
    """Describe an object without its fields, as in the list of all objects."""
    base = f"{call.base_path}/sobjects/{name}"
    writable, in_tabs = name in _WRITABLE, name in _SHOWN_IN_TABS
    described: dict[str, object] = {
        "name": name,
        "label": split_words(name),
        "labelPlural": _PLURALS.get(name, f"{split_words(name)}s"),
        "keyPrefix": PREFIXES[name],
        "createable": writable,
        "updateable": writable,
        "deletable": writable and name != "User",
        "undeletable": writable and name != "User",
        "layoutable": in_tabs,
        "mruEnabled": in_tabs,
        "feedEnabled": in_tabs,
        "triggerable": in_tabs,
        "searchable": in_tabs or name == "User",
        "queryable": True,
        "retrieveable": True,
        "replicateable": writable,
        "mergeable": name in {"Account", "Contact"},
        "deepCloneable": False,
        "associateEntityType": None,
        "associateParentEntity": None,
        "urls": {"sobject": base, "describe": f"{base}/describe", "rowTemplate": f"{base}/{{ID}}"},
    }
    absent = ("activateable", "custom", "customSetting", "dataTranslationEnabled", "deprecatedAndHidden")
    return described | dict.fromkeys((*absent, "hasSubtypes", "isInterface", "isSubtype"), False)


def _child_relationships(call: ApiCall, parent: str) -> list[dict[str, object]]:
    """List the fields of visible objects that refer to an object."""
    return [
        {
            "childSObject": child,
            "field": field.name,
            "relationshipName": _CHILD_RELATIONSHIPS.get((child, field.name)),
            "cascadeDelete": (child, field.name) in _CHILD_RELATIONSHIPS and child != parent,
            "deprecatedAndHidden": False,
            "junctionIdListNames": [],
            "junctionReferenceTo": [],
            "restrictedDelete": False,
        }
        for child in list_visible_objects(call.org)
        for field in get_visible_fields(call.org, child).values()
        if field.reference_to == parent
    ]


def _master_record_type(call: ApiCall, name: str) -> dict[str, object]:
    """Describe the record type of an org without record types of its own."""
    layout = f"{call.base_path}/sobjects/{name}/describe/layouts/{_MASTER_RECORD_TYPE}"
    return {
        "active": True,
        "available": True,
        "defaultRecordTypeMapping": True,
        "developerName": "Master",
        "master": True,
        "name": "Master",
        "recordTypeId": _MASTER_RECORD_TYPE,
        "urls": {"layout": layout},
    }
