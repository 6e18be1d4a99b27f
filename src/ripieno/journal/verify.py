"""Is the log whole? Reads everything as stored and names each place that was changed.

This shows that chains, values and derived tables agree with each other, and with the tree and what was
signed of it. That nobody with the keys rewrote all of them, or took away the newest run with every trace
of it, is shown up to a checkpoint that was handed in from elsewhere, with a public key from elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from ripieno.journal.billed import Billed
from ripieno.journal.chain import Chain, references
from ripieno.journal.derived import Derived
from ripieno.journal.proven import Anchor, Proven
from ripieno.journal.rated import compare_rates
from ripieno.journal.stored import StoredCounts, StoredErasure, StoredEvent, StoredStream, Verifiable
from ripieno.model.errors import StoreError
from ripieno.model.event import Event
from ripieno.model.ids import short
from ripieno.proof.decided import Decided
from ripieno.proof.erased import Erasures
from ripieno.proof.notes import Verifier

__all__ = ["Finding", "Report", "verify"]

Item = TypeVar("Item")

MOST: Final = 1000
"""How many findings are kept in words; the rest are counted."""

COMMITMENT: Final = re.compile(r"[0-9a-f]{64}")


PEOPLE: Final = ("person:", "service:", "agent:")
"""Who answers and commands: not timers, nor other runs."""


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
    erased: int = 0
    """How many values that events name were erased, as an event says."""
    anchor: Anchor | None = None
    """Up to where the log is what was signed; None where nothing that was signed fits it."""
    findings: list[Finding] = field(default_factory=list[Finding])
    """At most 1,000."""
    more: int = 0
    """How many were found beyond these."""
    restored: list[str] = field(default_factory=list[str])
    """How the log was put back from backups, and what was lost by it."""
    erasures: list[str] = field(default_factory=list[str])
    """Whose values were erased, and by whom, as events say."""

    unnamed: int = 0
    """Answers and commands that do not name the policies by which they were let: by earlier versions."""

    @property
    def sound(self) -> bool:
        """True when nothing was found."""
        return not self.findings

    def found(self, place: str, problem: str) -> None:
        """Add a finding."""
        if len(self.findings) < MOST:
            self.findings.append(Finding(place, problem))
        else:
            self.more += 1

    @property
    def uncovered(self) -> int:
        """How many events no checkpoint vouches for."""
        return self.events if self.anchor is None else max(0, self.events - self.anchor.size)

    @property
    def anchored(self) -> str:
        """Say up to where the log is what was signed."""
        if self.anchor is None:
            return "no checkpoint vouches for any of it"
        after = f"{self.uncovered:,} event{'' if self.uncovered == 1 else 's'} after it"
        return f"{self.anchor}; {after if self.uncovered else 'nothing after it'}"

    def __str__(self) -> str:
        numbers = {"event": self.events, "run": self.runs, "value": self.values}
        counted = ", ".join(f"{count:,} {name}{'' if count == 1 else 's'}" for name, count in numbers.items())
        if self.erased:
            counted += f", {self.erased:,} erased"
        told = [f"  {one}" for one in (*self.restored, *self.erasures)]
        if self.unnamed:
            told.append(f"  answers and commands that name no policies that let them: {self.unnamed:,}")
        if self.sound:
            return "\n".join([f"{counted}: sound; {self.anchored}", *told])
        lines = [f"{counted}: {len(self.findings) + self.more:,} found", *told]
        lines.extend(f"  {finding}" for finding in self.findings)
        if self.more:
            lines.append(f"  and {self.more:,} more")
        return "\n".join(lines)


def is_unnamed(event: Event) -> bool:
    """Tell whether somebody's answer or command does not say by which policies it was let."""
    by = event.body.get("by") if event.kind in ("answered", "message") else None
    return isinstance(by, str) and by.startswith(PEOPLE) and "policies" not in event.body


def verify(
    store: Verifiable,
    *,
    key: Verifier | None = None,
    checkpoints: Sequence[str] = (),
    sinks: Mapping[str, str] | None = None,
) -> Report:
    """Follow every chain, open every value, compare the derived rows; never stops at the first finding.

    Takes one stream after the other, so that a log of any length is verified in the same memory. `key`
    and `checkpoints` are a public key and signed notes that stand elsewhere than the log; `sinks` are the
    newest notes of the sinks that were asked, by their names.
    """
    return Verification(store, key, checkpoints, sinks or {}).report()


class Ahead(Generic[Item]):
    """An iterator of which the next item can be seen, with the stream that it belongs to."""

    def __init__(self, items: Iterator[Item], stream: Callable[[Item], str]) -> None:
        self._items = items
        self._stream = stream
        self._next = next(items, None)

    @property
    def stream(self) -> str | None:
        """The stream of the next item; None at the end."""
        return None if self._next is None else self._stream(self._next)

    def take(self) -> Item:
        """Give the next item."""
        assert self._next is not None, "there is one as long as it has a stream"
        taken, self._next = self._next, next(self._items, None)
        return taken


class Verification:
    """One pass over a store."""

    def __init__(
        self,
        store: Verifiable,
        key: Verifier | None,
        checkpoints: Sequence[str],
        sinks: Mapping[str, str],
    ) -> None:
        self._store = store
        self._report = Report()
        self._decided = Decided(self._report.found)
        self._erasures = Erasures()
        self._billed = Billed(self._report.found)
        self._proven = Proven(store, self._report.found, key=key, given=checkpoints, sinks=sinks)
        self._at = "log"
        """How far the reading has come, for when it breaks off."""

    def report(self) -> Report:
        """Do all of it; what cannot be read is a finding, and the next part goes on."""
        for at, part in (
            ("database file", self._damage),
            ("log", self._gaps),
            ("log", self._streams),
            ("log", self._strays),
            ("log", self._unfounded),
            ("log", self._decisions),
            ("log", self._books),
            ("log", self._rates),
            ("tree", self._tree),
            ("log", self._nothing),
        ):
            self._at = at
            try:
                part()
            except StoreError as error:
                self._report.found(self._at, f"cannot be read on from here: {error.message}")
        return self._report

    def _damage(self) -> None:
        for problem in self._store.damage():
            self._report.found("database file", problem)

    def _gaps(self) -> None:
        for gap in self._store.gaps():
            positions = f"{gap[0]}" if len(gap) == 1 else f"{gap[0]} to {gap[-1]}"
            self._report.found("log", f"nothing stands at position {positions}: events were deleted")

    def _strays(self) -> None:
        for stream in self._store.strays():
            self._report.found(f"stream {stream}", "has values, but its row is gone")

    def _unfounded(self) -> None:
        for run, problem in self._store.unfounded():
            self._report.found(f"run {short(run)}", problem)

    def _books(self) -> None:
        if self._store.keeps_books:
            self._billed.end(self._store.months(), self._store.reservations(), self._store.owners())

    def _rates(self) -> None:
        if self._store.keeps_rates:
            compare_rates(self._store, self._report.found)

    def _decisions(self) -> None:
        self._decided.end(self._store.decisions())
        self._report.erasures = self._erasures.told()

    def _tree(self) -> None:
        self._report.anchor = self._proven.check()
        self._report.restored = [str(one) for one in self._proven.restored]

    def _nothing(self) -> None:
        """Say so where there is no event at all: of a log that was emptied nothing else would tell."""
        if not self._report.events and self._report.sound:
            self._report.found(
                "log", "holds nothing, though it has a key: nothing was ever run here, or it was emptied"
            )

    def _streams(self) -> None:
        """Go through rows and events side by side, both by stream."""
        rows = Ahead(self._store.streams(), lambda row: row.id)
        events = Ahead(self._store.events(), lambda event: event.stream)
        counts = Ahead(self._store.counts(), lambda row: row.run)
        while streams := [stream for stream in (rows.stream, events.stream) if stream is not None]:
            stream = min(streams)
            self._uncounted(counts, before=stream)
            row = rows.take() if rows.stream == stream else None
            self._stream(stream, row, events, counts.take() if counts.stream == stream else None)
        self._uncounted(counts, before=None)

    def _uncounted(self, counts: Ahead[StoredCounts], *, before: str | None) -> None:
        """Name the runs that have neither row nor event, and yet have rows in other tables."""
        while counts.stream is not None and (before is None or counts.stream < before):
            name = f"run {short(counts.stream)}"
            Derived(self._store, counts.stream, self._report.found).end(counts.take(), name)

    def _stream(
        self,
        stream: str,
        row: StoredStream | None,
        events: Ahead[StoredEvent],
        counts: StoredCounts | None,
    ) -> None:
        name = f"stream {stream}" if row is None else row.name
        self._report.runs += row is not None and row.row is not None
        chain = Chain(row, name, self._report.found)
        derived = Derived(self._store, stream, self._report.found)
        missing: set[str] = set()
        erased = None if row is None else self._store.erased(stream)
        while events.stream == stream:
            stored = events.take()
            self._at = f"{name}, event {stored.seq}"
            self._report.events += 1
            event = chain.follow(stored)
            if event is not None and row is not None:
                self._held(stream, event, missing, erased=erased is not None)
                derived.follow(event, self._at)
                if row.row is not None:
                    self._billed.follow(row.row.tenant, event)
                    self._report.unnamed += is_unnamed(event)
                else:
                    tenant = row.name.removeprefix("tenant ")
                    self._decided.follow(tenant, event, self._at)
                    self._billed.told(tenant, event)
                    self._erasures.follow(event.kind, tenant, event.body)
        chain.end()
        self._at = name
        if erased is not None and chain.missing:
            said = f"was erased by {erased.by}, which takes away values and keys, and no event"
            self._report.found(name, f"{said}: somebody deleted those that are missing")
        derived.end(counts, name, self._store.replay(stream) if row is not None and row.row else None)
        if erased is not None:
            self._report.erased += len(missing)
            self._left(stream, name, erased)
        elif row is not None:
            self._values(stream, name)

    def _left(self, stream: str, name: str, erased: StoredErasure) -> None:
        """Say what an erasure has left; that an event says so is compared with all that was decided."""
        there = sum(1 for _ in self._store.values(stream))
        if there:
            self._report.found(name, f"was erased, and {there} of its values are there")
        if erased.keyed:
            self._report.found(name, "was erased, and its key is there")

    def _held(self, stream: str, event: Event, missing: set[str], *, erased: bool) -> None:
        for field_name, ref in references(event.body):
            if not COMMITMENT.fullmatch(ref):
                self._report.found(f"{self._at} ({field_name})", "is not the commitment of a value")
            elif ref not in missing and not self._store.holds(stream, ref):
                missing.add(ref)
                if not erased:
                    place = f"{self._at} ({field_name})"
                    self._report.found(place, f"value {ref[:12]} is not in the store")

    def _values(self, stream: str, name: str) -> None:
        try:
            key = self._store.key(stream)
        except StoreError as error:
            self._report.found(name, f"none of its values can be read: {error.message}")
            return
        for message in self._store.unvouched(stream, key):
            said = "in its inbox was not written by a process that holds its key, or was changed since"
            self._report.found(name, f"{message} {said}")
        other = self._store.wrapped_by_another(stream)
        if other is not None:
            self._report.found(name, f"its key is wrapped by {other}, a master key that was replaced")
        changed: dict[str, str] = {}
        for commitment, sealed in self._store.values(stream):
            try:
                key.open(bytes.fromhex(commitment), sealed)
            except StoreError as error:
                changed[commitment] = error.message
            else:
                self._report.values += 1
        if changed:
            self._name(stream, name, changed)

    def _name(self, stream: str, name: str, changed: dict[str, str]) -> None:
        """Say for each changed value which event holds it first."""
        for stored in self._store.events(stream):
            try:
                event = Event.read(stored.envelope)
            except ValueError:
                continue
            for field_name, ref in references(event.body):
                if ref in changed:
                    self._report.found(f"{name}, event {stored.seq} ({field_name})", changed.pop(ref))
        for problem in changed.values():
            self._report.found(name, f"{problem}; no event holds it")
