"""Replays a prefix of a journal with appends captured instead of written, and compares what comes next."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from gates import shipped_gate
from ripieno.journal.budgets import Short
from ripieno.journal.records import Draft, Lease, Message, RunStatus, SegmentChange
from ripieno.journal.sqlite import SqliteStore
from ripieno.kernel.execution import Execution
from ripieno.model.definition import Definition
from ripieno.model.event import GENESIS, Event
from ripieno.model.stop import Stop

__all__ = ["CapturingStore", "differences", "replay"]

VOLATILE = frozenset({"started", "how", "policies"})
"""When a visit that was cut in two began, by which policies (decided where it began), and by what its result
is known: asked after, it is `verified`."""

IN_PASSING = frozenset({"answered", "segment"})
"""What is not done by the run itself, or as soon as it pays, which depends on how often it was woken."""

SIDE_BY_SIDE = ("concurrent", "map", "race", "finish")


class CapturingStore(SqliteStore):
    """The embedded store, until `capture`: from then on appends are kept in memory alone."""

    def __init__(self, home: Path) -> None:
        super().__init__(home, shipped_gate())
        self.captured: list[Event] | None = None
        self.segments: dict[Draft, SegmentChange] = {}
        self.time = 0
        """Of the captured run, in microseconds: when the last message came in."""
        self._coming: list[Message] = []
        self._head = 0

    def now(self) -> int:
        """Be the clock of the captured run."""
        return self.time

    def capture(self, time: int, head: int, coming: Sequence[Event]) -> list[Event]:
        """Stand at `head` from now on, the messages of `coming` having come in and no other ever."""
        self.captured, self._head, self.time = [], head, time
        self._coming = [message(event) for event in coming]
        return self.captured

    def needed(self, events: Sequence[Event]) -> list[Event]:
        """Give those of the first events of a run that replay reads: its last segment tells."""
        last, kept = 0, SegmentChange(0, ())
        for draft, change in self.segments.items():
            if last < draft.seq <= len(events):
                last, kept = draft.seq, change
        return [event for event in events if event.seq > kept.after or event.seq in kept.needed]

    def append(self, draft: Draft) -> None:
        if self.captured is None:
            if isinstance(draft.change, SegmentChange):
                self.segments[draft] = draft.change
            super().append(draft)
            return
        self._head += 1
        draft.seq, draft.state = self._head, "written"
        body = orjson.loads(orjson.dumps(draft.encoded))
        run, epoch = draft.lease.run, draft.lease.epoch
        self.captured.append(Event(run, draft.seq, GENESIS, draft.at, epoch, draft.kind, draft.path, body))

    async def durable(self, draft: Draft) -> None:
        if self.captured is None:
            await super().durable(draft)

    async def fold(self, lease: Lease) -> tuple[Sequence[Message], int]:
        if self.captured is None:
            return await super().fold(lease)
        folded, self._coming = self._coming, []
        self._head += len(folded)
        return folded, 0

    async def park(
        self, lease: Lease, seen: int, status: RunStatus = "waiting", *, held: Sequence[Stop | Short] = ()
    ) -> bool:
        if self.captured is None:
            return await super().park(lease, seen, status, held=held)
        return True


def next_rest(events: Sequence[Event], length: int) -> int:
    """Give the length of the prefix with which the run came to its next rest.

    Messages come in only while it rests, so that it has done all it could before each of them.
    """
    end = length
    while end < len(events) and events[end].kind == "answered":
        end += 1
    while end < len(events) and events[end].kind != "answered":
        end += 1
    return end


def message(event: Event) -> Message:
    """Give the message that was folded as an event."""
    body = event.body
    return Message(
        body["id"],
        event.stream,
        body["what"],
        body["by"],
        body["sent"],
        body["question"],
        event.path,
        body.get("content"),
        event.seq,
    )


async def replay(
    store: CapturingStore, begun: int, definition: Definition, events: Sequence[Event], length: int
) -> tuple[Execution, list[Event]]:
    """Go on from the first `length` events until the run rests; give it and what it would have written.

    `begun` is the time, in microseconds, at which nothing had come in yet.
    """
    run = events[0].stream
    recorded, coming = events[:length], events[length : next_rest(events, length)]
    folded = [event for event in coming if event.kind == "answered"]
    times = [event.body["sent"] for event in (*recorded, *folded) if event.kind == "answered"]
    captured = store.capture(max(times, default=begun), length, folded)
    row = await store.run(run)
    lease = Lease(run, bytes.fromhex(run), row.epoch, store.key(run), length, "")
    still = dataclasses.replace(row, seen=0, wanted=len(folded))
    execution = Execution(store, store, definition, lease, still, events=store.needed(recorded))
    await execution.advance()
    return execution, captured


@dataclass(frozen=True, slots=True)
class Act:
    """An event by what it says, apart from times."""

    kind: str
    path: str
    attempt: int
    body: Mapping[str, Any]

    @property
    def key(self) -> tuple[str, str, int]:
        return self.kind, self.path, self.attempt


def act(event: Event) -> Act:
    body = {name: value for name, value in event.body.items() if name not in VOLATILE}
    return Act(event.kind, event.path, body.get("attempt", 0), body)


def differences(events: Sequence[Event], length: int, captured: Sequence[Event]) -> list[str]:
    """Say in what a replay of the first `length` events went on in another way than the run did."""
    done = {act(event).key for event in events[:length]}
    to_come = [
        act(event) for event in events[length : next_rest(events, length)] if event.kind not in IN_PASSING
    ]
    problems: list[str] = []
    for found in [act(event) for event in captured if event.kind not in IN_PASSING]:
        wanted = next((item for item in to_come if item.key == found.key), None)
        if found.key in done:
            problems.append(f"did again: {found.key}")
        elif wanted is None:
            problems.append(f"never done before: {found}")
        elif found != wanted:
            problems.append(f"did {found} instead of {wanted}")
        else:
            before = to_come[: to_come.index(wanted)]
            problems.extend(
                f"did {found.key} before {item.key}" for item in before if dependent(item.path, found.path)
            )
            to_come.remove(wanted)
    return [*problems, *(f"not done any more: {item.key}" for item in to_come)]


def dependent(one: str, other: str) -> bool:
    """Tell whether acts at two paths happen in a fixed order: not when they are in branches side by side."""
    scope = ""
    for left, right in zip(one.split("/"), other.split("/"), strict=False):
        if left != right:
            names = {left.partition("@")[0], right.partition("@")[0]}
            timed = any(f"{name}.timeout" in names for name in names)  # a step beside its own timer
            return not (timed or scope.startswith(SIDE_BY_SIDE))
        scope = left
    return True
