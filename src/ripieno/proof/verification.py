"""Verifies an export by a public key and earlier checkpoints, and says what that shows.

Uses nothing of what wrote the log: the export, the key and the checkpoints are all there is.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import re
from base64 import b64decode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, cast

from ripieno.proof.chains import Event, Stream, commitments, event_of
from ripieno.proof.checkpoints import Checkpoint, event_leaf
from ripieno.proof.decided import Decided
from ripieno.proof.erased import Erasures
from ripieno.proof.form import RUN_TABLES
from ripieno.proof.merkle import EMPTY, Frontier, ProofError, verify_consistency, verify_inclusion
from ripieno.proof.notes import NoteError, Verifier
from ripieno.proof.reading import ExportError, Line, hash_of, legible, lines_of, proof_of
from ripieno.proof.restores import Restore, explained, restores_in
from ripieno.proof.succession import KeyChain
from ripieno.proof.tables import Tables

__all__ = ["Report", "verify_export"]

MOST: Final = 1000
COMMITMENT: Final = re.compile(r"[0-9a-f]{64}")
STREAM: Final = re.compile(r"[0-9a-f]{32}")
SHORT: Final = 6


class Row(NamedTuple):
    """A row of what was decided outside runs."""

    table: str
    tenant: str
    key: tuple[str, ...]
    columns: Mapping[str, Any]


@dataclass(slots=True)
class Report:
    """What an export shows."""

    whole: bool = True
    """False for an export of some runs: what is not in it is not judged."""
    events: int = 0
    runs: int = 0
    values: int = 0
    rows: int = 0
    destroyed: int = 0
    """Runs and tenants whose key is gone, and with it their values."""
    unfolded: int = 0
    """Messages that their runs have not taken in yet: no chain vouches for them."""
    anchor: int | None = None
    """How many events the checkpoint covers up to which the log is what was signed."""
    number: int | None = None
    """The number of that checkpoint, as the export has it."""
    given: int = 0
    """How many earlier checkpoints the log was shown to go on from."""
    anchored: int | None = None
    """How many events the largest of these covers; None where none was handed in."""
    uncovered: int = 0
    """Events that no checkpoint vouches for."""
    findings: list[str] = field(default_factory=list[str])
    """At most 1,000, each with its place."""
    more: int = 0
    restored: list[str] = field(default_factory=list[str])
    """How the log was put back from backups, and what was lost by it."""
    erasures: list[str] = field(default_factory=list[str])
    """Whose values were erased, and by whom, as events say."""

    @property
    def sound(self) -> bool:
        """True when nothing was found."""
        return not self.findings

    def found(self, place: str, problem: str) -> None:
        """Add a finding."""
        if len(self.findings) < MOST:
            self.findings.append(legible(f"{place}: {problem}"))
        else:
            self.more += 1

    def __str__(self) -> str:
        counts = {"event": self.events, "run": self.runs, "value": self.values, "row": self.rows}
        counted = ", ".join(f"{count:,} {name}{'' if count == 1 else 's'}" for name, count in counts.items())
        part = "" if self.whole else " of a part of the log"
        if not self.sound:
            found = [f"  {finding}" for finding in self.findings]
            found += [f"  and {self.more:,} more"] if self.more else []
            return "\n".join([f"{counted}{part}: {len(self.findings) + self.more:,} found", *found])
        lines = [f"{counted}{part}: sound; {self._anchored()}"]
        lines += [f"  {one}" for one in self.restored]
        if self.given:
            plural = "" if self.given == 1 else "s"
            lines.append(f"  it goes on from the earlier checkpoint{plural} given ({self.given})")
        if self.unfolded:
            messages = "1 message was" if self.unfolded == 1 else f"{self.unfolded:,} messages were"
            lines.append(f"  {messages} not taken in yet: no chain vouches for them")
        if self.destroyed:
            streams = "1 run or tenant" if self.destroyed == 1 else f"{self.destroyed:,} runs or tenants"
            lines.append(f"  of {streams} the values are gone with their key: the chain stands without them")
        lines += [f"  {one}" for one in self.erasures]
        if not self.values:
            lines.append("  no values are in it: that they are as they were is not shown")
        if not self.whole:
            lines.append("  what is not in it is not judged: whether other events were taken away, too")
        return "\n".join(lines)

    def _anchored(self) -> str:
        if self.anchor is None:
            return "no checkpoint vouches for any of it"
        number = "" if self.number is None else f" {self.number}"
        after = f"{self.uncovered:,} event{'' if self.uncovered == 1 else 's'} after it"
        after = after if self.uncovered else "nothing after it"
        if self.anchored == self.anchor:
            return f"anchored up to checkpoint{number}, which was handed in; {after}"
        if self.anchored is None:
            return f"signed up to checkpoint{number}, which nobody else is known to have; {after}"
        handed = f"anchored up to one of {self.anchored:,} events, which was handed in"
        return f"{handed}; signed up to checkpoint{number}; {after}"


def verify_export(file: Iterable[str], key: Verifier, earlier: Sequence[str] = ()) -> Report:
    """Verify an export line by line; never stops at the first finding, unless it cannot be read on.

    Keeps in memory what events say of rows, and one hash of each stream.
    """
    return Verification(key, earlier).report(file)


class Verification:
    """One pass over an export."""

    def __init__(self, key: Verifier, earlier: Sequence[str]) -> None:
        self._key = key
        self._report = Report()
        self._tables = Tables(self._report.found)
        self._decided = Decided(self._report.found)
        self._decisions: list[Row] = []
        self._streams: dict[str, Stream] = {}
        self._earlier_notes = earlier
        self._given: list[Checkpoint | None] = []
        self._rekeyed: Sequence[Checkpoint] = ()
        self._wanted: set[int] = set()
        """Sizes of the tree at which its root is compared."""
        self._own: list[tuple[Line, Checkpoint]] = []
        self._frontier = Frontier()
        self._leaves = 0
        self._restores: list[Restore] = []
        self._roots: dict[int, bytes] = {0: EMPTY}
        self._held: dict[tuple[str, str], str] = {}
        """The place at which each value is named first, where values are in the export."""
        self._keys: dict[str, bytes] = {}
        self._erased: set[str] = set()
        self._erasures = Erasures()
        """Streams of which an event says that their values were erased."""
        self._values = False

    def report(self, file: Iterable[str]) -> Report:
        """Do all of it."""
        steps = {
            "export": self._export,
            "checkpoint": self._checkpoint,
            "stream": self._stream,
            "event": self._event,
            "key": self._commitment_key,
            "value": self._value,
            "row": self._row,
            "message": self._message,
            "end": self._end,
        }
        try:
            for line in lines_of(file):
                steps[line.line](line)
        except ExportError as error:
            self._report.found("export", f"cannot be read on from here: {error}")
            self._report.anchor = None
        return self._report

    # -- its beginning ----------------------------------------------------------------------------

    def _export(self, line: Line) -> None:
        self._report.whole = line.fields.get("whole") is True
        self._values = line.fields.get("values") is True
        self._leaves = line.integer("leaves")
        self._chain(line.fields.get("keys"))
        notes = enumerate(self._earlier_notes, 1)
        self._given = [self._opened(f"checkpoint given {number}", note) for number, note in notes]
        self._wanted |= {one.size for one in (*self._given, *self._rekeyed) if one is not None}

    def _chain(self, notes: Any) -> None:
        """Know the keys as well that took the place of the one given, or whose place it took."""
        if not isinstance(notes, list):
            return
        try:
            key = KeyChain.of(self._key, [str(note) for note in cast("list[Any]", notes)])
        except NoteError as error:
            self._report.found("public key", str(error))
            return
        self._key, self._rekeyed = key, key.checkpoints

    def _opened(self, place: str, note: str) -> Checkpoint | None:
        try:
            return Checkpoint.opened(note, self._key)
        except NoteError as error:
            self._report.found(place, str(error))
            return None

    def _checkpoint(self, line: Line) -> None:
        number, size = line.integer("number"), line.integer("size")
        checkpoint = self._opened(f"checkpoint {number}", line.text("note"))
        if checkpoint is None:
            return
        if checkpoint.size != size:
            self._report.found(
                f"checkpoint {number}", f"its row says {size} events, it says {checkpoint.size}"
            )
        self._own.append((line, checkpoint))
        self._wanted.add(checkpoint.size)

    def _stream(self, line: Line) -> None:
        row = line.fields.get("row")
        stream = Stream(
            line.text("id"),
            line.text("name"),
            line.integer("head_seq"),
            line.text("head_hash"),
            cast("dict[str, Any]", row) if isinstance(row, dict) else None,
        )
        if stream.id in self._streams or not STREAM.fullmatch(stream.id):
            self._report.found(stream.name, f"its id {stream.id[:40]!r} is none, or there twice")
        if stream.row is not None and stream.name != f"run {stream.id[-SHORT:]}":
            self._report.found(stream.name, f"is the run {stream.id}")
        if row is not None and stream.row is None:
            self._report.found(stream.name, "its row is none")
        self._report.runs += stream.row is not None
        self._streams[stream.id] = stream

    # -- events -------------------------------------------------------------------------------------

    def _event(self, line: Line) -> None:
        self._report.events += 1
        envelope = bytes_of(line.text("envelope"))
        try:
            event = event_of(envelope)
        except (ValueError, RecursionError) as error:
            self._report.found(self._unread(line), f"cannot be read: {error}")
            self._leaf(line, None, envelope, self._unread(line))
            return
        stream = self._streams.get(event.stream)
        name = f"stream {event.stream[:32]}" if stream is None else stream.name
        place = f"{name}, event {event.seq}"
        self._leaf(line, event, envelope, place)
        if stream is None:
            self._report.found(place, "its run or tenant is not in the export")
            return
        stream.follow(event, envelope, place, self._report.found)
        for field_name, ref in commitments(event.body):
            if not COMMITMENT.fullmatch(ref):
                self._report.found(f"{place} ({field_name})", "is not the commitment of a value")
            elif self._values:
                self._held.setdefault((event.stream, ref), f"{place} ({field_name})")
        if event.kind == "log.restored":
            self._restores += restores_in([event.body], self._key)
        if stream.row is None:
            if event.kind == "run.erased":
                self._erased.add(str(event.body.get("run")))
            elif event.kind == "tenant.deleted":
                self._erased.add(event.stream)
            tenant = stream.name.removeprefix("tenant ")
            self._decided.follow(tenant, event, place)
            self._erasures.follow(event.kind, tenant, event.body)
        else:
            self._tables.follow(event, place)

    def _unread(self, line: Line) -> str:
        """Name an event that cannot be read, by the number that it would have."""
        leaf = line.fields.get("leaf")
        return f"line {line.number}, the event of leaf {leaf}"

    def _leaf(self, line: Line, event: Event | None, envelope: bytes, place: str) -> None:
        if line.fields.get("leaf") is None:
            self._report.uncovered += 1
            return
        leaf, hashed = line.integer("leaf"), hash_of(line.fields.get("hash"))
        if hashlib.sha256(envelope).digest() != hashed:
            self._report.found(place, f"was changed after it became leaf {leaf} of the tree, or the leaf was")
        if event is None or not STREAM.fullmatch(event.stream) or not -(2**63) <= event.seq < 2**63:
            node = hashed  # whatever it was, it leads to another root
        else:
            node = event_leaf(bytes.fromhex(event.stream), event.seq, hashed)
        if self._report.whole:
            if leaf != self._frontier.size:
                follows = self._frontier.size
                self._report.found(place, f"is leaf {leaf} of the tree, and {follows} would follow")
            self._frontier.append(node)
            if self._frontier.size in self._wanted:
                self._roots[self._frontier.size] = self._frontier.root()
        else:
            self._included(line, leaf, node, place)

    def _included(self, line: Line, leaf: int, node: bytes, place: str) -> None:
        """Check that an event of a part is in the newest checkpoint."""
        newest = self._own[-1][1] if self._own else None
        if newest is None or leaf >= newest.size:
            self._report.uncovered += 1
            return
        try:
            verify_inclusion(
                leaf=node,
                index=leaf,
                size=newest.size,
                proof=proof_of(line.fields.get("proof")),
                root=newest.root,
            )
        except (ProofError, ExportError) as error:
            self._report.found(place, f"is not in checkpoint {self._own[-1][0].integer('number')}: {error}")

    # -- values ---------------------------------------------------------------------------------------

    def _commitment_key(self, line: Line) -> None:
        stream = line.text("stream")
        if line.fields.get("key") is not None:
            self._keys[stream] = hash_of(line.fields.get("key"))
            return
        self._report.destroyed += 1
        if self._report.whole and stream not in self._erased:
            named = self._streams[stream].name if stream in self._streams else f"stream {stream[:32]}"
            self._report.found(named, "its key is gone, and no event says that it was erased")
        for held in [held for held in self._held if held[0] == stream]:
            del self._held[held]

    def _value(self, line: Line) -> None:
        stream, commitment = line.text("stream"), line.text("commitment")
        place = self._held.pop((stream, commitment), None)
        named = self._streams[stream].name if stream in self._streams else f"stream {stream[:32]}"
        key = self._keys.get(stream)
        if key is None:
            self._report.found(place or named, "the key that its values are committed by is not there")
            return
        try:
            data = b64decode(line.text("data"), validate=True)
        except (binascii.Error, ValueError):
            self._report.found(place or named, f"value {commitment[:12]} is no base64")
            return
        if hmac.digest(key, data, "sha256").hex() != commitment:
            self._report.found(place or named, f"value {commitment[:12]} does not match its commitment")
            return
        self._report.values += 1

    # -- rows -----------------------------------------------------------------------------------------

    def _row(self, line: Line) -> None:
        table = line.text("table")
        self._report.rows += 1
        if table in RUN_TABLES:
            self._tables.row(table, line.fields)
            return
        key, columns = line.fields.get("key"), line.fields.get("columns")
        if not isinstance(key, list) or not isinstance(columns, dict):
            msg = f"line {line.number}: a row of {table} has neither key nor columns"
            raise ExportError(msg)
        names = tuple(str(one) for one in cast("list[Any]", key))
        self._decisions.append(Row(table, line.text("tenant"), names, cast("dict[str, Any]", columns)))

    def _message(self, line: Line) -> None:
        self._report.unfolded += 1
        self._tables.coming(line.fields.get("question"))
        if line.text("run") not in self._streams:
            self._report.found(f"run {line.text('run')[-SHORT:]}", "has messages, and is not in the export")

    # -- what it comes to -------------------------------------------------------------------------------

    def _end(self, line: Line) -> None:
        del line  # it was there, and that is all it is for
        for stream in self._streams.values():
            stream.end(self._report.found)
        self._tables.end()
        self._decided.end(self._decisions)
        self._report.restored = [str(one) for one in self._restores]
        self._report.erasures = self._erasures.told()
        for (_, ref), place in self._held.items():
            self._report.found(place, f"value {ref[:12]} is not in the export")
        if self._report.whole and self._frontier.size != self._leaves:
            said = f"the tree has {self._leaves:,} leaves, the export {self._frontier.size:,}"
            self._report.found("tree", f"{said}: events are missing, or were added")
        for number, one in enumerate(self._rekeyed if self._report.whole else (), 1):
            self._rooted(f"change {number} of the key that signs", one)
        fitting = [one for one in self._own if self._fits(one)]
        self._earlier()
        if not fitting or self._report.findings:
            return
        newest, checkpoint = fitting[-1]
        self._report.anchor, self._report.number = checkpoint.size, newest.integer("number")
        if self._report.whole:
            self._report.uncovered = max(0, self._report.events - checkpoint.size)

    def _fits(self, one: tuple[Line, Checkpoint]) -> bool:
        line, checkpoint = one
        name = f"checkpoint {line.integer('number')}"
        if not self._report.whole:
            return self._goes_on(name, checkpoint, line.fields.get("proof"))
        return self._rooted(name, checkpoint)

    def _rooted(self, name: str, checkpoint: Checkpoint) -> bool:
        """Compare a checkpoint with the tree of a whole export."""
        size = self._frontier.size
        if self._roots.get(checkpoint.size) != checkpoint.root and explained(self._restores, checkpoint):
            return False
        if checkpoint.size > size:
            covers = f"covers {checkpoint.size:,} events, the tree has {size:,}"
            self._report.found(
                name, f"{covers}: the log was cut off behind it, or an earlier state was put back"
            )
        elif self._roots.get(checkpoint.size) != checkpoint.root:
            self._report.found(name, f"the first {checkpoint.size:,} events are not those that were signed")
        else:
            return True
        return False

    def _goes_on(self, name: str, checkpoint: Checkpoint, proof: Any) -> bool:
        """Check that the newest checkpoint of a part goes on from another."""
        newest = self._own[-1][1]
        if checkpoint.size == 0:
            return True
        try:
            verify_consistency(
                first=checkpoint.size,
                second=newest.size,
                proof=proof_of(proof or []),
                first_root=checkpoint.root,
                second_root=newest.root,
            )
        except (ProofError, ExportError) as error:
            self._report.found(name, f"the newest checkpoint does not go on from it: {error}")
            return False
        return True

    def _earlier(self) -> None:
        """Compare with the checkpoints that come from elsewhere."""
        for number, checkpoint in enumerate(self._given, 1):
            name = f"checkpoint given {number}"
            if checkpoint is None:
                continue
            if self._report.whole:
                self._goes(checkpoint, fits=self._rooted(name, checkpoint))
                continue
            own = [line for line, one in self._own if one.size == checkpoint.size]
            if not own:
                self._report.found(name, "the export has no proof from it: export with --checkpoint")
                continue
            self._goes(checkpoint, fits=self._goes_on(name, checkpoint, own[-1].fields.get("proof")))

    def _goes(self, checkpoint: Checkpoint, *, fits: bool) -> None:
        """Count a checkpoint from elsewhere that the log goes on from."""
        if fits:
            self._report.given += 1
            self._report.anchored = max(self._report.anchored or 0, checkpoint.size)


def bytes_of(envelope: str) -> bytes:
    """Give the bytes of an envelope; what is no text stands in an export as surrogates."""
    try:
        return envelope.encode("utf-8", "surrogateescape")
    except UnicodeError:  # no bytes are written so: it was changed, and its hash will tell
        return envelope.encode("utf-8", "surrogatepass")
