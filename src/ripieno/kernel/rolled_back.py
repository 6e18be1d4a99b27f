"""What a fork or retry must not take over: what was rolled back is not there any more, nor what came of it.

What came before it is taken over as ever. What came after it and stands cannot be: then it is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from ripieno.journal.store import Store
from ripieno.kernel.effect_book import UNDO
from ripieno.kernel.undo_runs import undoers
from ripieno.model.errors import RefusedError
from ripieno.model.event import Event
from ripieno.model.ids import short
from ripieno.model.value import decode

__all__ = ["WHOLE", "still_there"]

WHOLE: Final = "/undo/1"
"""Where the plan of taking back a whole run is recorded, in itself or in the run that does it."""


async def still_there(store: Store, events: Sequence[Event], found: Iterable[Event]) -> list[Event]:
    """Leave out of what is `found` in a run's `events` what was rolled back, and what came after it.

    Raises `RefusedError` where something that came after it stands: it would be done a second time.
    """
    run = events[0].stream
    gone = taken_back(store, events)
    for row in await undoers(store, run):
        gone |= taken_back(store, await store.events(row.id))
    if not gone:
        return list(found)
    begun = min(event.seq for event in events if event.path in gone)
    stands = sorted({event.path for event in found if event.seq > begun and did(event)} - gone)
    if stands:
        msg = f"run {short(run)} was rolled back, and what it did after that stands: {', '.join(stands)}"
        remedy = f"ripieno runs fork {short(run)} --at {begun - 1} begins before, and does that again"
        raise RefusedError(msg, remedy=remedy)
    return [event for event in found if event.seq < begun]


def did(event: Event) -> bool:
    """Tell whether an event says that the run itself did something to the world, and had not undone it."""
    return event.kind == "intent" and event.body["effect"] == "write" and not event.path.endswith(UNDO)


def taken_back(store: Store, events: Iterable[Event]) -> set[str]:
    """Give the paths of the effects, and child runs, that a plan for a whole run had taken back."""
    places: dict[str, str] = {}
    gone: set[str] = set()
    for event in events:
        if event.kind == "undo" and event.path == WHOLE:
            for number, item in enumerate(event.body["effects"], 1):
                path = item["path"]
                places |= {f"{WHOLE}/{what}/{number}": path for what in ("ask", "run")}
                places[path + UNDO] = path
        elif event.path in places and is_so(store, event):
            gone.add(places[event.path])
    return gone


def is_so(store: Store, event: Event) -> bool:
    """Tell whether an event says that something was taken back."""
    if event.kind != "answered":
        return event.kind == "result" and event.body["status"] == "done"
    said: Any = decode(store.payload(event.stream, event.body["content"]))
    if event.body["what"] == "child":
        return said["status"] == "complete"
    return said["value"]["undone"] is True
