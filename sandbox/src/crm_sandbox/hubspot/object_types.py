"""The three CRM object types the sandbox keeps, under every name HubSpot lets a client call them."""

from dataclasses import dataclass

from crm_sandbox.hubspot.errors import invalid


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectType:
    plural: str
    singular: str
    type_id: str
    modified_property: str
    always: tuple[str, ...]
    by_default: tuple[str, ...]
    searchable: tuple[str, ...]

    @property
    def scope(self) -> str:
        return f"crm.objects.{self.plural}.read"


COMPANIES = ObjectType(
    plural="companies",
    singular="company",
    type_id="0-2",
    modified_property="hs_lastmodifieddate",
    always=("createdate", "hs_lastmodifieddate", "hs_object_id"),
    by_default=("name", "domain"),
    searchable=("website", "phone", "name", "domain"),
)
CONTACTS = ObjectType(
    plural="contacts",
    singular="contact",
    type_id="0-1",
    modified_property="lastmodifieddate",
    always=("createdate", "lastmodifieddate", "hs_object_id"),
    by_default=("firstname", "lastname", "email"),
    searchable=("firstname", "lastname", "email", "phone", "hs_additional_emails", "mobilephone", "company"),
)
DEALS = ObjectType(
    plural="deals",
    singular="deal",
    type_id="0-3",
    modified_property="hs_lastmodifieddate",
    always=("createdate", "hs_lastmodifieddate", "hs_object_id"),
    by_default=("dealname", "amount", "closedate", "pipeline", "dealstage"),
    searchable=("dealname", "pipeline", "dealstage", "description", "dealtype"),
)
OBJECT_TYPES = (COMPANIES, CONTACTS, DEALS)
READ_SCOPES = tuple(kind.scope for kind in OBJECT_TYPES)
_BY_NAME = {name: kind for kind in OBJECT_TYPES for name in (kind.plural, kind.singular, kind.type_id)}


def plural_name(name: str) -> str | None:
    kind = _BY_NAME.get(name.lower())
    return None if kind is None else kind.plural


def object_type(name: str) -> ObjectType:
    kind = _BY_NAME.get(name.lower())
    if kind is None:
        raise invalid(f"Unable to infer object type from: {name}")
    return kind
