"""The turn of a run that takes back what another did: once that one has ended, and all who began before it.

So no effect is taken back by two. It looks again in growing intervals, and costs nothing meanwhile.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from ripieno.journal.records import Message, RunRow
from ripieno.kernel.conclusion import conclude
from ripieno.kernel.questions import wait_until
from ripieno.kernel.undo_runs import undoers
from ripieno.model.errors import RefusedError
from ripieno.model.event import Event
from ripieno.model.value import encode

if TYPE_CHECKING:
    from ripieno.journal.store import Store
    from ripieno.kernel.clock import Clock
    from ripieno.kernel.scope import Scope

__all__ = ["end_first", "its_turn"]

FIRST_SECONDS: Final = 0.05
LONGEST_SECONDS: Final = 30.0


async def its_turn(scope: Scope, path: str, started: Event) -> None:
    """Wait until nobody else is at what is to be taken back; how often was looked is recorded."""
    execution = scope.execution
    number = 0
    while True:
        number += 1
        place = f"{path}/wait/{number}"
        if not execution.recording.has(place):
            if execution.recording.has(path):
                return
            await execution.turnstile.live(scope.branch)
            if not await at_work(scope, started):
                return
        await wait_until(scope, place, min(FIRST_SECONDS * 2 ** min(number, 20), LONGEST_SECONDS))


async def at_work(scope: Scope, started: Event) -> bool:
    """Tell whether the run, or one that was to undo it before, goes on; the run is told to end."""
    execution = scope.execution
    store, whose = execution.store, started.body["undoes"]["run"]
    row = await store.run(whose)
    if not row.ended:  # then an operator wants it rolled back: a parent waits for its child
        reason = str(execution.stored(started.body["reason"]).decode())
        await end_first(store, execution.clock, row, (started.stream, execution.row.principal), reason)
        return True
    order = await undoers(store, whose)
    before = order[: [one.id for one in order].index(started.stream)]
    return any(not one.ended for one in before)


async def end_first(store: Store, clock: Clock, row: RunRow, who: tuple[str, str], reason: str) -> None:
    """Have a run end as cancelled, so that it can be rolled back; said once by each that does so.

    `who`: the run that takes it back, and by whom it is wanted.
    """
    undo, by = who
    said = f"rolled back: {reason}"
    data = encode(said)
    commitment = store.key(row.id).commit(data)
    message = Message(f"rollback:{undo}", row.id, "cancel", by, clock.now(), content=commitment.hex())
    with suppress(RefusedError):  # it has ended meanwhile
        await store.send(message, [(commitment, data)])
        if row.status in ("blocked", "needs_version"):
            await conclude(store, clock, row, f"cancelled by {by}: {said}")
