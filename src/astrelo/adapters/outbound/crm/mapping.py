"""What mapping any CRM's records takes: ids, places, currencies, and an account of what could not be read."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from astrelo.domain.identifiers import MAX_RECORD_ID_LENGTH, RecordId
from astrelo.domain.normalization import (
    Email,
    email_address,
    has_text,
    identity_domain,
    text,
    truncate_text,
    web_domain,
)
from astrelo.domain.ports.reference import ReferenceData
from astrelo.domain.records import RejectedRecord, RejectionReason


def record_id(told: str | None) -> RecordId | None:
    """Return the id if it can be kept as it is: mending it could make it another record's."""
    if not told or len(told) > MAX_RECORD_ID_LENGTH:
        return None
    return RecordId(told) if told.isalnum() or text(told) == told else None


def rejected(told_id: str | None, known_id: RecordId | None) -> RejectedRecord:
    """Tell why a record without a usable id, or else without a modification time, is not kept."""
    reason = RejectionReason.BAD_ID if known_id is None else RejectionReason.NO_MODIFIED_TIME
    return RejectedRecord(truncate_text(told_id, MAX_RECORD_ID_LENGTH), reason)


def unreadable(
    fields: Sequence[str], told: tuple[str | None, ...], read: tuple[object, ...]
) -> tuple[str, ...]:
    """Return the fields whose raw value says something and could not be read. Counting first keeps clean records cheap.

    What is read may be None where something is told, never the other way round. For a Decimal pass whether it
    is there (`value is not None or None`): comparing one with None costs as much as reading it.
    """
    if told.count(None) == read.count(None):
        return ()
    return tuple(
        field
        for field, value, result in zip(fields, told, read, strict=True)
        if result is None and has_text(value)
    )


def currency_of(value: Decimal | None, told: str | None, read: str | None, default: str | None) -> str | None:
    """Assume the account's currency only where none is told: a wrong one would be worse than none."""
    return default if value is not None and not told else read


def additional_domains(
    told: Sequence[str], identity: str | None, reference: ReferenceData
) -> tuple[str, ...]:
    """Read further domains of a firm: those that could be its identity, sorted, without the one that is."""
    domains = {identity_domain(web_domain(one, reference), reference) for one in told}
    return tuple(sorted(domain for domain in domains if domain is not None and domain != identity))


class AdditionalEmails(NamedTuple):
    """Further addresses of a person, and the domains of those that are a firm's. Both without repeats."""

    addresses: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()


NO_ADDITIONAL_EMAILS = AdditionalEmails()


def additional_emails(told: Sequence[str], first: Email, reference: ReferenceData) -> AdditionalEmails:
    """Read further addresses, in their order; `first` is the person's first, and not repeated."""
    emails: dict[str, Email] = {}
    for email in (email_address(one, reference) for one in told):
        if email.address is not None and email.address != first.address:
            emails.setdefault(email.address, email)
    domains = (domain for email in emails.values() for domain in (email.host, email.registrable_domain))
    return AdditionalEmails(tuple(emails), tuple(dict.fromkeys(filter(None, domains))))


class Address(NamedTuple):
    """A country and a part of it, as a CRM tells them: by codes, and by names, which people type."""

    country_code: str | None
    country: str | None
    region_code: str | None
    region: str | None


def country_and_region(place: Address, reference: ReferenceData) -> tuple[str | None, str | None]:
    """Prefer codes to names. A region is looked for only in a country that is known."""
    country = reference.country(place.country_code) if place.country_code else None
    if country is None and place.country:
        country = reference.country(place.country)
    if country is None:
        return None, None
    region = reference.region(country, place.region_code) if place.region_code else None
    if region is None and place.region:
        region = reference.region(country, place.region)
    return country, region


class DealStatus(NamedTuple):
    """Where a deal stands, as its own fields or its stage tell."""

    probability: Decimal | None = None
    is_closed: bool | None = None
    is_won: bool | None = None

    def completed_by(self, stage: "DealStatus") -> "DealStatus":
        """Fill what a deal does not say from its stage: a won deal is closed, an open one is not won."""
        likely, closed, won = self
        if closed is None:
            closed = True if won else stage.is_closed
        if won is None:
            won = stage.is_won if closed else closed
        return DealStatus(stage.probability if likely is None else likely, closed, won)
