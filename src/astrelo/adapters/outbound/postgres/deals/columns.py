"""The columns of deals."""

from collections.abc import Mapping

from astrelo.adapters.outbound.postgres.session.columns import Column, as_array

DEAL_COLUMNS = (
    Column("id", "uuid", nullable=False, updated=False, view="{}"),
    Column("external_provider_id", field="record_id", nullable=False, updated=False, view="{}"),
    Column("source_updated_at", "timestamptz", nullable=False, view="{}"),
    Column("content_hash", "bytea", nullable=False),
    Column("name", view="{}"),
    Column("amount", "numeric", view="{}::text"),
    Column("currency", view="{}"),
    Column("amount_usd", "numeric", view="{}::text"),
    Column("amount_rate_date", "date", view="{}"),
    Column("pipeline_id", view="{}"),
    Column("pipeline_label", view="{}"),
    Column("stage_id", view="{}"),
    Column("stage_label", view="{}"),
    Column("probability", "numeric", view="{}::float8"),
    Column("is_closed", "boolean", view="{}"),
    Column("is_won", "boolean", view="{}"),
    Column("close_date", "timestamptz", view="{}"),
    Column("owner_provider_id", field="owner_id"),
    Column(
        "provider_contact_ids",
        "text[]",
        field="contact_ids",
        encode=lambda cells: [as_array(values) for values in cells],
        nullable=False,
    ),
    Column("provider_company_id"),
    Column("company_association"),
    Column("company_id", "uuid", view="{}"),
    Column("company_match", field="match", view="{}"),
    Column("unlinked_reason", view="{}"),
)

DEAL_LISTS: Mapping[str, tuple[Column, ...]] = {
    "deal_columns": DEAL_COLUMNS,
    "deal_updated": tuple(column for column in DEAL_COLUMNS if column.updated),
    "deal_shown": tuple(column for column in DEAL_COLUMNS if column.view),
}
"""What `deals/queries.sql` repeats a pattern for."""
