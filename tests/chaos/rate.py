"""`python -m tests.chaos.rate`: a minute at HubSpot's own limits; was the window ever passed, and was it used?"""

import asyncio
import sys
import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import groupby

import click

from astrelo.bootstrap.logging import configure_logging
from astrelo.bootstrap.settings import LogFormat
from astrelo.domain.identifiers import Provider
from astrelo.domain.sync import RunStatus
from crm_sandbox import Dataset, DatasetRecord, serve_in_thread
from crm_sandbox.hubspot import create_sandbox
from crm_sandbox.journal import Entry
from tests.chaos.crms.hubspot import HUBSPOT
from tests.chaos.customer import Customer, settings_for
from tests.chaos.database import Database, own_database

LIMIT = 110
WINDOW_SECONDS = 10.0
LATENCY_MS = 100
RECORDS_OF_EACH_TYPE = 23_000
"""Three streams of so many fill the limit for a minute."""
MIN_SHARE = 0.9
_STAMP = "2025-06-01T09:00:00.000Z"


def records() -> Iterator[DatasetRecord]:
    for kind in ("companies", "contacts", "deals"):
        for number in range(1, RECORDS_OF_EACH_TYPE + 1):
            yield DatasetRecord(
                object=kind, id=str(number), properties={}, created_at=_STAMP, updated_at=_STAMP
            )


async def sync(database: Database, url: str) -> None:
    settings = settings_for(await database.fresh(), 8000, 600, HUBSPOT.environ(url))
    async with Customer.of(settings) as customer:
        await customer.connect(Provider.HUBSPOT)
        run = await customer.sync_here(Provider.HUBSPOT)
    if run.status is not RunStatus.COMPLETED:
        sys.exit(f"The run ended as {run.status}: {run.reason}")


def busy_span(entries: Sequence[Entry]) -> tuple[float, float]:
    """Find from when until when at least two object types were listed."""
    lists = sorted(
        (entry for entry in entries if entry.endpoint.startswith("GET /crm/objects/")),
        key=lambda entry: (entry.endpoint, entry.time),
    )
    spans = [list(span) for _, span in groupby(lists, key=lambda entry: entry.endpoint)]
    return min(span[0].time for span in spans), sorted(span[-1].time for span in spans)[-2]


def main() -> None:
    configure_logging("error", LogFormat.CONSOLE)
    click.echo(f"syncing {3 * RECORDS_OF_EACH_TYPE} records at {LATENCY_MS} ms, about a minute …")
    sandbox = create_sandbox(Dataset.from_records(records()), latency_ms=LATENCY_MS)
    started = time.monotonic()
    with own_database() as database, serve_in_thread(sandbox) as url:
        asyncio.run(sync(database, url))
    took = time.monotonic() - started
    windowed = sorted(entry.time for entry in sandbox.journal.entries if entry.windowed)
    start, end = busy_span(sandbox.journal.entries)
    windows = int((end - start) // WINDOW_SECONDS)
    first, last = bisect_left(windowed, start), bisect_left(windowed, start + windows * WINDOW_SECONDS)
    share = (last - first) / (LIMIT * windows)
    most, refused = sandbox.journal.count_busiest_window(), sandbox.journal.summary()["statuses"]
    click.echo(
        f"{len(windowed)} requests in {took:.0f} s; most in any {WINDOW_SECONDS:g} s: {most} of {LIMIT}; "
        f"used of the limit in {windows} windows with two streams or more: {share:.1%}; answers: {refused}"
    )
    sys.exit(0 if most <= LIMIT and share >= MIN_SHARE else 1)


if __name__ == "__main__":
    main()
