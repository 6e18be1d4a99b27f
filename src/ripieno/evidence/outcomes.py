"""How a run ended, read from its last event."""

from __future__ import annotations

from ripieno.journal.records import RunRow
from ripieno.journal.store import Store
from ripieno.kernel.results import outcome_from
from ripieno.model.outcome import Outcome
from ripieno.model.value import Value

__all__ = ["outcome_of"]


async def outcome_of(store: Store, row: RunRow) -> Outcome:
    """Give the outcome of a run that has ended, its values read at once: the store may be closed later."""
    last = (await store.events(row.id, after=row.head_seq - 1))[-1]
    return outcome_from(last.body["outcome"], last.seq, lambda ref: Value(ref, store.payload(row.id, ref)))
