"""A log as a verification sees it: one snapshot of it, needing no owner and no loop."""

# ruff: noqa: S608 - only our own column names are put into statements

from __future__ import annotations

import contextlib
import heapq
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from ripieno.journal.keys import StreamKey, wrapped_by
from ripieno.journal.records import RunRow
from ripieno.journal.signing import LATEST, PUBLIC_KEY
from ripieno.journal.sql.audited import (
    COUNTS,
    DECISIONS,
    FAILED,
    HOLDING,
    MESSAGE,
    QUESTION,
    RECODED,
    REMINDING,
    SETTLED,
    UNFOUNDED,
    WRAPPED,
)
from ripieno.journal.sql.documents import HELD
from ripieno.journal.sql.ownership import COLUMNS
from ripieno.journal.sql.reads import OF_SYSTEM
from ripieno.journal.sql.snapshot import Snapshot
from ripieno.journal.stored import (
    StoredCheckpoint,
    StoredClaim,
    StoredCounts,
    StoredDecision,
    StoredErasure,
    StoredEvent,
    StoredIntent,
    StoredLeaf,
    StoredMonth,
    StoredRate,
    StoredReplay,
    StoredReservation,
    StoredSink,
    StoredStream,
)
from ripieno.journal.vouched import SAID, VOUCHED, fits
from ripieno.model.errors import StoreError
from ripieno.model.event import Event
from ripieno.model.ids import short
from ripieno.model.stop import EVERYTHING
from ripieno.proof.notes import Verifier
from ripieno.proof.restores import Restore, restores_in

__all__ = ["Audit", "named", "stored"]


EXACT: Final = 4
"""From this format on questions were asked when their events say, and calls say under which rate."""


class Audit:
    """A consistent snapshot of a log, as a context manager; nothing is written to it.

    Raises `StoreError` where it cannot be read.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._home = snapshot.home
        self._rows, self._scan = snapshot.rows, snapshot.scan
        self.damage, self.gaps = snapshot.damage, snapshot.gaps
        self._columns = cache(snapshot.columns)

    def __enter__(self) -> Self:
        self._snapshot.open()
        self._first = self._snapshot.format == 1
        self._vouched = self._snapshot.format >= VOUCHED
        self.keeps_rates = self._snapshot.format >= EXACT
        """True where calls say under which rate they were made: those of earlier formats do not."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._snapshot.close()

    def streams(self) -> Iterator[StoredStream]:
        """Give every run and tenant, by id of their streams."""
        runs = (
            StoredStream(row.id, f"run {short(row.id)}", row.head_seq, row.head_hash, row)
            for row in (RunRow(*row) for row in self._scan(f"SELECT {COLUMNS} FROM runs ORDER BY id"))
        )
        tenants = (
            StoredStream(stream.hex(), f"tenant {name}", seq, last, None)
            for name, stream, seq, last in self._scan(
                "SELECT name, stream, head_seq, head_hash FROM tenants ORDER BY stream"
            )
        )
        return heapq.merge(runs, tenants, key=lambda stream: stream.id)

    def events(self, stream: str | None = None) -> Iterator[StoredEvent]:
        """Give the events of one stream or of all, by stream and seq."""
        rows = self._scan(
            "SELECT position, stream, seq, kind, envelope FROM events"
            f" {'' if stream is None else 'WHERE stream = ?'} ORDER BY stream, seq",
            *([] if stream is None else [stored(stream)]),
        )
        for position, raw, seq, kind, envelope in rows:
            yield StoredEvent(position, raw.hex(), seq, kind, envelope)

    def values(self, stream: str) -> Iterator[tuple[str, bytes]]:
        """Give commitment and sealed bytes of every value of a stream."""
        rows = self._scan("SELECT commitment, sealed FROM payloads WHERE stream = ?", stored(stream))
        for commitment, sealed in rows:
            yield commitment.hex(), sealed

    def told(self, stream: str) -> Iterator[tuple[str, bytes]]:
        """Give the same of every value that the log tells of, and so of none that documents hold."""
        place = stored(stream)
        held = {row[0] for row in self._rows(HELD, place, place)} if self._there("passages") else set[str]()
        return ((ref, sealed) for ref, sealed in self.values(stream) if ref not in held)

    def strays(self) -> Iterator[str]:
        """Give the streams that have values but neither run nor tenant."""
        rows = self._scan(
            "SELECT DISTINCT stream FROM payloads WHERE lower(hex(stream)) NOT IN (SELECT id FROM runs)"
            " AND stream NOT IN (SELECT stream FROM tenants)"
        )
        for (stream,) in rows:
            yield stream.hex()

    def holds(self, stream: str, commitment: str) -> bool:
        """Tell whether a value is there."""
        rows = self._rows(
            "SELECT 1 FROM payloads WHERE stream = ? AND commitment = ?",
            stored(stream),
            bytes.fromhex(commitment),
        )
        return next(rows, None) is not None

    def key(self, stream: str) -> StreamKey:
        """Give the key of a stream; raises `StoreError` when it is gone or was changed."""
        raw = stored(stream)
        row = next(self._rows(WRAPPED, stream, raw))
        return self._snapshot.master.reach(raw, row[0])

    def wrapped_by_another(self, stream: str) -> str | None:
        """Say by which master key a stream's key is wrapped, where another took its place."""
        newest = next(self._rows(SETTLED), None) if self._there("masters") else None
        if newest is None:
            return None
        (wrapped,) = next(self._rows(WRAPPED, stream, stored(stream)))
        name = wrapped_by(wrapped)
        if name is not None and name.hex() == newest[0]:
            return None
        return "an earlier one" if name is None else name.hex()

    def erased(self, stream: str) -> StoredErasure | None:
        """Tell whether the values of a stream were erased; earlier formats know of none."""
        if not self._there("erasures"):
            return None
        rows = self._rows(
            "SELECT EXISTS (SELECT 1 FROM runs WHERE id = e.stream AND wrapped <> x'')"
            " OR EXISTS (SELECT 1 FROM tenants WHERE stream = ? AND wrapped <> x'')"
            ", e.by FROM erasures e WHERE e.stream = ?",
            stored(stream),
            stream,
        )
        found = next(rows, None)
        return None if found is None else StoredErasure(found[0] > 0, found[1])

    def counts(self) -> Iterator[StoredCounts]:
        """Give how many rows there are for each run that has any, by id of the run."""
        failed = "" if self._first else FAILED
        return (StoredCounts(*row) for row in self._scan(COUNTS.format(failed_calls=failed)))

    def claim(self, run: str, path: str, attempt: int) -> StoredClaim | None:
        """Give the row of an attempt at a call; None where it has none."""
        tool = "NULL" if self._first else "tool"
        rows = self._rows(
            f"SELECT epoch, {tool} FROM claims WHERE run = ? AND path = ? AND attempt = ?", run, path, attempt
        )
        found = next(rows, None)
        return None if found is None else StoredClaim(*found)

    def failed_call(self, run: str, path: str) -> dict[str, Any] | None:
        """Give the row of a call that failed or is in doubt, by column."""
        if self._first:
            return None
        rows = self._rows("SELECT tool, status, at FROM failed_calls WHERE run = ? AND path = ?", run, path)
        row = next(rows, None)
        return None if row is None else dict(zip(("tool", "status", "at"), row, strict=True))

    def replay(self, run: str) -> StoredReplay:
        """Give from where the row of a run says that replay starts."""
        return StoredReplay(
            *next(self._rows("SELECT replay_after, replay_needed FROM runs WHERE id = ?", run))
        )

    def question(self, question: str) -> dict[str, Any] | None:
        """Give the row of a question by column, as far as events tell of it."""
        columns = QUESTION if self._first else (*QUESTION, *HOLDING, *REMINDING)
        return self._row("questions", (*columns, "asked_at") if self.keeps_rates else columns, question)

    def coming(self, question: str) -> Iterator[dict[str, Any]]:
        """Give the messages about a question that were not taken in yet, in order."""
        target = "NULL" if self._first else "target"
        rows = self._rows(
            f"SELECT kind, by, {target}, at FROM inbox WHERE run = ? AND folded IS NULL AND question = ?"
            " ORDER BY position",
            question.partition("/")[0],
            question,
        )
        for kind, by, target, at in rows:
            yield {"kind": kind, "by": by, "for": target, "at": at}

    def message(self, message: str) -> dict[str, Any] | None:
        """Give the row of a message by column, as far as events tell of it."""
        return self._row("inbox", MESSAGE if self._first else (*MESSAGE, "target"), message)

    def unfounded(self) -> Iterator[tuple[str, str]]:
        """Give the questions whose rows speak against themselves or each other: run, and problem."""
        return self._scan(UNFOUNDED.format(recoded=RECODED if self._vouched else ""))

    def unvouched(self, run: str, key: StreamKey) -> Iterator[str]:
        """Name the messages not taken in yet that nobody who holds the run's key has written so."""
        if not self._vouched:
            return
        rows = self._rows(
            f"SELECT {named(*SAID)}, mac FROM inbox WHERE run = ? AND folded IS NULL ORDER BY position", run
        )
        for *said, mac in rows:
            if not fits(key, said, mac):
                yield f"message {said[0]} ({said[2]}, said to be by {said[3]})"

    def decisions(self) -> Iterator[StoredDecision]:
        """Give the rows of what was decided outside runs; earlier formats have fewer tables and columns."""
        for table, (key, wanted) in DECISIONS.items():
            there = self._columns(table)
            if not there:
                continue
            columns = tuple(column for column in wanted if column in there)
            for tenant, *values in self._scan(f"SELECT {named('tenant', *key, *columns)} FROM {table}"):
                rest = dict(zip(columns, values[len(key) :], strict=True))
                yield StoredDecision(table, tenant, tuple(values[: len(key)]), rest)

    def rates(self) -> Iterator[StoredRate]:
        """Give how fast principals have called tools."""
        for row in self._scan("SELECT tenant, principal, tool, paid_at FROM rates"):
            yield StoredRate(*row)

    def intents(self) -> Iterator[StoredIntent]:
        """Give all claims in the order in which they were made, each with for whom."""
        for tenant, principal, run, seq, envelope in self._scan(
            "SELECT tenant, principal, runs.id, seq, envelope FROM events"
            " JOIN runs ON runs.id = lower(hex(stream)) WHERE kind = 'intent' ORDER BY events.position"
        ):
            yield StoredIntent(tenant, principal, f"run {short(run)}, event {seq}", envelope)

    @property
    def keeps_books(self) -> bool:
        """Tell whether there are books of monthly budgets: earlier formats have none."""
        return self._there("spent_months")

    def months(self) -> Iterator[StoredMonth]:
        """Give the books of monthly budgets."""
        for row in self._scan("SELECT tenant, team, month, cost, alerted FROM spent_months"):
            yield StoredMonth(*row)

    def reservations(self) -> Iterator[StoredReservation]:
        """Give what is reserved in them."""
        for row in self._scan("SELECT run, path, cost, tenant, team FROM reserved"):
            yield StoredReservation(*row)

    def owners(self) -> Mapping[tuple[str, str], str]:
        """Give which team has which version."""
        found: dict[tuple[str, str], str] = {}
        for tenant, version, about in self._rows("SELECT tenant, version, about FROM versions"):
            with contextlib.suppress(ValueError, AttributeError):  # a changed row is told of by itself
                found[tenant, version] = str(json.loads(about).get("owner") or "")
        return found

    # -- the tree over the log, and what was signed of it ----------------------------------------------

    def leaves(self) -> Iterator[StoredLeaf]:
        """Give the leaves in their order, each with the event at its place; earlier formats have none."""
        if not self._there("leaves"):
            return
        rows = self._scan(
            "SELECT leaf, l.position, l.stream, l.seq, l.hash, e.stream, e.seq, e.kind, e.envelope"
            " FROM leaves l LEFT JOIN events e ON e.position = l.position ORDER BY leaf"
        )
        for leaf, position, stream, seq, hashed, there, number, kind, envelope in rows:
            event = None if there is None else StoredEvent(position, there.hex(), number, kind, envelope)
            yield StoredLeaf(leaf, position, stream.hex(), seq, hashed, event)

    def unsequenced(self, first: int, last: int) -> Iterator[str]:
        """Name the events that stand from one place of the log to another."""
        rows = self._rows("SELECT stream, seq FROM events WHERE position BETWEEN ? AND ?", first, last)
        for stream, seq in rows:
            yield self.named(stream.hex(), seq)

    def named(self, stream: str, seq: int) -> str:
        """Give what an event is called."""
        tenants = self._rows("SELECT name FROM tenants WHERE stream = ?", stored(stream))
        tenant = next(tenants, None)
        return f"run {short(stream)}, event {seq}" if tenant is None else f"tenant {tenant[0]}, event {seq}"

    def tree_nodes(self) -> Iterator[tuple[int, list[bytes]]]:
        """Give the hashes of whole subtrees that are kept, by level."""
        if self._there("tree_nodes"):
            for (level,) in list(self._rows("SELECT DISTINCT level FROM tree_nodes ORDER BY level")):
                rows = self._scan("SELECT hash FROM tree_nodes WHERE level = ? ORDER BY number", level)
                yield level, [row[0] for row in rows]

    def checkpoints(self) -> Iterator[StoredCheckpoint]:
        """Give what was signed, in order."""
        if self._there("checkpoints"):
            for row in self._rows("SELECT number, size, at, note FROM checkpoints ORDER BY number"):
                yield StoredCheckpoint(*row)

    def sinks(self) -> Iterator[StoredSink]:
        """Give what is known of where checkpoints were published; there were some."""
        for row in self._rows("SELECT sink, number, at, failed_at, problem FROM sinks ORDER BY sink"):
            yield StoredSink(*row)

    def public_key(self) -> Verifier | None:
        """Give the key by which checkpoints of this folder are checked; raises `NoteError` for none."""
        for text in beside(self._home / PUBLIC_KEY):
            return Verifier.read(text)
        return None

    def restores(self, key: Verifier) -> Sequence[Restore]:
        """Give what the log says of having been put back from a backup, signed by its key."""
        return restores_in(self._of_system("log.restored"), key)

    def successions(self) -> Sequence[str]:
        """Give what the log says of keys that took the place of others, as notes."""
        return [str(body.get("statement")) for body in self._of_system("checkpoint.rekeyed")]

    def _of_system(self, kind: str) -> Iterator[Mapping[str, Any]]:
        rows = self._rows(OF_SYSTEM, kind, EVERYTHING) if self._there("tenants") else iter(())
        return bodies(row[0] for row in rows)

    def latest(self) -> Iterator[str]:
        """Give the newest checkpoint as it stands beside the store, if it does."""
        return beside(self._home / LATEST)

    def _there(self, table: str) -> bool:
        return bool(self._columns(table))

    def _row(self, table: str, columns: tuple[str, ...], key: str) -> dict[str, Any] | None:
        row = next(self._rows(f"SELECT {', '.join(columns)} FROM {table} WHERE id = ?", key), None)
        return None if row is None else dict(zip(columns, row, strict=True))


def bodies(envelopes: Iterator[bytes]) -> Iterator[Mapping[str, Any]]:
    """Give the bodies of events that can be read; of others the chains tell."""
    for envelope in envelopes:
        with contextlib.suppress(ValueError):
            yield Event.read(envelope).body


def beside(file: Path) -> Iterator[str]:
    """Give what a file beside the store holds, if it is there."""
    try:
        yield file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return
    except (OSError, UnicodeError) as error:
        msg = f"cannot read {file}: {error}"
        raise StoreError(msg) from error


def named(*columns: str) -> str:
    """Give columns as a statement names them; `group` is a word of the language as well."""
    return ", ".join(f'"{column}"' for column in columns)


def stored(stream: str) -> bytes:
    """Give the bytes under which a stream stands; an id that was changed into none stands nowhere."""
    try:
        return bytes.fromhex(stream)
    except ValueError:
        return stream.encode()
