"""Versions of the rules that read values, so that records are read again when the rules change."""

from collections.abc import Mapping
from hashlib import blake2b

from astrelo.domain.identifiers import ObjectType
from astrelo.domain.records import READING_VERSION_SIZE, ReadingVersion

RULES: Mapping[ObjectType, int] = {ObjectType.COMPANIES: 2, ObjectType.CONTACTS: 2, ObjectType.DEALS: 2}
"""Raise an object type's number when the same response of a CRM gives another record."""


class ReadingVersions:
    """The versions of this process: its rules, and the reference data that they use."""

    def __init__(self, reference_edition: str) -> None:
        self._by_type = {
            object_type: ReadingVersion(
                blake2b(f"{rules} {reference_edition}".encode(), digest_size=READING_VERSION_SIZE).digest()
            )
            for object_type, rules in RULES.items()
        }

    def get(self, object_type: ObjectType) -> ReadingVersion:
        return self._by_type[object_type]
