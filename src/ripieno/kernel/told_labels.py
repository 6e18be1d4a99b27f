"""The classes of data that a run's log tells of: of what came in, and of what the gate has looked through.

Each event is read once in a process; of a run that goes on, what was committed since.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from weakref import WeakKeyDictionary

from ripieno.journal.records import RunRow
from ripieno.journal.store import Store
from ripieno.model.errors import StoreError
from ripieno.model.value import decode

__all__ = ["KEPT", "UNKNOWN", "Told", "told_of"]

KEPT: Final = 4096
"""Of so many runs of a store it is kept; the one that was asked for the longest ago is read anew."""

UNKNOWN: Final = "unknown"
"""Stands for what may be of any class, as it cannot be read."""


@dataclass(slots=True)
class Told:
    """What one run's log told of so far."""

    seq: int = 0
    """Of the last event that was read."""
    labels: set[str] = field(default_factory=set[str])
    others: dict[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    """Child runs, and runs that something was taken over from, which may still go on; with what was found in
    them last."""
    traced: set[str] = field(default_factory=set[str])
    """What was found at the gate and is read already, by its commitment."""


READ: Final[WeakKeyDictionary[Store, dict[str, Told]]] = WeakKeyDictionary()


async def told_of(store: Store, run: RunRow) -> Told:
    """Give what the log of a run tells of; what cannot be read counts as a class of data."""
    kept = READ.setdefault(store, {})
    told = kept[run.id] = kept.pop(run.id, None) or Told()
    if len(kept) > KEPT:
        del kept[next(iter(kept))]
    try:
        events = await store.events(run.id, after=told.seq)
    except StoreError:
        told.labels.add(UNKNOWN)
        return told
    for event in events:
        take(store, run.id, told, (str(event.kind), event.body))
        told.seq = event.seq
    return told


def take(store: Store, run: str, told: Told, event: tuple[str, Mapping[str, Any]]) -> None:
    """Note what one event tells of: kind and body."""
    kind, body = event
    if kind == "imported":
        told.others.setdefault(str(body["from"]), ())
        kind, body = str(body["kind"]), body["body"]
    if kind == "result":
        told.labels.update(body.get("data", ()))
    elif kind == "asked" and "child" in body:
        told.others.setdefault(str(body["child"]), ())
    ref = body.get("traced")
    if ref is not None and ref not in told.traced:
        told.traced.add(ref)
        try:
            told.labels.update(decode(store.payload(run, ref))["labels"])
        except StoreError:
            told.labels.add(UNKNOWN)
