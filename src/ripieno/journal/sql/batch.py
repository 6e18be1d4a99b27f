"""One group commit: the events of many runs, each chained to its own head, in one transaction."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, Final, NamedTuple

from ripieno.journal.keys import StreamKey, nonces
from ripieno.journal.records import (
    CallChange,
    ClaimChange,
    CloseChange,
    Draft,
    EndChange,
    Lease,
    QuestionChange,
    SegmentChange,
)
from ripieno.journal.sql.authority import changed_since
from ripieno.journal.sql.books import enter, short_of
from ripieno.journal.sql.database import Database, put
from ripieno.journal.sql.posting import tell
from ripieno.journal.sql.rates import too_fast
from ripieno.journal.sql.standing import begins_something, standing, stopped
from ripieno.journal.sql.tenant_streams import extend
from ripieno.model.errors import StoreError
from ripieno.model.event import Event, Json
from ripieno.model.stop import Stop

__all__ = ["Batch", "Head"]

FAILED: Final = put("failed_calls", "run, path", "tool, status, at")


class Head(NamedTuple):
    """The last event of a run, as this transaction will leave it."""

    lease: Lease
    seq: int
    hash: str
    at: int | None
    """When it was written; None while this transaction has added nothing."""


class Batch:
    """Collects events within a transaction and writes them at its end.

    A run whose owner was fenced is dropped without harm to the others, and a claim that the inbox
    has overtaken is bounced without harm to its run.
    """

    __slots__ = (
        "_database",
        "_ends",
        "_events",
        "_gone",
        "_heads",
        "_known",
        "_master",
        "_outdated",
        "_payloads",
        "_savepoint",
        "_undo",
        "admitted",
        "beyond",
        "bounced",
        "connection",
        "stops",
        "unguarded",
    )

    def __init__(self, database: Database) -> None:
        self.connection = database.connection
        self._database = database
        self.bounced: set[Draft] = set()
        self.beyond = False
        """True once anything was done but to begin, carry on and end runs that this process has: what others
        wait for or have to take up, what stops or permits, what is due at a time."""
        self.admitted: set[tuple[str, str]] = set()
        """Tenants and workflows of which nothing keeps new runs from starting."""
        self.unguarded: set[tuple[str, str]] = set()
        """Those of which drafts start, too."""
        self._known: dict[str, tuple[int, int, int]] = {}
        """Epoch, last event and messages of runs that have an owner, where nothing can have changed them."""
        self._ends: list[tuple[str, str, int]] = []
        """Runs that have ended: id, status, time."""
        self._master: Sequence[bytes] | None = None
        """The master keys that took another's place, newest first; None until it is asked."""
        self._savepoint = False
        self._gone: set[Lease] = set()
        self._heads: dict[str, Head] = {}
        self._events: list[tuple[bytes, int, str, bytes]] = []
        self._payloads: list[tuple[StreamKey, bytes, bytes]] = []
        """Values to be encrypted and kept: key, commitment and encoded value."""
        self._undo: list[Callable[[], object]] | None = None
        self.stops: Sequence[Stop] | None = None
        """What stands stopped; None until it is asked, and after what may have changed it."""
        self._outdated: dict[tuple[str, int], bool] = {}
        """Whether rights in a tenant may have changed since an event; likewise."""

    # -- ownership --------------------------------------------------------------------------------

    def owns(self, lease: Lease) -> bool:
        """Tell whether the lease still stands; asks the table once per transaction."""
        if lease.lost or lease in self._gone:
            return False
        head = self._heads.get(lease.run)
        if head is not None:
            return head.lease is lease
        if lease.run not in self._known:
            self.look([lease.run])
        known = self._known.get(lease.run)
        if known is None or known[:2] != (lease.epoch, lease.head_seq):
            self.give_up(lease)
            return False
        self.lead(lease)
        return True

    def look(self, runs: Sequence[str]) -> None:
        """Look up who owns these runs, and how many messages they have."""
        self.learn(self._database.look(runs))

    def lead(self, lease: Lease) -> None:
        """Take a lease's head as given, for a run whose row this transaction has just read or made."""
        before = self._heads.get(lease.run)  # of an owner who gave up in this very transaction
        self._put(Head(lease, lease.head_seq, lease.head_hash, before.at if before else None))

    def head(self, run: str) -> Head | None:
        """Give a run's head where this transaction knows better than the table."""
        return self._heads.get(run)

    def give_up(self, lease: Lease) -> None:
        """Let nothing more be appended under this lease; what it has appended stays."""
        if lease not in self._gone:
            self._gone.add(lease)
            if self._undo is not None:
                self._undo.append(lambda: self._gone.discard(lease))

    def learn(self, rows: Iterable[Sequence[Any]]) -> None:
        """Know of these runs what `Database.look` gave of them."""
        self._known.update({run: (epoch, seq, wanted) for run, epoch, seq, wanted in rows})

    # -- events -----------------------------------------------------------------------------------

    def append(self, draft: Draft) -> None:
        """Give a draft its place in the chain, unless its owner was fenced or its claim bounces."""
        lease = draft.lease
        if not self.owns(lease):
            return
        if draft.if_seen is not None and self._bounces(draft, draft.if_seen):
            # its values are kept: the owner counts them as stored from the moment it handed them over
            self.keep(lease, draft.payloads)
            self.bounced.add(draft)
            return
        if draft.change is not None:
            try:
                problem = None if self._entered(draft) else "is in the log already"
            except (UnicodeError, OverflowError) as error:  # no other run suffers from what no table can hold
                problem = f"cannot be recorded: {error}"
            if problem is not None:
                lease.failure = StoreError(f"{draft.path}: {draft.kind} {problem}")
                self.give_up(lease)
                return
        head = self._heads[lease.run]
        envelope = Event.seal(
            stream=lease.run,
            seq=head.seq + 1,
            prev=head.hash,
            at=draft.at,
            epoch=lease.epoch,
            kind=draft.kind,
            path=draft.path,
            body=draft.encoded,
        )
        draft.seq = head.seq + 1
        self._events.append((lease.stream, draft.seq, draft.kind, envelope))
        self.keep(lease, draft.payloads)
        self._put(Head(lease, draft.seq, hashlib.sha256(envelope).hexdigest(), draft.at))
        if draft.change is not None:
            self._apply(draft)
        if draft.bill is not None:
            self.beyond |= enter(self.connection, draft, draft.bill, self.alert)

    def alert(self, tenant: str, body: dict[str, Json]) -> None:
        """Tell in a tenant's stream of what part of a budget is spent; it has one, by which that was set."""
        self.beyond = True
        last = self.connection.execute(
            "SELECT stream, head_seq, head_hash FROM tenants WHERE name = ?", (tenant,)
        ).fetchone()
        extend(self.connection, tenant, last, ("budget.alert", "", body))

    def master(self) -> bytes | None:
        """Give the id of the master key that wraps, as this transaction sees it; None for the first one."""
        if self._master is None:
            rows = self.connection.execute("SELECT id FROM masters ORDER BY generation DESC LIMIT 1")
            self._master = [bytes.fromhex(name) for (name,) in rows]
        return self._master[0] if self._master else None

    def keep(self, lease: Lease, payloads: tuple[tuple[bytes, bytes], ...]) -> None:
        """Keep values beside the events, encrypted."""
        self._payloads.extend((lease.key, commitment, data) for commitment, data in payloads)

    def forget(self, streams: Collection[bytes]) -> None:
        """Write no value of these streams that is still to be written; comes last in an operation."""
        self._payloads[:] = [kept for kept in self._payloads if kept[0].stream not in streams]

    def _put(self, head: Head) -> None:
        run = head.lease.run
        if self._undo is not None:
            before = self._heads.get(run)
            if before is None:
                self._undo.append(lambda: self._heads.pop(run))
            else:
                self._undo.append(lambda: self._heads.update({run: before}))
        self._heads[run] = head

    # -- the transaction --------------------------------------------------------------------------

    def begin(self, *, fresh: bool = False) -> None:
        """Begin an operation, which can be undone alone.

        One that is `fresh` changes nothing that was there before, and no table until its last statement.
        """
        self._savepoint = not fresh
        if not fresh:
            self.beyond = True
            self.settle_ends()
            self._known.clear()
            self.admitted.clear()
            self.unguarded.clear()
            self.stops = self._master = None
            self._outdated.clear()
            self.connection.execute("SAVEPOINT operation")
        collected = (self._events, self._payloads, self._ends)
        before = [len(rows) for rows in collected]

        def shorten() -> None:
            for rows, length in zip(collected, before, strict=True):
                del rows[length:]

        self._undo = [shorten]

    def end(self, *, undo: bool = False) -> None:
        """End an operation, keeping all or nothing of what it did."""
        steps, self._undo = self._undo, None
        if undo:
            self._master = None
            for step in reversed(steps or ()):
                step()
            if self._savepoint:
                self.connection.execute("ROLLBACK TO operation")
        if self._savepoint:
            self.settle_ends()
            self.connection.execute("RELEASE operation")

    def settle_ends(self) -> None:
        """Tell the tables which runs have ended, so that they can be read."""
        if self._ends:
            self._database.end_runs(self._ends)
            self._ends.clear()

    def write(self) -> None:
        """Write everything collected; the caller commits."""
        self.settle_ends()
        payloads = [
            (key.stream, commitment, key.seal(commitment, data, nonce))
            for (key, commitment, data), nonce in zip(
                self._payloads, nonces(len(self._payloads)), strict=True
            )
        ]
        heads = [
            (run, head.seq, head.hash, head.at) for run, head in self._heads.items() if head.at is not None
        ]
        self._database.write(self._events, payloads, heads)

    def settle(self) -> None:
        """After the commit: move the leases' heads on, and mark those that were given up."""
        for head in self._heads.values():
            head.lease.head_seq, head.lease.head_hash = head.seq, head.hash
        for lease in self._gone:
            lease.lost = True

    # -- what goes with an event ------------------------------------------------------------------

    def _bounces(self, draft: Draft, seen: int) -> bool:
        """Tell whether something came in before a claim that it has to heed: a message, or a stop."""
        if self._wanted(draft.lease.run) != seen:
            return True
        if draft.bill is not None and draft.bill.checked:
            self.settle_ends()  # what has ended holds nothing any more
            draft.short = short_of(self.connection, draft, draft.bill)
            if draft.short is not None:
                return True
        if not begins_something(draft):
            return False
        if self.stops is None:
            self.stops = standing(self.connection)
        if self.stops and stopped(self.connection, self.stops, draft):
            return True
        if draft.under is not None and self.changed_since(draft.under):
            draft.outdated = True
            return True
        draft.too_fast = too_fast(self.connection, draft)
        return draft.too_fast

    def changed_since(self, under: tuple[str, int]) -> bool:
        """Tell whether rights in a tenant may have changed since an event of its stream."""
        found = self._outdated.get(under)
        if found is None:
            found = self._outdated[under] = changed_since(self.one, *under)
        return found

    def one(self, statement: str, *values: object) -> Any:
        """Give the first row of a statement; None where there is none."""
        return self.connection.execute(statement, values).fetchone()

    def _wanted(self, run: str) -> int:
        if run not in self._known:
            self.look([run])
        return self._known[run][2]

    def _entered(self, draft: Draft) -> bool:
        """Enter what may be there only once; False when it was there."""
        match draft.change:
            case ClaimChange(attempt, tool, _):
                statement = (
                    "INSERT INTO claims (run, path, attempt, epoch, tool) VALUES (?, ?, ?, ?, ?)"
                    " ON CONFLICT DO NOTHING"
                )
                values: tuple[object, ...] = (draft.lease.run, draft.path, attempt, draft.lease.epoch, tool)
            case QuestionChange(question, kind, role, content, due_at, person, reminders):
                draft.lease.asked = self.beyond = True
                statement = (
                    "INSERT INTO questions"
                    " (id, run, path, kind, role, content, asked_at, due_at, person, reminders, remind_at,"
                    " state, number) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'open',"
                    " CASE WHEN ? NOT IN ('timer', 'child')"
                    " THEN (SELECT coalesce(max(number), 0) + 1 FROM questions) END) ON CONFLICT DO NOTHING"
                )
                values = (
                    *(question, draft.lease.run, draft.path, kind, role, content, draft.at, due_at, person),
                    *(json.dumps(reminders), reminders[0] if reminders else None, kind),
                )
            case _:
                return True
        return self.connection.execute(statement, values).rowcount == 1

    def _apply(self, draft: Draft) -> None:
        run, execute = draft.lease.run, self.connection.execute
        match draft.change:
            case CloseChange(prefix):
                execute(
                    "UPDATE questions SET state = 'closed' WHERE run = ? AND state = 'open'"
                    " AND (path = ? OR substr(path, 1, CAST(? AS INTEGER)) = ?)",
                    (run, prefix, len(prefix) + 1, prefix + "/"),
                )
            case CallChange(tool, None):
                execute("DELETE FROM failed_calls WHERE run = ? AND path = ?", (run, draft.path))
            case CallChange(tool, failed):
                execute(FAILED, (run, draft.path, tool, failed, draft.at))
            case SegmentChange(after) as change:
                execute(
                    "UPDATE runs SET replay_after = ?, replay_needed = ? WHERE id = ?",
                    (after, change.stored, run),
                )
            case EndChange(status, told):
                self._ends.append((run, status, draft.at))
                if draft.lease.asked:
                    execute("UPDATE questions SET state = 'closed' WHERE run = ? AND state = 'open'", (run,))
                self.give_up(draft.lease)
                if told is not None:
                    self.beyond = True
                    tell(self.connection, told)
                    self._known.pop(told.message.run, None)
            case _:
                pass
