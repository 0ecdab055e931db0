"""The CRMs' record formats: what objects are called, what associations name, and what ids look like."""

from collections.abc import Callable
from dataclasses import dataclass

_SALESFORCE_ID_LENGTHS = (15, 18)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFormat:
    crm: str
    """The CRM as people call it."""
    objects: tuple[str, ...]
    associated: tuple[str, ...]
    """The objects that a record's associations may name."""
    id_shape: str
    is_id: Callable[[str], bool]
    """Whether an ASCII text has the shape of an id."""


HUBSPOT = RecordFormat(
    crm="HubSpot",
    objects=("companies", "contacts", "deals", "owners"),
    associated=("companies", "contacts", "deals"),
    id_shape="are digits",
    is_id=str.isdigit,
)
SALESFORCE = RecordFormat(
    crm="Salesforce",
    objects=("Account", "Contact", "Opportunity", "User", "OpportunityContactRole"),
    associated=("Contact",),
    id_shape=f"have {' or '.join(map(str, _SALESFORCE_ID_LENGTHS))} letters and digits",
    is_id=lambda text: text.isalnum() and len(text) in _SALESFORCE_ID_LENGTHS,
)
_RECORD_FORMATS = (HUBSPOT, SALESFORCE)


def find_record_format(object_name: str) -> RecordFormat:
    """Return the format that has the object. Raises ValueError, with a sentence that names them all, when none has."""
    for record_format in _RECORD_FORMATS:
        if object_name in record_format.objects:
            return record_format
    known = ", ".join(name for record_format in _RECORD_FORMATS for name in record_format.objects)
    raise ValueError(f"object is {object_name!r}; it must be one of {known}.")
