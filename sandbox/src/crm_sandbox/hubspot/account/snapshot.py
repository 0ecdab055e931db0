"""Records between a dataset and a store: loaded from it, and read back as they are now."""

from collections.abc import Iterator

from crm_sandbox.datasets import Association, DatasetRecord
from crm_sandbox.hubspot.account.store import Record, Store

ASSOCIATION_SIDES: dict[str, tuple[str, ...]] = {
    "companies": ("companies",),
    "contacts": ("companies", "contacts"),
    "deals": ("companies", "contacts", "deals"),
}
"""On which side an association is written. Among records of one type it is written on both."""


def to_record(record: DatasetRecord) -> Record:
    return Record(
        id=record.id,
        properties=dict(record.properties),
        created_at=record.created_at,
        updated_at=record.updated_at,
        archived_at=record.updated_at if record.archived else None,
    )


def read_dataset_records(store: Store) -> Iterator[DatasetRecord]:
    """Read live and archived records, with the associations to archived ones too, in the order of their ids."""
    for kind, targets in ASSOCIATION_SIDES.items():
        for record in store.tables[kind].all():
            yield DatasetRecord(
                object=kind,
                id=record.id,
                properties=dict(record.properties),
                created_at=record.created_at,
                updated_at=record.updated_at,
                archived=record.archived,
                associations={
                    target: [Association(id=found, primary=primary) for found, primary in linked.items()]
                    for target in targets
                    if (linked := store.links.of(kind, record.id, target))
                },
            )
