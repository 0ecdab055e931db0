"""Keeping concurrent record streams at equal progress."""

import asyncio
from collections.abc import Sequence

from astrelo.domain.identifiers import ObjectType
from astrelo.domain.sync import SyncStep

_ORDER = (ObjectType.COMPANIES, ObjectType.CONTACTS, ObjectType.DEALS)
"""Records of each object type refer to those of the types before it."""

_COMPLETE = 1.0


class ProgressGate:
    """Lets no stream progress further, as a share of its records, than the streams its records refer to.

    A CRM lists old records first, and related records were created at about the same time. So a contact's
    company is mostly stored before the contact is written, and its link is right at once; otherwise the final
    pass would write nearly every contact and deal a second time. It costs no time: a stream that waits leaves
    the CRM and the processor to the slowest stream, which decides when the run ends.

    A stream whose number of records is unknown does not wait.
    """

    def __init__(self, open_steps: Sequence[SyncStep] = ()) -> None:
        self._shares = {step.object_type: _compute_share(step) or 0.0 for step in open_steps}
        self._changed = asyncio.Event()

    async def wait_for_turn(self, step: SyncStep, records: int) -> None:
        """Wait until the stream of `step` may store this many more records."""
        share = _compute_share(step, records)
        if share is None:
            return
        leaders = _ORDER[: _ORDER.index(step.object_type)]
        while any(self._shares.get(leader, _COMPLETE) < share for leader in leaders):
            self._changed.clear()
            await self._changed.wait()

    def record_progress(self, step: SyncStep) -> None:
        """Record the progress of a stream."""
        share = _compute_share(step)
        self._set_share(step.object_type, _COMPLETE if share is None else share)

    def release(self, object_type: ObjectType) -> None:
        """Let other streams pass one that stores no more, whether it completed or failed."""
        self._set_share(object_type, _COMPLETE)

    def _set_share(self, object_type: ObjectType, share: float) -> None:
        self._shares[object_type] = share
        self._changed.set()


def _compute_share(step: SyncStep, more: int = 0) -> float | None:
    """Return the share of its records that a stream has stored, including `more`; None if the total is unknown."""
    if not step.expected_total:
        return None
    return min((step.counts.received + more) / step.expected_total, _COMPLETE)
