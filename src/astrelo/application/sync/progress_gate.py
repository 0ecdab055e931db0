"""Keeping object types that are walked side by side in step."""

import asyncio
from collections.abc import Sequence

from astrelo.domain.identifiers import ObjectType
from astrelo.domain.sync import SyncStep

_ORDER = (ObjectType.COMPANIES, ObjectType.CONTACTS, ObjectType.DEALS)
"""Each points at those before it."""

_WHOLE = 1.0


class ProgressGate:
    """Lets no walk get further, as a share of its records, than the walks it points at.

    A CRM lists old records first, and what belongs together was made at about the same time. So a
    contact's company is mostly stored by the time the contact is written, and its link is right at once;
    otherwise the final pass would write nearly every contact and deal a second time. It costs no time:
    who waits only lets the slowest walk, which decides when the run ends, have the CRM and the processor.

    Where the provider does not say how many records there are, nobody waits.
    """

    def __init__(self, open_steps: Sequence[SyncStep] = ()) -> None:
        self._shares = {step.object_type: _share(step) or 0.0 for step in open_steps}
        self._moved = asyncio.Event()

    async def wait_for_turn(self, step: SyncStep, records: int) -> None:
        """Wait until the walk of `step` may store so many more records."""
        share = _share(step, records)
        if share is None:
            return
        leaders = _ORDER[: _ORDER.index(step.object_type)]
        while any(self._shares.get(leader, _WHOLE) < share for leader in leaders):
            self._moved.clear()
            await self._moved.wait()

    def record_progress(self, step: SyncStep) -> None:
        """Note how far a walk is."""
        share = _share(step)
        self._note(step.object_type, _WHOLE if share is None else share)

    def release(self, object_type: ObjectType) -> None:
        """Note that a walk stores no more, however it came to its end."""
        self._note(object_type, _WHOLE)

    def _note(self, object_type: ObjectType, share: float) -> None:
        self._shares[object_type] = share
        self._moved.set()


def _share(step: SyncStep, more: int = 0) -> float | None:
    """Return which part of its records a walk has stored, `more` included; None where the whole is unknown."""
    if not step.expected_total:
        return None
    return min((step.counts.received + more) / step.expected_total, _WHOLE)
