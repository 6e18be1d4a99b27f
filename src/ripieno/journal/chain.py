"""One stream's chain, followed event by event: which event was changed, which are missing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, cast, get_args

from ripieno.journal.records import RunRow, RunStatus
from ripieno.journal.stored import StoredEvent, StoredStream
from ripieno.model.event import FORMAT, GENESIS, Event, canonical

__all__ = ["Chain", "references"]

REFERENCES: Final = frozenset(
    {
        *("input", "output", "evidence", "reason", "content", "because", "error", "arguments", "label"),
        *("traced", "prompt", "toolset"),
    }
)
"""Fields of a body that hold the commitment of a value."""

STARTED: Final = {
    "workflow": "workflow",
    "version": "version",
    "principal": "principal",
    "tenant": "tenant",
    "key": "key",
    "requested": "requested_at",
}
"""Fields of a run's first event, and the columns of its row that repeat them."""

HELD_UP: Final = frozenset({"blocked", "needs_version", "running", "stopped"})
"""In which statuses a row says why its run does not go on; `running` once it was told to go on."""


class Chain:
    """Follows one stream. An event is vouched for by the next one, the last by the stream's row."""

    def __init__(self, row: StoredStream | None, name: str, found: Callable[[str, str], None]) -> None:
        self._row = row
        self._name = name
        self._found = found
        self._seq = 0
        self._hash = GENESIS
        self._position = 0
        self._epoch = 0
        self.missing = False
        """True once events of it are."""
        self._doubted: list[int] = []
        """The events before the last one, as long as each is named by another hash than it has."""
        self._says: dict[str, Any] = {}
        """What the row should say, by the events."""

    def follow(self, stored: StoredEvent) -> Event | None:
        """Take the next event; None when it cannot be read."""
        place = self._place(stored.seq)
        complete = stored.seq == self._seq + 1
        if not complete:
            self._missing(self._seq + 1, stored.seq - 1)
        if stored.position <= self._position:
            self._found(place, "stands in the log before the event that it follows: events were moved")
        previous = self._hash
        self._seq, self._position = stored.seq, stored.position
        self._hash = hashlib.sha256(stored.envelope).hexdigest()
        try:
            event = Event.read(stored.envelope)
        except ValueError as error:
            self._found(place, f"cannot be read: {error}")
            self._unresolved()
            return None
        if not complete:
            self._unresolved()
        elif event.prev == previous:
            self._resolved()
        else:
            self._doubted.append(stored.seq - 1)
        self._check(stored, event, place)
        return event

    def end(self) -> None:
        """Compare with what the stream's own row says."""
        row = self._row
        if row is None:
            self._found(self._name, f"has events up to {self._seq}, but its row is gone")
            return
        if self._seq < row.head_seq:
            self._missing(self._seq + 1, row.head_seq)
        elif self._seq > row.head_seq:
            self._found(self._place(row.head_seq + 1), f"was added: its row counts {row.head_seq} events")
        elif self._hash == row.head_hash:
            self._resolved()
        else:
            self._found(
                self._place(self._seq), f"was changed, or the hash in its row{self._also(self._doubted)}"
            )
            self._doubted = []
        self._unresolved()
        if row.row is not None and self._seq:
            self._compare(row.row)

    def _compare(self, row: RunRow) -> None:
        ended = self._says.pop("status", None)
        if ended != (row.status if row.ended else None):
            self._found(self._name, f"its row says {row.status}, its events say {ended or 'not ended'}")
        if not row.ended and row.status not in get_args(RunStatus):
            self._found(self._name, f"its row says {row.status}, which no run is")
        if row.detail is not None and (row.owner is not None or row.status not in HELD_UP):
            self._found(self._name, f"its row says why it is held up, and that it is {row.status}")
        if row.epoch < self._epoch:
            self._found(self._name, f"its row says epoch {row.epoch}, its last event {self._epoch}")
        for column, said in self._says.items():
            if getattr(row, column) != said:
                self._found(
                    self._name, f"its row says {column} {getattr(row, column)!r}, its events say {said!r}"
                )

    def _place(self, seq: int) -> str:
        return f"{self._name}, event {seq}"

    def _missing(self, first: int, last: int) -> None:
        self.missing = True
        self._found(
            self._place(first), "is missing" if first == last else f"is missing, and all up to event {last}"
        )

    def _resolved(self) -> None:
        """Judge those doubted now that the last event is vouched for, and with it the hash that it names."""
        if not self._doubted:
            return
        *before, changed = self._doubted
        self._doubted = []
        if changed == 0:
            self._found(self._place(1), "names an event before it: the first events are missing")
            return
        self._found(
            self._place(changed), f"was changed: event {changed + 1} names another hash{self._also(before)}"
        )

    @staticmethod
    def _also(doubted: list[int]) -> str:
        before = [seq for seq in doubted if seq]
        return f"; whether event {before[-1]} before it was cannot be told" if before else ""

    def _unresolved(self) -> None:
        """Nobody vouches for the last event: those doubted were changed, or the event after each."""
        for doubted in self._doubted:
            self._found(self._place(max(doubted, 1)), "was changed, or the event after it")
        self._doubted = []

    def _check(self, stored: StoredEvent, event: Event, place: str) -> None:
        for name, column, written in (
            ("stream", stored.stream, event.stream),
            ("seq", stored.seq, event.seq),
            ("kind", stored.kind, event.kind),
        ):
            if column != written:
                self._found(place, f"stored under {name} {column!r}, written as {written!r}")
        fields = {name: getattr(event, name) for name in event.__slots__}
        if rewritten({"v": FORMAT, **fields}, stored.envelope) or floats(event.body):
            self._found(place, "is not in canonical form: it was rewritten")
        if event.epoch < self._epoch:
            self._found(place, f"written under epoch {event.epoch} after epoch {self._epoch}")
        self._epoch = event.epoch
        if "status" in self._says:
            self._found(place, "stands after the end of its run")
        self._learn(event)
        self._says["updated_at"] = event.at

    def _learn(self, event: Event) -> None:
        body = event.body
        if event.kind == "run.started":
            self._says = {column: body[name] for name, column in STARTED.items() if name in body}
            above = body.get("parent")
            self._says["parent"] = (
                cast("dict[str, Any]", above).get("run") if isinstance(above, dict) else None
            )
        elif event.kind == "run.forked":
            self._says["parent"] = body.get("from")
        elif event.kind == "run.migrated":
            self._says["version"] = body.get("to")
        elif event.kind == "run.ended":
            outcome = body.get("outcome")
            status = cast("dict[str, Any]", outcome).get("status") if isinstance(outcome, dict) else None
            self._says |= {"status": status or "ended", "ended_at": event.at}


def rewritten(document: Mapping[str, Any], envelope: bytes) -> bool:
    """Tell whether an envelope is not the canonical form of what it says."""
    try:
        return canonical(document) != envelope
    except TypeError:  # an integer beyond 2^53-1
        return True


def floats(body: Mapping[str, Any]) -> bool:
    """Tell whether a float stands anywhere: the envelope rule has none."""
    left: list[Any] = [body]
    while left:
        value = left.pop()
        if isinstance(value, float):
            return True
        if isinstance(value, dict):
            left.extend(cast("dict[str, Any]", value).values())
        elif isinstance(value, list):
            left.extend(cast("list[Any]", value))
    return False


def references(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Give the commitments in a body, with the field that holds each."""
    left: list[tuple[str, Any, bool]] = [(name, value, name in REFERENCES) for name, value in body.items()]
    while left:
        name, value, refers = left.pop()
        if isinstance(value, dict):
            inner = cast("dict[str, Any]", value)
            left.extend(
                (field, item, name == "inputs" or field in REFERENCES) for field, item in inner.items()
            )
        elif refers and isinstance(value, str):
            yield name, value
