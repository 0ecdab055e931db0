"""The records that the suite puts into a CRM, and how it knows them again in what a provider brings."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from astrelo.domain.identifiers import ObjectType
from astrelo.domain.records import CompanyRecord, ContactRecord, CrmRecord, DealRecord

MANY = 2_010
"""Records that make at least three pages of every stream: a page holds about 1,000 at the most. They also make
a long stream where a CRM has another way for those, whose threshold is to be set below `SEVERAL`."""

SEVERAL = 600
"""Records that make more than one request wherever they are read."""


@dataclass(frozen=True, slots=True)
class Company:
    name: str
    city: str | None = None
    owner: str | None = None
    """The name of an owner."""


@dataclass(frozen=True, slots=True)
class Contact:
    name: str
    """The last name."""
    title: str | None = None
    company: str | None = None


@dataclass(frozen=True, slots=True)
class Deal:
    name: str
    amount: int | None = None
    company: str | None = None
    contacts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Owner:
    name: str
    """The last name."""
    archived: bool = False


RecordDraft = Company | Contact | Deal | Owner


class Version(NamedTuple):
    """A record as the suite compares it: by its name, and by which of its versions it is."""

    name: str
    number: int


def draft(object_type: ObjectType, name: str, number: int = 1) -> RecordDraft:
    """Make a record whose content says which version of it it is."""
    match object_type:
        case ObjectType.COMPANIES:
            return Company(name, city=f"City {number}")
        case ObjectType.CONTACTS:
            return Contact(name, title=f"Title {number}")
        case ObjectType.DEALS:
            return Deal(name, amount=number)


def drafts(object_type: ObjectType, names: Iterable[str], number: int = 1) -> list[RecordDraft]:
    return [draft(object_type, name, number) for name in names]


def some_names(count: int) -> list[str]:
    """Return so many names, in order."""
    return [f"N{number:05}" for number in range(1, count + 1)]


def name_of(record: CrmRecord) -> str:
    name = record.last_name if isinstance(record, ContactRecord) else record.name
    assert name is not None
    return name


def version_of(record: CrmRecord) -> Version:
    content = _content(record)
    return Version(name_of(record), int(str(content or 0).rpartition(" ")[2]))


def names_in(records: Iterable[CrmRecord]) -> list[str]:
    """Return the records' names in order; one that came twice is named twice."""
    return sorted(map(name_of, records))


def _content(record: CrmRecord) -> str | Decimal | None:
    match record:
        case CompanyRecord():
            return record.hq_city
        case ContactRecord():
            return record.job_title
        case DealRecord():
            return record.amount
