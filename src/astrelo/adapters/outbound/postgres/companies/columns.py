"""The columns of company records, and of the companies that show them."""

from collections.abc import Mapping
from typing import NamedTuple

from astrelo.adapters.outbound.postgres.session.columns import Column, fold_column
from astrelo.domain.golden_record import COLUMNS, MAIN_COLUMNS, FieldGroup

_GROUPS = {column: group for group, columns in COLUMNS.items() for column in columns}


def _golden(name: str, sql_type: str = "text", field: str = "", view: str = "{}") -> Column:
    """Make a column that companies show, of the record that has its group."""
    return Column(name, sql_type, field, group=_GROUPS[name], view=view)


COMPANY_COLUMNS = (
    Column("external_provider_id", field="record_id", nullable=False, updated=False),
    Column("company_id", "uuid", nullable=False),
    Column("source_updated_at", "timestamptz", nullable=False),
    Column("content_hash", "bytea", nullable=False),
    Column("domain"),
    Column("identity_domain"),
    _golden("company_name", field="name"),
    Column("company_name_folded", field="name", encode=fold_column, group=FieldGroup.NAME),
    _golden("industry"),
    _golden("naics"),
    _golden("sic"),
    _golden("employee_count", "bigint"),
    _golden("annual_revenue", "numeric", view="{}::text"),
    _golden("annual_revenue_currency"),
    _golden("annual_revenue_usd", "numeric", view="{}::text"),
    _golden("annual_revenue_rate_date", "date"),
    _golden("revenue_range"),
    _golden("hq_country"),
    _golden("hq_region"),
    _golden("hq_city"),
    _golden("description"),
    _golden("phone"),
    _golden("linkedin_url"),
    _golden("lifecycle_stage"),
    Column("owner_provider_id", field="owner_id"),
    Column("additional_domains", "text[]"),
)
"""A new one is its line here, a field of CompanyRecord, its place in golden_record.COLUMNS, a field of
CompanyView, the CRMs' mappings, and a migration of both tables; tests name what is missing."""


class RecordGroup(NamedTuple):
    """A group of columns that company records have, for the statement that chooses among them."""

    name: str
    columns: tuple[str, ...]

    @property
    def condition(self) -> str:
        """Whether a record has it, in SQL."""
        cells = [f"(ranked.record).{column}" for column in self.columns]
        return f"{cells[0]} is not null" if len(cells) == 1 else f"coalesce({', '.join(cells)}) is not null"


COMPANY_LISTS: Mapping[str, tuple[Column, ...] | tuple[RecordGroup, ...]] = {
    "company_columns": COMPANY_COLUMNS,
    "company_updated": tuple(column for column in COMPANY_COLUMNS if column.updated),
    "company_golden": tuple(column for column in COMPANY_COLUMNS if column.group),
    "company_shown": tuple(column for column in COMPANY_COLUMNS if column.view),
    "company_groups": tuple(
        RecordGroup(group, columns) for group, columns in MAIN_COLUMNS.items() if group is not FieldGroup.REP
    ),
}
"""What `companies/queries.sql` repeats a pattern for. The rep is no column of a record: its owner leads to it."""
