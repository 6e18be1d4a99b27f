"""Gives committed events their leaves in the tree, in the order of the log, and keeps what was signed.

Nothing of it is part of the commits that runs wait for. Which leaf an event has follows from the log
alone, so that leaves which a crash of the machine takes away are given again just so: they need no sync
of their own, and whoever gives them, there is one of each.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Self

from ripieno.journal.elected import BUSY_SECONDS, Elected
from ripieno.journal.sql.database import marks, put
from ripieno.journal.sql.reads import OF_SYSTEM
from ripieno.journal.sql.tree import EVERY, StoredTree
from ripieno.journal.stored import StoredCheckpoint, StoredSink
from ripieno.model.event import Event
from ripieno.model.stop import EVERYTHING
from ripieno.proof.checkpoints import event_leaf
from ripieno.proof.merkle import Frontier, Node
from ripieno.proof.notes import Verifier
from ripieno.proof.restores import Restore, restores_in

__all__ = ["Sequencer"]

PORTION: Final = 500
"""How many leaves one transaction writes: others wait for it no longer than a few milliseconds."""


class Sequencer(Elected):
    """The one that appends to the tree, for as long as it holds the lock."""

    lock_name = "sequencer.lock"

    def __init__(self, home: Path, *, busy_seconds: float = BUSY_SECONDS) -> None:
        super().__init__(home, busy_seconds=busy_seconds)
        self._frontier = Frontier()
        self._position = 0

    def __enter__(self) -> Self:
        super().__enter__()
        self.tree = StoredTree(self.rows)
        return self

    # -- leaves -----------------------------------------------------------------------------------

    def waiting(self) -> bool:
        """Tell whether an event has no leaf yet."""
        rows = self.rows("SELECT 1 FROM events WHERE position > ? LIMIT 1", self.tree.position)
        return bool(rows)

    def advance(self, most: int = PORTION) -> int:
        """Give the next events their leaves, in one transaction; tell how many got one, 0 at the end."""
        assert self.elected, "who was not elected leaves it to the one who was"
        size, position = self.tree.size, self.tree.position
        if (size, position) != (self._frontier.size, self._position):
            self._frontier, self._position = self.tree.frontier(size), position
        events = self.rows(
            "SELECT position, stream, seq, envelope FROM events WHERE position > ? ORDER BY position LIMIT ?",
            position,
            most,
        )
        leaves: list[tuple[int, int, bytes, int, bytes]] = []
        nodes: list[Node] = []
        for at, stream, seq, envelope in events:
            hashed = hashlib.sha256(envelope).digest()
            leaves.append((self._frontier.size, at, stream, seq, hashed))
            made = self._frontier.append(event_leaf(stream, seq, hashed))
            nodes += [node for node in made if kept(node)]
        if leaves:
            with self.written(durable=False):
                self._seat.insert("leaves (leaf, position, stream, seq, hash)", leaves)
                self._seat.insert("tree_nodes (level, number, hash)", nodes)
            self._position = leaves[-1][1]
        return len(leaves)

    def events_of(self, kinds: Sequence[str], after: int, upto: int) -> list[Any]:
        """Give the events of these kinds between two leaves: leaf, kind, tenant of its stream, envelope."""
        return self.rows(
            "SELECT l.leaf, e.kind, t.name, e.envelope FROM events e"  # noqa: S608 - question marks alone
            " JOIN leaves l ON l.position = e.position LEFT JOIN tenants t ON t.stream = e.stream"
            f" WHERE e.kind IN ({marks(len(kinds))})"
            " AND e.position >= (SELECT position FROM leaves WHERE leaf >= ?"
            " ORDER BY leaf LIMIT 1) AND l.leaf < ? ORDER BY e.position",
            *kinds,
            after,
            upto,
        )

    def size_at(self, number: int) -> int:
        """Give how many events a checkpoint covers; 0 where there is none of this number."""
        rows = self.rows("SELECT size FROM checkpoints WHERE number = ?", number)
        return rows[0][0] if rows else 0

    # -- checkpoints and where they are published ---------------------------------------------------

    def checkpoint(self) -> StoredCheckpoint | None:
        """Give the newest checkpoint; None where there is none."""
        rows = self.rows("SELECT number, size, at, note FROM checkpoints ORDER BY number DESC LIMIT 1")
        return StoredCheckpoint(*rows[0]) if rows else None

    def keep(self, size: int, at: int, note: str) -> StoredCheckpoint:
        """Keep a checkpoint that was signed, durably, and give it with its number."""
        with self.written(durable=True):
            number = self.connection.execute(
                "INSERT INTO checkpoints (number, size, at, note)"
                " VALUES ((SELECT coalesce(max(number), 0) + 1 FROM checkpoints), ?, ?, ?) RETURNING number",
                (size, at, note),
            ).fetchone()[0]
        return StoredCheckpoint(number, size, at, note)

    def sinks(self) -> dict[str, StoredSink]:
        """Give what is known of where checkpoints are published, by the sink's name."""
        rows = self.rows("SELECT sink, number, at, failed_at, problem FROM sinks ORDER BY sink")
        return {row[0]: StoredSink(*row) for row in rows}

    def published(self, sink: StoredSink) -> None:
        """Keep what became of publishing."""
        with self.written(durable=False):
            self.connection.execute(put("sinks", "sink", "number, at, failed_at, problem"), sink)

    def restores(self, key: Verifier) -> list[Restore]:
        """Give what the log says of having been put back from a backup, signed by its key."""
        rows = self.rows(OF_SYSTEM, "log.restored", EVERYTHING)
        return restores_in((Event.read(row[0]).body for row in rows), key)

    def successions(self) -> list[str]:
        """Give what the log says of keys that took the place of others, as notes."""
        rows = self.rows(OF_SYSTEM, "checkpoint.rekeyed", EVERYTHING)
        return [str(Event.read(row[0]).body.get("statement")) for row in rows]

    def forget(self) -> None:
        """Know nothing of the tree any more: what was to be written of it was not."""
        self._frontier, self._position = Frontier(), 0


def kept(node: Node) -> bool:
    """Tell whether a node is kept in the table of nodes."""
    return node.level > 0 and node.level % EVERY == 0
