"""Ending a run whose code is gone or does not fit, where nothing it has begun is in doubt."""

from __future__ import annotations

from collections.abc import Sequence

from ripieno.journal.records import Draft, EndChange, RunRow
from ripieno.journal.store import Replayable, Store
from ripieno.kernel.clock import Clock
from ripieno.kernel.last_words import last_words, spent_by
from ripieno.model.event import Event
from ripieno.model.outcome import Outcome
from ripieno.model.value import Value, encode

__all__ = ["conclude", "in_doubt"]


async def conclude(store: Store, clock: Clock, run: RunRow, reason: str, *, known_over: bool = False) -> bool:
    """End a run as cancelled without replaying it; False when a call of it is in doubt, or another has it.

    The message that asks for it has been sent before, and is folded here. `known_over`: it is known to have
    ended, in a log that was lost, so that nothing of it is in doubt.
    """
    events = await store.events(run.id)
    if not known_over and in_doubt(events):
        return False
    taken = await store.acquire(run.id)
    if taken is None:
        return False
    try:
        return await end(store, clock, taken, events, reason)
    except BaseException:  # called off: whoever looks for work finds the message that asks for it
        await store.release(taken.lease, "running")
        raise


async def end(store: Store, clock: Clock, taken: Replayable, events: Sequence[Event], reason: str) -> bool:
    """Write the end under a lease, once all that came in is folded."""
    while True:
        _, seen = await store.fold(taken.lease)
        data = encode(reason)
        commitment = taken.lease.key.commit(data)
        outcome = Outcome("cancelled", reason=Value(commitment.hex(), data))
        told = last_words(store, events[0], outcome, spent_by(store, events), clock.now())
        draft = Draft(
            taken.lease,
            clock.now(),
            "run.ended",
            "",
            {"outcome": {"status": "cancelled", "reason": commitment.hex()}},
            payloads=((commitment, data),),
            change=EndChange("cancelled", told),
            if_seen=seen,
        )
        store.append(draft)
        await store.durable(draft)
        if draft.state != "bounced":
            return draft.state == "written"


def in_doubt(events: Sequence[Event]) -> bool:
    """Tell whether a claim stands without a result that says what became of it, or a child run goes on."""
    open_claims: set[tuple[str, int]] = set()
    open_children: set[str] = set()
    for event in events:
        if event.kind in ("asked", "answered") and event.body["what"] == "child":
            (open_children.add if event.kind == "asked" else open_children.discard)(event.path)
        elif event.kind == "intent":
            open_claims.add((event.path, event.body["attempt"]))
        elif event.kind == "result" and event.body["status"] != "uncertain":
            open_claims.discard((event.path, event.body["attempt"]))
            if event.body["status"] == "again":  # it is owed until it is known what became of it
                open_claims.add((event.path, event.body["attempt"]))
            elif event.body["status"] in ("done", "failed"):
                open_claims = {claim for claim in open_claims if claim[0] != event.path}
    return bool(open_claims or open_children)
