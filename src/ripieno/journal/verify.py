"""Is the log whole? Reads everything as stored and names each place that was changed.

This shows that chains, values and derived tables agree with each other. It cannot show that nobody
with the keys rewrote all of them: that takes a checkpoint held elsewhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ripieno.journal.records import ENDED, RunRow
from ripieno.model.errors import StoreError
from ripieno.model.event import GENESIS, Event, canonical

__all__ = ["Finding", "Heads", "Report", "Verifiable", "verify"]

REFERENCES = frozenset(
    {"input", "output", "evidence", "reason", "content", "because", "error", "arguments", "label"}
)
"""Fields of a body that hold the commitment of a value."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One place where the log does not hold together."""

    place: str
    """Such as `run 4c1e07, event 12`."""
    problem: str

    def __str__(self) -> str:
        return f"{self.place}: {self.problem}"


@dataclass(slots=True)
class Report:
    """What a verification has read and found."""

    events: int = 0
    runs: int = 0
    values: int = 0
    findings: list[Finding] = field(default_factory=list[Finding])

    @property
    def sound(self) -> bool:
        """True when nothing was found."""
        return not self.findings

    def __str__(self) -> str:
        counted = f"{self.events:,} events, {self.runs:,} runs, {self.values:,} values"
        if self.sound:
            return f"{counted}: sound"
        return "\n".join([f"{counted}: {len(self.findings)} found", *(f"  {found}" for found in self.findings)])


@dataclass(slots=True)
class Heads:
    """How far a stream was followed."""

    seq: int = 0
    hash: str = GENESIS
    epoch: int = 0
    kind: str = ""
    status: str = ""
    broken: bool = False


class Verifiable(Protocol):
    """What a store shows to a verification."""

    def stored_events(self) -> Iterator[tuple[int, str, int, str, bytes]]:
        """Give position, stream, seq, kind and envelope of every event, as stored, by position."""
        ...

    def stored_heads(self) -> Mapping[str, tuple[str, int, str]]:
        """Give, by stream, what it is called, and the last seq and hash that its own row names."""
        ...

    def stored_rows(self) -> Iterator[RunRow]:
        """Give the derived row of every run."""
        ...

    def stored_values(self, stream: str) -> Mapping[str, bytes]:
        """Give the sealed values of a stream by commitment."""
        ...

    def open_value(self, stream: str, commitment: str, sealed: bytes) -> bytes:
        """Decrypt a value; raises `StoreError` when it was changed."""
        ...

    def highest_position(self) -> int:
        """Give the highest position that was ever given to an event."""
        ...


def verify(store: Verifiable) -> Report:
    """Follow every chain, open every value, compare the derived tables; never stops at the first finding."""
    return Verification(store).report()


class Verification:
    """One pass over a store."""

    def __init__(self, store: Verifiable) -> None:
        self._store = store
        self._report = Report()
        self._heads: dict[str, Heads] = {}
        self._named = store.stored_heads()
        self._references: dict[str, dict[str, str]] = {}

    def report(self) -> Report:
        """Do all of it."""
        expected = 1
        for position, stream, seq, kind, envelope in self._store.stored_events():
            if position != expected:
                gone = f"{expected}" if position == expected + 1 else f"{expected} to {position - 1}"
                self._found("log", f"nothing stands at position {gone}: events were deleted")
            expected = position + 1
            self._event(stream, seq, kind, envelope)
        highest = self._store.highest_position()
        if expected <= highest:
            self._found("log", f"nothing stands at position {expected} to {highest}: events were deleted")
        self._ends()
        self._values()
        self._rows()
        return self._report

    def _found(self, place: str, problem: str) -> None:
        self._report.findings.append(Finding(place, problem))

    def _place(self, stream: str, seq: int | None = None) -> str:
        name = self._named.get(stream, (f"stream {stream}", 0, ""))[0]
        return name if seq is None else f"{name}, event {seq}"

    def _event(self, stream: str, seq: int, kind: str, envelope: bytes) -> None:
        self._report.events += 1
        head = self._heads.setdefault(stream, Heads())
        place = self._place(stream, seq)
        if seq != head.seq + 1:
            self._found(place, f"expected event {head.seq + 1}: events are missing or out of order")
        head.seq = seq
        digest = hashlib.sha256(envelope).hexdigest()
        previous, head.hash = head.hash, digest
        try:
            event = Event.read(envelope)
        except (ValueError, TypeError) as error:
            self._found(place, f"cannot be read: {error}")
            return
        if event.prev != previous:
            self._found(place, "does not follow from the event before: this event or the one before was changed")
        for name, stored, written in (
            ("stream", stream, event.stream),
            ("seq", seq, event.seq),
            ("kind", kind, event.kind),
        ):
            if stored != written:
                self._found(place, f"stored under {name} {stored!r}, written as {written!r}")
        self._content(head, event, envelope, place)

    def _content(self, head: Heads, event: Event, envelope: bytes, place: str) -> None:
        fields = {name: getattr(event, name) for name in event.__slots__}
        if canonical({"v": 1, **fields}) != envelope:
            self._found(place, "is not in canonical form: it was rewritten")
        if event.epoch < head.epoch:
            self._found(place, f"written under epoch {event.epoch} after epoch {head.epoch}")
        head.epoch, head.kind = event.epoch, event.kind
        if event.kind == "run.ended":
            head.status = event.body["outcome"]["status"]
        known = self._references.setdefault(event.stream, {})
        for name, ref in references(event.body):
            known.setdefault(ref, f"{place} ({name})")

    def _ends(self) -> None:
        for stream, (_, seq, last) in self._named.items():
            head = self._heads.get(stream, Heads())
            if head.seq != seq:
                self._found(self._place(stream), f"ends at event {head.seq}, its row says {seq}: events are missing")
            elif head.hash != last:
                self._found(self._place(stream, seq), "is not the last event that was written: it was changed")
        for stream in self._heads.keys() - self._named.keys():
            self._found(self._place(stream), "has events, but its row is gone")

    def _values(self) -> None:
        for stream, wanted in self._references.items():
            found = self._store.stored_values(stream)
            for ref, place in wanted.items():
                sealed = found.get(ref)
                if sealed is None:
                    self._found(place, f"value {ref[:12]} is not in the store")
                    continue
                self._report.values += 1
                try:
                    self._store.open_value(stream, ref, sealed)
                except StoreError as error:
                    self._found(place, error.message)

    def _rows(self) -> None:
        for row in self._store.stored_rows():
            self._report.runs += 1
            head = self._heads.get(row.id)
            if head is None:
                continue
            ended = row.status in ENDED
            if ended != bool(head.status) or (ended and row.status != head.status):
                says = head.status or "not ended"
                self._found(self._place(row.id), f"its row says {row.status}, its events say {says}")


def references(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Give the commitments in a body, with the field that holds each."""
    for name, value in body.items():
        if isinstance(value, dict):
            inner: dict[str, Any] = value
            if name == "inputs":
                yield from inner.items()
            else:
                yield from references(inner)
        elif name in REFERENCES and isinstance(value, str):
            yield name, value
