"""The property definitions of an account."""

from crm_sandbox.http.requests import Request
from crm_sandbox.http.responses import JsonResponse, Response
from crm_sandbox.hubspot.account.account import Account
from crm_sandbox.hubspot.errors import not_found
from crm_sandbox.hubspot.objects.object_types import object_type
from crm_sandbox.hubspot.parameters import read_boolean, refuse_unsimulated

_DEFAULTS = {"dataSensitivity": "non_sensitive", "locale": None, "properties": None}
"""Parameters that choose other definitions, or show them otherwise."""


def list_properties(account: Account, request: Request, type_name: str) -> Response:
    refuse_unsimulated(request, **_DEFAULTS)
    schema = account.store.tables[object_type(type_name).plural].schema
    found = (
        [] if read_boolean(request, "archived") else [definition.document() for definition in schema.values()]
    )
    return JsonResponse({"results": found})


def read_property(account: Account, request: Request, type_name: str, name: str) -> Response:
    refuse_unsimulated(request, **_DEFAULTS)
    definition = account.store.tables[object_type(type_name).plural].schema.get(name)
    if definition is None:
        raise not_found(f"No property exists with name '{name}'.")
    return JsonResponse(definition.document())
