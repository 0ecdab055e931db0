"""In whose words a portal is told: what its records are called, what they name, and what their ids look like."""

from collections.abc import Callable
from dataclasses import dataclass

_SALESFORCE_ID_LENGTHS = (15, 18)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    crm: str
    """The CRM as people call it."""
    objects: tuple[str, ...]
    associated: tuple[str, ...]
    """The objects that a record's associations may name."""
    id_shape: str
    is_id: Callable[[str], bool]
    """Whether an ASCII text has the shape of an id."""


HUBSPOT = Vocabulary(
    crm="HubSpot",
    objects=("companies", "contacts", "deals", "owners"),
    associated=("companies", "contacts", "deals"),
    id_shape="are digits",
    is_id=str.isdigit,
)
SALESFORCE = Vocabulary(
    crm="Salesforce",
    objects=("Account", "Contact", "Opportunity", "User", "OpportunityContactRole"),
    associated=("Contact",),
    id_shape=f"have {' or '.join(map(str, _SALESFORCE_ID_LENGTHS))} letters and digits",
    is_id=lambda told: told.isalnum() and len(told) in _SALESFORCE_ID_LENGTHS,
)
_VOCABULARIES = (HUBSPOT, SALESFORCE)


def vocabulary_of(object_name: str) -> Vocabulary:
    """Return the one that has the object. Raises ValueError, with a sentence that names them all, when none has."""
    for vocabulary in _VOCABULARIES:
        if object_name in vocabulary.objects:
            return vocabulary
    known = ", ".join(name for vocabulary in _VOCABULARIES for name in vocabulary.objects)
    raise ValueError(f"object is {object_name!r}; it must be one of {known}.")
