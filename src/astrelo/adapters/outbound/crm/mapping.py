"""What the mappings of all CRMs share: ids, addresses, currencies, and the report on unreadable fields."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from astrelo.domain import normalization
from astrelo.domain.identifiers import MAX_RECORD_ID_LENGTH, RecordId
from astrelo.domain.ports.reference import ReferenceData
from astrelo.domain.records import RejectedRecord, RejectionReason


def record_id(raw: str | None) -> RecordId | None:
    """Return the id if it can be stored unchanged: a repaired id could be another record's."""
    if not raw or len(raw) > MAX_RECORD_ID_LENGTH:
        return None
    return RecordId(raw) if raw.isalnum() or normalization.text(raw) == raw else None


def reject_record(raw_id: str | None, known_id: RecordId | None) -> RejectedRecord:
    """Reject a record because its id is not usable, or else because it has no modification time."""
    reason = RejectionReason.BAD_ID if known_id is None else RejectionReason.NO_MODIFIED_TIME
    return RejectedRecord(normalization.truncate_text(raw_id, MAX_RECORD_ID_LENGTH), reason)


def find_unreadable(
    fields: Sequence[str], raw_values: tuple[str | None, ...], parsed_values: tuple[object, ...]
) -> tuple[str, ...]:
    """Return the fields whose raw value is not empty and could not be parsed.

    Counting first keeps clean records cheap: a parsed value may be None where the raw one is not, never the other way
    round. For a Decimal pass whether it is there (`value is not None or None`): comparing one with None costs as much
    as parsing it.
    """
    if raw_values.count(None) == parsed_values.count(None):
        return ()
    return tuple(
        field
        for field, raw, parsed in zip(fields, raw_values, parsed_values, strict=True)
        if parsed is None and normalization.has_text(raw)
    )


def currency_or_default(
    value: Decimal | None, raw: str | None, parsed: str | None, default: str | None
) -> str | None:
    """Assume the account's currency only where the record names none: a wrong one would be worse than none."""
    return default if value is not None and not raw else parsed


def additional_domains(
    raw_domains: Sequence[str], identity: str | None, reference: ReferenceData
) -> tuple[str, ...]:
    """Return further domains of a company: sorted, only those that could be its identity, without the one that is."""
    domains = {
        normalization.identity_domain(normalization.web_domain(raw, reference), reference)
        for raw in raw_domains
    }
    return tuple(sorted(domain for domain in domains if domain is not None and domain != identity))


class AdditionalEmails(NamedTuple):
    """Further addresses of a person, and the domains of those that belong to a company. Both without repeats."""

    addresses: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()


NO_ADDITIONAL_EMAILS = AdditionalEmails()


def additional_emails(
    raw_emails: Sequence[str], first: normalization.Email, reference: ReferenceData
) -> AdditionalEmails:
    """Parse further addresses, in their order; `first` is the person's main address and not repeated."""
    emails: dict[str, normalization.Email] = {}
    for email in (normalization.email_address(raw, reference) for raw in raw_emails):
        if email.address is not None and email.address != first.address:
            emails.setdefault(email.address, email)
    domains = (domain for email in emails.values() for domain in (email.host, email.registrable_domain))
    return AdditionalEmails(tuple(emails), tuple(dict.fromkeys(filter(None, domains))))


class Address(NamedTuple):
    """A country and a part of it, as a CRM has them: codes, and names, which people type."""

    country_code: str | None
    country: str | None
    region_code: str | None
    region: str | None


def country_and_region(address: Address, reference: ReferenceData) -> tuple[str | None, str | None]:
    """Prefer codes to names. Look for a region only in a country that is known."""
    country = reference.country(address.country_code) if address.country_code else None
    if country is None and address.country:
        country = reference.country(address.country)
    if country is None:
        return None, None
    region = reference.region(country, address.region_code) if address.region_code else None
    if region is None and address.region:
        region = reference.region(country, address.region)
    return country, region


class DealStatus(NamedTuple):
    """How likely a deal is to be won, whether it is closed and won: by its own fields, or by its stage."""

    probability: Decimal | None = None
    is_closed: bool | None = None
    is_won: bool | None = None

    def fill_from(self, stage: "DealStatus") -> "DealStatus":
        """Fill what the deal leaves open from its stage: a won deal is closed, an open one is not won."""
        likely, closed, won = self
        if closed is None:
            closed = True if won else stage.is_closed
        if won is None:
            won = stage.is_won if closed else closed
        return DealStatus(stage.probability if likely is None else likely, closed, won)
