"""One group commit: the events of many runs, each chained to its own head, in one transaction."""

from __future__ import annotations

import hashlib
import json
import sqlite3

from ripieno.journal.records import (
    ClaimChange,
    CloseChange,
    Draft,
    EndChange,
    Lease,
    QuestionChange,
    SegmentChange,
)
from ripieno.model.event import Event

__all__ = ["Batch"]


class Batch:
    """Collects events within a transaction and writes them at its end.

    A run whose owner was fenced is dropped without harm to the others, and a claim that the inbox
    has overtaken is bounced without harm to its run.
    """

    __slots__ = ("_events", "_heads", "_payloads", "bounced", "connection", "fenced")

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.bounced: set[Draft] = set()
        self.fenced: set[Lease] = set()
        self._heads: dict[Lease, tuple[int, str, int]] = {}
        self._events: list[tuple[bytes, int, str, bytes]] = []
        self._payloads: list[tuple[bytes, bytes, bytes]] = []

    def owns(self, lease: Lease) -> bool:
        """Tell whether the lease still stands; asks the table once per transaction."""
        if lease in self._heads:
            return True
        if lease.lost or lease in self.fenced:
            return False
        row = self.connection.execute("SELECT epoch FROM runs WHERE id = ?", (lease.run,)).fetchone()
        if row is None or row[0] != lease.epoch:
            self.fenced.add(lease)
            return False
        self._heads[lease] = (lease.head_seq, lease.head_hash, 0)
        return True

    def append(self, draft: Draft) -> None:
        """Give a draft its place in the chain, unless its owner was fenced or its claim bounces."""
        lease = draft.lease
        if not self.owns(lease):
            return
        if draft.if_seen is not None and self._wanted(lease.run) != draft.if_seen:
            self.bounced.add(draft)
            return
        if isinstance(draft.change, ClaimChange) and not self._claim(draft, draft.change):
            self.fenced.add(lease)
            del self._heads[lease]
            return
        seq, head = self.chain(lease, draft)
        draft.seq = seq
        self._heads[lease] = (seq, head, draft.at)
        if draft.change is not None:
            self._apply(draft)

    def chain(self, lease: Lease, draft: Draft) -> tuple[int, str]:
        """Seal a draft behind the stream's head and give the new head."""
        head_seq, head_hash, _ = self._heads[lease]
        seq = head_seq + 1
        envelope = Event.seal(
            lease.run, seq, head_hash, (draft.at, lease.epoch, draft.kind, draft.path, draft.body)
        )
        self._events.append((lease.stream, seq, draft.kind, envelope))
        self.keep(lease, draft.payloads)
        return seq, hashlib.sha256(envelope).hexdigest()

    def keep(self, lease: Lease, payloads: tuple[tuple[bytes, bytes], ...]) -> None:
        """Encrypt values and keep them beside the events."""
        for commitment, data in payloads:
            self._payloads.append((lease.stream, commitment, lease.key.seal(commitment, data)))

    def lead(self, lease: Lease) -> None:
        """Take a lease's head as given, for a stream whose row this transaction has just read or made."""
        self._heads[lease] = (lease.head_seq, lease.head_hash, 0)

    def write(self) -> None:
        """Write everything collected; the caller commits."""
        execute_many = self.connection.executemany
        execute_many("INSERT INTO events (stream, seq, kind, envelope) VALUES (?, ?, ?, ?)", self._events)
        execute_many(
            "INSERT OR IGNORE INTO payloads (stream, commitment, sealed) VALUES (?, ?, ?)", self._payloads
        )
        heads = [
            (seq, head, at, lease.run)
            for lease, (seq, head, at) in self._heads.items()
            if seq != lease.head_seq
        ]
        execute_many("UPDATE runs SET head_seq = ?, head_hash = ?, updated_at = ? WHERE id = ?", heads)

    def settle(self) -> None:
        """After the commit: move the leases' heads on, and mark those that were fenced."""
        for lease, (seq, head, _) in self._heads.items():
            lease.head_seq, lease.head_hash = seq, head
        for lease in self.fenced:
            lease.lost = True

    def _wanted(self, run: str) -> int:
        return int(self.connection.execute("SELECT wanted FROM runs WHERE id = ?", (run,)).fetchone()[0])

    def _claim(self, draft: Draft, claim: ClaimChange) -> bool:
        cursor = self.connection.execute(
            "INSERT OR IGNORE INTO claims (run, path, attempt, epoch) VALUES (?, ?, ?, ?)",
            (draft.lease.run, draft.path, claim.attempt, draft.lease.epoch),
        )
        return cursor.rowcount == 1

    def _apply(self, draft: Draft) -> None:
        run, execute = draft.lease.run, self.connection.execute
        match draft.change:
            case QuestionChange() as asked:
                draft.lease.asked = True
                execute(
                    "INSERT INTO questions (id, run, path, kind, role, content, asked_at, due_at, state)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'open')",
                    (
                        asked.id,
                        run,
                        draft.path,
                        asked.kind,
                        asked.role,
                        asked.content,
                        asked.asked_at,
                        asked.due_at,
                    ),
                )
            case CloseChange(prefix):
                execute(
                    "UPDATE questions SET state = 'closed' WHERE run = ? AND state = 'open'"
                    " AND (path = ? OR substr(path, 1, ?) = ?)",
                    (run, prefix, len(prefix) + 1, prefix + "/"),
                )
            case SegmentChange(after, needed):
                execute(
                    "UPDATE runs SET replay_after = ?, replay_needed = ? WHERE id = ?",
                    (after, json.dumps(needed), run),
                )
            case EndChange(status):
                execute(
                    "UPDATE runs SET status = ?, ended_at = ?, owner = NULL WHERE id = ?",
                    (status, draft.at, run),
                )
                if draft.lease.asked:
                    execute("UPDATE questions SET state = 'closed' WHERE run = ? AND state = 'open'", (run,))
            case _:
                pass
