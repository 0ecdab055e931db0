"""Values of enums that SQL spells: one that only SQL knows, or only the domain, shows here."""

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum

import msgspec
import pytest

from astrelo.adapters.outbound.postgres.session.migrate import MIGRATIONS
from astrelo.adapters.outbound.postgres.session.statements import statements
from astrelo.application.read.views import LinkCounts, UnlinkedCounts
from astrelo.domain.connection import ConnectionStatus
from astrelo.domain.contact import CompanyMatch, UnlinkedReason
from astrelo.domain.deal import DealUnlinkedReason
from astrelo.domain.golden_record import FieldGroup
from astrelo.domain.identifiers import ObjectType
from astrelo.domain.records import CompanyAssociation, EmailKind
from astrelo.domain.sync import RunStatus, StepStatus, SyncMode
from astrelo.domain.webhook_endpoints.deliveries import DeliveryStatus

OF_COLUMN: Mapping[str, tuple[type[StrEnum], ...]] = {
    "unlinked_reason": (UnlinkedReason, DealUnlinkedReason),
    "company_match": (CompanyMatch,),
    "company_association": (CompanyAssociation,),
    "email_kind": (EmailKind,),
    "field_group": (FieldGroup,),
    "mode": (SyncMode,),
    "sync_requested_mode": (SyncMode,),
    "status": (ConnectionStatus, RunStatus, StepStatus, DeliveryStatus),
    "owners_status": (StepStatus,),
}
"""The enums of each column whose values SQL spells."""

NO_ENUM = {("content_hash", ""), ("entrypoint", "sync"), ("entrypoint", "webhook")}
"""Columns that are compared with something else: the hash of nothing, and the queue's names for our jobs."""

SPELT_WHOLE: Mapping[str, tuple[Iterable[StrEnum], ...]] = {
    "relink_contacts": (CompanyMatch, UnlinkedReason, set(EmailKind) - {EmailKind.BUSINESS}),
    "relink_deals": (DealUnlinkedReason, {CompanyMatch.PROVIDER_ID}),
    "count_records": (CompanyMatch, UnlinkedReason, ObjectType),
    "refresh_companies": (FieldGroup,),
    "remember_sync_request": (
        [mode for mode in SyncMode if any(mode.covers(o) for o in SyncMode if o != mode)],
    ),
}
"""Statements that have a case for every value: of the e-mail's kinds the last, of the modes the least, is the rest."""

_COMPARED = re.compile(r"(?<![$:])\b(\w+) (?:=|<>|is distinct from) '(\w*)'")
_LISTED = re.compile(r"\b(\w+) in \(((?:'\w+'(?:, )?)+)\)")
_DECIDED = re.compile(r"case\n(.*?)\bend as (\w+)", re.DOTALL)
_OUTCOME = re.compile(r"\b(?:then|else) '(\w+)'")
_ASSIGNED_STATUS = re.compile(r"alter table \w+ add column (\w+) [^;]*? default '(\w+)'")
_OPEN_RUNS = re.compile(r"status in \(('queued', 'running', 'parked')\)")


def spell(sql: str) -> set[tuple[str, str]]:
    """Every column with a value that the SQL compares it with, or gives it by a `case`."""
    found = set(_COMPARED.findall(sql))
    for column, values in _LISTED.findall(sql):
        found |= {(column, value) for value in re.findall(r"'(\w+)'", values)}
    for branches, column in _DECIDED.findall(sql):
        found |= {(column, value) for value in _OUTCOME.findall(branches)}
    return found


def unknown(found: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return sorted(
        (column, value)
        for column, value in set(found) - NO_ENUM
        if value not in {known for enum in OF_COLUMN.get(column, ()) for known in enum}
    )


def test_every_value_that_a_statement_spells_is_one_of_its_columns_enum() -> None:
    found = {name: unknown(spell(known.text)) for name, known in statements().items()}
    assert {name: values for name, values in found.items() if values} == {}
    assert spell(statements()["relink_deals"].text) >= {
        ("unlinked_reason", "not_associated"),
        ("company_association", "ambiguous"),
    }


@pytest.mark.parametrize("name", SPELT_WHOLE)
def test_a_statement_with_a_case_for_each_value_leaves_none_out(name: str) -> None:
    text = statements()[name].text
    assert [value for values in SPELT_WHOLE[name] for value in values if f"'{value}'" not in text] == []


def test_the_counts_that_the_api_shows_have_every_reason() -> None:
    assert {field.name for field in msgspec.structs.fields(UnlinkedCounts)} == set(UnlinkedReason)
    assert {field.name for field in msgspec.structs.fields(LinkCounts)} == set(CompanyMatch)


def test_an_open_run_is_the_same_in_the_domain_and_in_the_schema() -> None:
    schema = "".join(file.read_text(encoding="utf-8") for file in sorted(MIGRATIONS.glob("*.sql")))
    listed = [set(re.findall(r"'(\w+)'", found)) for found in _OPEN_RUNS.findall(schema)]
    assert listed == [{status.value for status in RunStatus if status.is_open}]
    defaults = [(column, value) for column, value in _ASSIGNED_STATUS.findall(schema) if "status" in column]
    assert defaults
    assert unknown(defaults) == []
