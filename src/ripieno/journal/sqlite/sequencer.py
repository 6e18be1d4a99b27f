"""Gives committed events their leaves in the tree, in the order of the log, and keeps what was signed.

Nothing of it is part of the commits that runs wait for. Which leaf an event has follows from the log
alone, so that leaves which a crash of the machine takes away are given again just so: they need no sync
of their own, and whoever gives them, there is one of each.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import sqlite3
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final, Self

from ripieno.journal.sqlite.failures import opening, reading, writing
from ripieno.journal.sqlite.rows import Rows
from ripieno.journal.sqlite.schema import BUSY_SECONDS, connect
from ripieno.journal.sqlite.tree import EVERY, StoredTree
from ripieno.journal.stored import StoredCheckpoint, StoredSink
from ripieno.model.errors import StoreError
from ripieno.proof.checkpoints import event_leaf
from ripieno.proof.merkle import Frontier, Node

__all__ = ["Sequencer"]

PORTION: Final = 500
"""How many leaves one transaction writes: others wait for it no longer than a few milliseconds."""

LEAVES: Final = Rows("INSERT INTO leaves (leaf, position, stream, seq, hash) VALUES {}", columns=5)
NODES: Final = Rows("INSERT INTO tree_nodes (level, number, hash) VALUES {}", columns=3)


class Sequencer:
    """The one that appends to the tree, for as long as it holds the lock; a context manager.

    Its methods take the thread that calls them. Raise `StoreError`.
    """

    def __init__(self, home: Path, *, busy_seconds: float = BUSY_SECONDS) -> None:
        self._path = home / "journal.sqlite"
        self._lock = home / "sequencer.lock"
        self._busy_seconds = busy_seconds
        self._descriptor: int | None = None
        self._frontier = Frontier()
        self._position = 0

    def __enter__(self) -> Self:
        try:
            self._connection = connect(self._path, self._busy_seconds)
        except sqlite3.Error as error:
            raise opening(self._path, error) from error
        self.tree = StoredTree(self._rows)
        return self

    def __exit__(self, *_: object) -> None:
        self.resign()
        self._connection.close()

    # -- the election -----------------------------------------------------------------------------

    def elect(self) -> bool:
        """Become the one; False where another is, in this process or a different one."""
        if self._descriptor is None:
            descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                return False
            self._descriptor = descriptor
        return True

    def resign(self) -> None:
        """Let another be the one."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    # -- leaves -----------------------------------------------------------------------------------

    def waiting(self) -> bool:
        """Tell whether an event has no leaf yet."""
        rows = self._rows("SELECT 1 FROM events WHERE position > ? LIMIT 1", self.tree.position)
        return bool(rows)

    def advance(self, most: int = PORTION) -> int:
        """Give the next events their leaves, in one transaction; tell how many got one, 0 at the end."""
        assert self._descriptor is not None, "who was not elected leaves it to the one who was"
        size, position = self.tree.size, self.tree.position
        if (size, position) != (self._frontier.size, self._position):
            self._frontier, self._position = self.tree.frontier(size), position
        events = self._rows(
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
            with self._written(durable=False):
                LEAVES.write(self._connection, leaves)
                NODES.write(self._connection, nodes)
            self._position = leaves[-1][1]
        return len(leaves)

    # -- checkpoints and where they are published ---------------------------------------------------

    def checkpoint(self) -> StoredCheckpoint | None:
        """Give the newest checkpoint; None where there is none."""
        rows = self._rows("SELECT number, size, at, note FROM checkpoints ORDER BY number DESC LIMIT 1")
        return StoredCheckpoint(*rows[0]) if rows else None

    def keep(self, size: int, at: int, note: str) -> StoredCheckpoint:
        """Keep a checkpoint that was signed, durably, and give it with its number."""
        with self._written(durable=True):
            number = self._connection.execute(
                "INSERT INTO checkpoints (number, size, at, note)"
                " VALUES ((SELECT coalesce(max(number), 0) + 1 FROM checkpoints), ?, ?, ?) RETURNING number",
                (size, at, note),
            ).fetchone()[0]
        return StoredCheckpoint(number, size, at, note)

    def sinks(self) -> dict[str, StoredSink]:
        """Give what is known of where checkpoints are published, by the sink's name."""
        rows = self._rows("SELECT sink, number, at, failed_at, problem FROM sinks ORDER BY sink")
        return {row[0]: StoredSink(*row) for row in rows}

    def published(self, sink: StoredSink) -> None:
        """Keep what became of publishing."""
        with self._written(durable=False):
            self._connection.execute("INSERT OR REPLACE INTO sinks VALUES (?, ?, ?, ?, ?)", sink)

    # -- the file -----------------------------------------------------------------------------------

    def _rows(self, statement: str, *values: Any) -> list[Any]:
        try:
            return self._connection.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise reading(self._path, error) from error

    @contextlib.contextmanager
    def _written(self, *, durable: bool) -> Generator[None]:
        try:
            self._connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._connection.execute("BEGIN IMMEDIATE")
            yield
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._frontier, self._position = Frontier(), 0
            with contextlib.suppress(sqlite3.Error):  # it may have been rolled back already
                self._connection.execute("ROLLBACK")
            failed: StoreError = writing(self._path, error)
            raise failed from error


def kept(node: Node) -> bool:
    """Tell whether a node is kept in the table of nodes."""
    return node.level > 0 and node.level % EVERY == 0
