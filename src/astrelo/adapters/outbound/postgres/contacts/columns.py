"""The columns of contacts."""

from collections.abc import Mapping

from astrelo.adapters.outbound.postgres.session.columns import Column, fold_column
from astrelo.domain.normalization import search_email

CONTACT_COLUMNS = (
    Column("id", "uuid", nullable=False, updated=False, view="{}"),
    Column("external_provider_id", field="record_id", nullable=False, updated=False, view="{}"),
    Column("source_updated_at", "timestamptz", nullable=False, view="{}"),
    Column("content_hash", "bytea", nullable=False),
    Column("email", view="{}"),
    Column(
        "email_folded",
        field="email",
        encode=lambda emails: [email and search_email(email) for email in emails],
    ),
    Column("email_host"),
    Column("email_registrable_domain"),
    Column("email_kind", nullable=False),
    Column("additional_emails", "text[]", view="coalesce({}, '{{}}')"),
    Column("additional_email_domains", "text[]"),
    Column("first_name", view="{}"),
    Column("first_name_folded", field="first_name", encode=fold_column),
    Column("last_name", view="{}"),
    Column("last_name_folded", field="last_name", encode=fold_column),
    Column("job_title", view="{}"),
    Column("phone", view="{}"),
    Column("lifecycle_stage", view="{}"),
    Column("is_person_account", "boolean", nullable=False),
    Column("owner_provider_id", field="owner_id"),
    Column("provider_company_id"),
    Column("company_association"),
    Column("company_id", "uuid", view="{}"),
    Column("company_match", field="match", view="{}"),
    Column("unlinked_reason", view="{}"),
)

CONTACT_LISTS: Mapping[str, tuple[Column, ...]] = {
    "contact_columns": CONTACT_COLUMNS,
    "contact_updated": tuple(column for column in CONTACT_COLUMNS if column.updated),
    "contact_shown": tuple(column for column in CONTACT_COLUMNS if column.view),
}
"""What `contacts/queries.sql` repeats a pattern for."""
