"""Where one process sits that does something for all with a data folder: a lock on a file in it."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ripieno.journal.sql.seat import Seat
from ripieno.journal.sqlite.failures import opening, reading, writing
from ripieno.journal.sqlite.rows import Rows
from ripieno.journal.sqlite.schema import connect
from ripieno.model.errors import StoreError

__all__ = ["SqliteSeat"]


class SqliteSeat(Seat):
    """A connection to `journal.sqlite`, and a lock that ends with the process."""

    errors = sqlite3.Error

    def __init__(self, home: Path, lock_name: str, busy_seconds: float) -> None:
        self._path = home / "journal.sqlite"
        self._lock = home / lock_name
        self._busy_seconds = busy_seconds
        self._descriptor = -1

    def open(self) -> None:
        """Connect."""
        try:
            self.connection = self._connection = connect(self._path, self._busy_seconds)
        except sqlite3.Error as error:
            raise opening(self._path, error) from error

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def take(self) -> bool:
        """Take the lock; False where another has it, in this process or a different one."""
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def leave(self) -> None:
        """Let another have the lock."""
        os.close(self._descriptor)

    def begin(self, *, durable: bool) -> None:
        """Begin a transaction."""
        self._connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        self._connection.execute("BEGIN IMMEDIATE")

    def insert(self, into: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert many rows, many by one statement."""
        statement = f"INSERT INTO {into} VALUES {{}}"  # noqa: S608 - ours
        Rows(statement, columns=into.count(",") + 1).write(self._connection, rows)

    def reading(self, error: Exception) -> StoreError:
        """Give the error of a read that failed."""
        return reading(self._path, error)

    def writing(self, error: Exception) -> StoreError:
        """Give the error of a commit that failed."""
        return writing(self._path, error)
