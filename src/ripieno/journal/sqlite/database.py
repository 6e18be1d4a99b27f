"""How SQLite commits, and takes many rows at once."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from ripieno.journal.sql.database import Database
from ripieno.journal.sqlite.failures import writing
from ripieno.journal.sqlite.rows import Rows
from ripieno.model.errors import StoreError

__all__ = ["SqliteDatabase"]

EVENTS: Final = Rows("INSERT INTO events (stream, seq, kind, envelope) VALUES {}", columns=4)
PAYLOADS: Final = Rows(
    "INSERT INTO payloads (stream, commitment, sealed) VALUES {} ON CONFLICT DO NOTHING", columns=3
)
HEADS: Final = Rows(
    "WITH new (id, seq, hash, at) AS (VALUES {})"
    " UPDATE runs SET head_seq = new.seq, head_hash = new.hash, updated_at = new.at"
    " FROM new WHERE runs.id = new.id",
    columns=4,
)
ENDS: Final = Rows(
    "WITH ended (id, status, at) AS (VALUES {})"
    " UPDATE runs SET status = ended.status, ended_at = ended.at, owner = NULL"
    " FROM ended WHERE runs.id = ended.id",
    columns=3,
)


class SqliteDatabase(Database):
    """The connection by which a process writes: `BEGIN IMMEDIATE` makes each transaction the only one."""

    errors = sqlite3.Error
    refusals = (sqlite3.IntegrityError,)

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.connection = self._connection = connection
        self.place = str(path)
        self._path = path
        self._places = (str(path), f"{path}-wal")
        self._files = {str(path): identity(str(path))}
        """The files that are written to, as they were found: others in their place hold nothing of this."""
        self._changes = 0

    def begin(self, runs: Sequence[str]) -> Iterable[Sequence[Any]]:
        """Begin a transaction, and look at these runs."""
        self._changes = self._connection.total_changes
        self._connection.execute("BEGIN IMMEDIATE")
        return self.look(runs)

    def commit(self) -> None:
        """Commit what was done, where the files are still those that were opened."""
        self._check_place()
        self._connection.execute("COMMIT")
        self.changed = self._connection.total_changes != self._changes

    def rollback(self) -> None:
        """Keep nothing of what was done."""
        with contextlib.suppress(sqlite3.Error):  # it may have been rolled back already
            self._connection.execute("ROLLBACK")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def failed(self, error: Exception) -> StoreError:
        """Give the error of a commit or operation that failed."""
        return writing(self._path, error)

    def look(self, runs: Sequence[str]) -> Iterable[Sequence[Any]]:
        """Give those of these runs that have an owner: by one statement, in one row."""
        (rows,) = self._connection.execute(
            "SELECT json_group_array(json_array(id, epoch, head_seq, wanted)) FROM runs"
            " WHERE id IN (SELECT value FROM json_each(?)) AND owner IS NOT NULL",
            (json.dumps(runs),),
        ).fetchone()
        return json.loads(rows)

    def write(
        self,
        events: Sequence[tuple[bytes, int, str, bytes]],
        payloads: Sequence[tuple[bytes, bytes, bytes]],
        heads: Sequence[tuple[str, int, str, int]],
    ) -> None:
        """Insert events and values, and say what the last events of runs are."""
        EVENTS.write(self._connection, events)
        PAYLOADS.write(self._connection, payloads)
        HEADS.write(self._connection, heads)

    def end_runs(self, rows: Sequence[tuple[str, str, int]]) -> None:
        """Say that runs have ended, and forget what they had reserved for calls that were never sent."""
        ENDS.write(self._connection, rows)
        self._connection.execute(
            "DELETE FROM reserved WHERE run IN (SELECT value FROM json_each(?))",
            (json.dumps([run for run, _, _ in rows]),),
        )

    def _check_place(self) -> None:
        """Raise `StoreError` where the files are not where they were: a commit would be into nothing."""
        for path in self._places:
            found = identity(path)
            if found is None or self._files.setdefault(path, found) != found:
                msg = f"{path} was removed or replaced while it was open: nothing can be recorded in it"
                raise StoreError(msg, remedy="put the data folder back, and start what serves it again")


def identity(path: str) -> tuple[int, int] | None:
    """Tell which file is at a path; None where there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 - at every commit
    except OSError:
        return None
    return found.st_dev, found.st_ino
