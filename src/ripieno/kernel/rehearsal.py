"""Replaying a run under other code without doing anything, to see whether it would go on."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from ripieno.journal.records import Lease
from ripieno.journal.store import Store
from ripieno.kernel.clock import Clock
from ripieno.kernel.execution import Execution
from ripieno.model.definition import Definition
from ripieno.model.errors import RefusedError

__all__ = ["Rehearsal", "rehearse"]


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What replaying a run under a version would come to."""

    fits: bool
    detail: str
    """Where the code departs from the record, or that it does not."""


class RehearsedExecution(Execution):
    """Stops when everything recorded was let out, before anything new is done."""

    def _check_reached(self) -> bool:
        super()._check_reached()
        self.stop("closed")
        return False

    def _all_let_out(self) -> bool:
        return False


async def rehearse(store: Store, clock: Clock, definition: Definition, run: str) -> Rehearsal:
    """Replay a run that nobody is running; writes nothing and calls no tool.

    Pure functions at the frontier may be called. Raises `RefusedError` when the run has ended.
    """
    row = await store.run(run)
    if row.ended:
        msg = f"run {run[-6:]} has ended ({row.status}); there is nothing to go on with"
        raise RefusedError(msg)
    lease = Lease(run, bytes.fromhex(run), row.epoch, store.key(run), row.head_seq, row.head_hash)
    still = dataclasses.replace(row, seen=row.wanted)  # what waits in the inbox stays there
    execution = RehearsedExecution(store, clock, definition, lease, still, events=await store.replayable(run))
    rest = await execution.advance()
    if rest == "blocked":
        return Rehearsal(fits=False, detail=execution.detail or "")
    return Rehearsal(fits=True, detail=f"all {row.head_seq} recorded events are reached")
