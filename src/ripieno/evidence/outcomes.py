"""How a run ended, read from its last event."""

from __future__ import annotations

from ripieno.journal.records import RunRow
from ripieno.journal.store import Store
from ripieno.kernel.erased import ERASED
from ripieno.kernel.results import outcome_from
from ripieno.model.errors import ErasedError
from ripieno.model.outcome import Outcome
from ripieno.model.value import Value, encode

__all__ = ["outcome_of"]


async def outcome_of(store: Store, row: RunRow) -> Outcome:
    """Give the outcome of a run that has ended, its values read at once: the store may be closed later.

    Values that were erased are the word `erased`.
    """
    last = (await store.events(row.id, after=row.head_seq - 1))[-1]
    said = last.body["outcome"]

    def stored(ref: str) -> Value:
        try:
            return Value(ref, store.payload(row.id, ref))
        except ErasedError:
            return Value(ref, encode([ERASED] if ref == said.get("evidence") else ERASED))

    return outcome_from(said, last.seq, stored)
