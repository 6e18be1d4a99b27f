"""The embedded store as a verification sees it: opened read-only, needing no owner and no loop."""

# ruff: noqa: S608 - only our own column names are put into statements

from __future__ import annotations

import contextlib
import heapq
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from ripieno.journal.keys import MasterKey, StreamKey, wrapped_by
from ripieno.journal.records import RunRow
from ripieno.journal.signing import LATEST, PUBLIC_KEY
from ripieno.journal.sql.documents import HELD
from ripieno.journal.sql.memories import TOLD
from ripieno.journal.sql.ownership import COLUMNS
from ripieno.journal.sql.reads import OF_SYSTEM
from ripieno.journal.sqlite.failures import reading
from ripieno.journal.sqlite.read_only import read_only
from ripieno.journal.sqlite.schema import FORMAT, VOUCHED
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
from ripieno.journal.vouched import SAID, fits
from ripieno.model.errors import NotFoundError, StoreError
from ripieno.model.event import Event
from ripieno.model.ids import short
from ripieno.model.stop import EVERYTHING
from ripieno.proof.notes import Verifier
from ripieno.proof.restores import Restore, restores_in

__all__ = ["SqliteAudit"]

GAPS = """
SELECT before + 1, position - 1 FROM (
    SELECT position, lag(position, 1, 0) OVER (ORDER BY position) AS before FROM events
    UNION ALL SELECT (SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'events') + 1,
                     (SELECT coalesce(max(position), 0) FROM events)
) WHERE position > before + 1 ORDER BY 1
"""

COUNTS = """
SELECT run, sum(claims), sum(questions), sum(folded), sum(failed) FROM (
    SELECT run, 1 AS claims, 0 AS questions, 0 AS folded, 0 AS failed FROM claims
    UNION ALL SELECT run, 0, 1, 0, 0 FROM questions
    UNION ALL SELECT run, 0, 0, 1, 0 FROM inbox WHERE folded IS NOT NULL
    {failed_calls}
) GROUP BY run ORDER BY run
"""
FAILED = "UNION ALL SELECT run, 0, 0, 0, 1 FROM failed_calls"

UNFOUNDED = """
SELECT run, 'question ' || id || ' is ' || state || ', and no message says so' FROM questions
    WHERE state IN ('answered', 'expired')
    AND id NOT IN (SELECT question FROM inbox WHERE question IS NOT NULL
        AND kind NOT IN ('claim', 'release', 'reassign', 'delegate', 'comment', 'reminded'))
UNION ALL SELECT run, 'question ' || questions.id || ' is open, though it has ended' FROM questions
    JOIN runs ON runs.id = run WHERE state = 'open' AND ended_at IS NOT NULL
UNION ALL SELECT run, 'question ' || id || iif(number IS NULL, ' has no number', ' has a number')
    FROM questions WHERE (number IS NULL) <> (kind IN ('timer', 'child'))
UNION ALL SELECT run, 'question ' || id || ' is t-' || number || ', the task asked before it '
    || iif(before = 0, 'is not there', 't-' || before) FROM (
        SELECT run, id, number, lag(number, 1, 0) OVER (ORDER BY position) AS before FROM questions
        WHERE number IS NOT NULL
    ) WHERE number <> before + 1
{recoded}
ORDER BY 1, 2
"""
RECODED: Final = """
UNION ALL SELECT run, 'message ' || id || ' was taken in, and has the code of one that was not' FROM inbox
    WHERE folded IS NOT NULL AND mac IS NOT NULL
"""

WRAPPED: Final = (
    "SELECT wrapped FROM runs WHERE id = ? UNION ALL SELECT wrapped FROM tenants WHERE stream = ?"
)
SETTLED: Final = (
    "SELECT id FROM (SELECT id, state FROM masters ORDER BY generation DESC LIMIT 1) WHERE state = 'settled'"
)
"""The master key by which everything is wrapped; none while one takes another's place, or of the first."""

QUESTION: Final = ("run", "path", "kind", "role", "content", "due_at", "state", "answered_by")
HOLDING: Final = ("person", "claimed_by", "claimed_at", "delegated_by", "answered_for", "answered_at")
"""Columns of a question that the first format does not have, or not as its events say them."""
REMINDING: Final = ("reminders", "remind_at", "reminded")
MESSAGE: Final = ("run", "kind", "by", "at", "question", "path", "content", "folded")

DECISIONS: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "versions": (("version",), ("workflow", "source", "pins", "about", "registered_at")),
    "compatible": (("old", "new"), ()),
    "drains": (("workflow",), ("by", "at", "reason")),
    "modes": (("version", "participant"), ("mode", "by", "event")),
    "principals": (("id",), ("status", "roles", "groups", "provided", "by", "event")),
    "providers": (("issuer",), ("settings", "by")),
    "api_keys": (("id",), ("principal", "verifier", "scope", "expires_at", "created_at", "by", "state")),
    "logins": (("credential",), ("principal", "mark", "at")),
    "group_roles": (("group", "role"), ("by",)),
    "deployments": (("workflow", "stage"), ("version", "share", "by", "event")),
    "protected": (("workflow",), ("by", "event")),
    "agent_states": (("workflow", "agent"), ("status", "by", "reason", "event")),
    "stops": (("what", "name"), ("by", "at", "reason")),
    "budgets": (("team",), ("cost", "hard", "by")),
    "tenant_regions": ((), ("region", "by")),
    "policy_sets": (("version",), ("content", "state", "by", "event")),
    "policy_stages": (("stage",), ("version", "share", "by", "event")),
    "erasures": (("stream",), ("by", "at", "reason")),
    "holds": (("what", "name"), ("by", "at", "reason")),
    "retention": (("data",), ("keep", "at_least", "by")),
    "memories": (("id",), TOLD[1:]),
    "documents": (("collection", "document"), ("about", "digest", "passages", "by", "at")),
    "masters": (("id",), ("generation", "before", "state", "by")),
    "absences": (("id",), ("person", "substitute", "from_at", "until_at", "set_by", "set_at")),
}
"""Tables of what was decided outside runs: the columns that name a row, and those that events repeat."""

EXACT: Final = 4
"""From this format on questions were asked when their events say, and calls say under which rate."""

READABLE: Final = frozenset({1, 2, 3, 4, 6, 7, FORMAT})
"""Formats whose events, values and rows of runs stand where this one's do: a copy is not written to."""


class SqliteAudit:
    """A consistent snapshot of one data folder, as a context manager; nothing is written to it.

    Raises `NotFoundError` where there is no log, and `StoreError` where it cannot be read.
    """

    def __init__(self, home: Path) -> None:
        self._path = home / "journal.sqlite"
        if not self._path.exists():
            msg = f"no log at {self._path}"
            raise NotFoundError(msg, remedy="give the data folder with --home or RIPIENO_HOME")
        self._master = MasterKey.read(home / "master.key")
        self._connection = read_only(self._path)

    def __enter__(self) -> Self:
        try:
            self._rows("BEGIN")
            (found,) = next(self._rows("PRAGMA user_version"))
        except StoreError:
            self._connection.close()
            raise
        self._first = found == 1
        self._vouched = found >= VOUCHED
        self.keeps_rates = found >= EXACT
        """True where calls say under which rate they were made: those of earlier formats do not."""
        if found not in READABLE:
            self._connection.close()
            msg = f"{self._path} has format {found}, this version of Ripieno reads format {FORMAT}"
            raise StoreError(msg, remedy="use the version of Ripieno that wrote it")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def damage(self) -> Iterator[str]:
        """Give what SQLite finds wrong with its own file."""
        for (problem,) in self._rows("PRAGMA integrity_check(20)"):
            if problem != "ok":
                yield str(problem)

    def gaps(self) -> Iterator[range]:
        """Give the positions at which an event once stood and none does now."""
        for first, last in self._rows(GAPS):
            yield range(first, last + 1)

    def streams(self) -> Iterator[StoredStream]:
        """Give every run and tenant, by id of their streams."""
        runs = (
            StoredStream(row.id, f"run {short(row.id)}", row.head_seq, row.head_hash, row)
            for row in (RunRow(*row) for row in self._rows(f"SELECT {COLUMNS} FROM runs ORDER BY id"))
        )
        tenants = (
            StoredStream(stream.hex(), f"tenant {name}", seq, last, None)
            for name, stream, seq, last in self._rows(
                "SELECT name, stream, head_seq, head_hash FROM tenants ORDER BY stream"
            )
        )
        return heapq.merge(runs, tenants, key=lambda stream: stream.id)

    def events(self, stream: str | None = None) -> Iterator[StoredEvent]:
        """Give the events of one stream or of all, by stream and seq."""
        rows = self._rows(
            "SELECT position, stream, seq, kind, envelope FROM events"
            f" {'' if stream is None else 'WHERE stream = ?'} ORDER BY stream, seq",
            *([] if stream is None else [stored(stream)]),
        )
        for position, raw, seq, kind, envelope in rows:
            yield StoredEvent(position, raw.hex(), seq, kind, envelope)

    def values(self, stream: str) -> Iterator[tuple[str, bytes]]:
        """Give commitment and sealed bytes of every value of a stream."""
        rows = self._rows("SELECT commitment, sealed FROM payloads WHERE stream = ?", stored(stream))
        for commitment, sealed in rows:
            yield commitment.hex(), sealed

    def told(self, stream: str) -> Iterator[tuple[str, bytes]]:
        """Give the same of every value that the log tells of, and so of none that documents hold."""
        place = stored(stream)
        held = {row[0] for row in self._rows(HELD, place, place)} if self._there("passages") else set[str]()
        return ((ref, sealed) for ref, sealed in self.values(stream) if ref not in held)

    def strays(self) -> Iterator[str]:
        """Give the streams that have values but neither run nor tenant."""
        rows = self._rows(
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
        return self._master.reach(raw, row[0])

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
        return (StoredCounts(*row) for row in self._rows(COUNTS.format(failed_calls=failed)))

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
        return self._rows(UNFOUNDED.format(recoded=RECODED if self._vouched else ""))

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
            there = {row[1] for row in self._rows(f"PRAGMA table_info({table})")}
            if not there:
                continue
            columns = tuple(column for column in wanted if column in there)
            for tenant, *values in self._rows(f"SELECT {named('tenant', *key, *columns)} FROM {table}"):
                rest = dict(zip(columns, values[len(key) :], strict=True))
                yield StoredDecision(table, tenant, tuple(values[: len(key)]), rest)

    def rates(self) -> Iterator[StoredRate]:
        """Give how fast principals have called tools."""
        for row in self._rows("SELECT tenant, principal, tool, paid_at FROM rates"):
            yield StoredRate(*row)

    def intents(self) -> Iterator[StoredIntent]:
        """Give all claims in the order in which they were made, each with for whom."""
        for tenant, principal, run, seq, envelope in self._rows(
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
        for row in self._rows("SELECT tenant, team, month, cost, alerted FROM spent_months"):
            yield StoredMonth(*row)

    def reservations(self) -> Iterator[StoredReservation]:
        """Give what is reserved in them."""
        for row in self._rows("SELECT run, path, cost, tenant, team FROM reserved"):
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
        rows = self._rows(
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
                rows = self._rows("SELECT hash FROM tree_nodes WHERE level = ? ORDER BY number", level)
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
        for text in beside(self._path.with_name(PUBLIC_KEY)):
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
        return beside(self._path.with_name(LATEST))

    def _there(self, table: str) -> bool:
        return next(self._rows("SELECT 1 FROM sqlite_master WHERE name = ?", table), None) is not None

    def _row(self, table: str, columns: tuple[str, ...], key: str) -> dict[str, Any] | None:
        row = next(self._rows(f"SELECT {', '.join(columns)} FROM {table} WHERE id = ?", key), None)
        return None if row is None else dict(zip(columns, row, strict=True))

    def _rows(self, statement: str, *values: Any) -> Iterator[Any]:
        """Run a statement at once, and give its rows as they are read."""
        try:
            cursor = self._connection.execute(statement, values)
        except sqlite3.Error as error:
            raise reading(self._path, error) from error
        return self._fetch(cursor)

    def _fetch(self, cursor: sqlite3.Cursor) -> Iterator[Any]:
        try:
            yield from cursor
        except sqlite3.Error as error:
            raise reading(self._path, error) from error


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
