"""HubSpot's object types, under every name that HubSpot lets a client call them: three are held, the others are not."""

import re
from dataclasses import dataclass

from crm_sandbox.hubspot.errors import missing_scopes, unknown_object_type


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

# one line for each standard type without records here: its names, a colon, the scopes of which one opens it
_NOT_HELD = """
    appointments 0-421: crm.objects.appointments.read
    calls call 0-48: crm.objects.contacts.read
    carts cart 0-142: crm.objects.carts.read
    commerce_payments commerce_payment 0-101: crm.objects.commercepayments.read
    communications communication 0-18: crm.objects.contacts.read
    contracts contract: crm.objects.contracts.read
    courses course 0-410: crm.objects.courses.read
    deal_splits deal_split 0-72: crm.dealsplits.read_write
    discounts discount 0-84: crm.objects.line_items.read e-commerce
    emails email 0-49: crm.objects.contacts.read sales-email-read
    feedback_submissions feedback_submission 0-19: crm.objects.feedback_submissions.read
    fees fee 0-85: crm.objects.line_items.read e-commerce
    goal_targets goal_target 0-74: crm.objects.goals.read
    invoices invoice 0-53: crm.objects.invoices.read
    leads lead 0-136: crm.objects.leads.read
    line_items line_item 0-8: crm.objects.line_items.read e-commerce
    listings listing 0-420: crm.objects.listings.read
    marketing_events marketing_event 0-54: crm.objects.marketing_events.read
    meetings meeting 0-47: crm.objects.contacts.read
    notes note 0-46: crm.objects.contacts.read
    orders order 0-123: crm.objects.orders.read
    partner_clients partner_client: crm.objects.partner-clients.read
    partner_services partner_service: crm.objects.partner-services.read
    postal_mail 0-116: crm.objects.contacts.read
    products product 0-7: crm.objects.products.read e-commerce
    projects project 0-970: crm.objects.projects.read
    quotes quote 0-14: crm.objects.quotes.read e-commerce
    services service 0-162: crm.objects.services.read
    subscriptions subscription 0-69: crm.objects.subscriptions.read
    tasks task 0-27: crm.objects.contacts.read
    taxes tax 0-86: crm.objects.line_items.read
    tickets ticket 0-5: tickets
    users user 0-115: crm.objects.users.read
"""
_SCOPES_OF_NOT_HELD = {
    name: scopes.split()
    for line in _NOT_HELD.strip().splitlines()
    for names, scopes in [line.split(": ")]
    for name in names.split()
}
_TYPE_ID = re.compile(r"\d+-\d+")


def find_object_type(name: str) -> ObjectType | None:
    return _BY_NAME.get(name.lower())


def object_type(name: str) -> ObjectType:
    """Find a type that the sandbox holds: another standard one is 403, whatever its scopes, and no type at all 400."""
    if kind := find_object_type(name):
        return kind
    if scopes := _SCOPES_OF_NOT_HELD.get(name.lower()):
        raise missing_scopes(scopes, f"the sandbox does not play {name}, whatever the app was granted.")
    if _TYPE_ID.fullmatch(name):
        raise unknown_object_type(f"Invalid object or event type id: {name}")
    raise unknown_object_type(f"Unable to infer object type from: {name}")
