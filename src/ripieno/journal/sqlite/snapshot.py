"""The embedded store as a verification sees it: opened read-only, needing no owner and no loop."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Final

from ripieno.journal.keys import MasterKey
from ripieno.journal.sql.audit import Audit
from ripieno.journal.sql.snapshot import Snapshot
from ripieno.journal.sqlite.failures import reading
from ripieno.journal.sqlite.read_only import read_only
from ripieno.journal.sqlite.schema import FORMAT
from ripieno.model.errors import NotFoundError, StoreError

__all__ = ["SqliteAudit", "SqliteSnapshot"]

GAPS: Final = """
SELECT before + 1, position - 1 FROM (
    SELECT position, lag(position, 1, 0) OVER (ORDER BY position) AS before FROM events
    UNION ALL SELECT (SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'events') + 1,
                     (SELECT coalesce(max(position), 0) FROM events)
) WHERE position > before + 1 ORDER BY 1
"""

READABLE: Final = frozenset({1, 2, 3, 4, 6, 7, FORMAT})
"""Formats whose events, values and rows of runs stand where this one's do: a copy is not written to."""


class SqliteSnapshot(Snapshot):
    """A data folder, of this format or an earlier one."""

    def __init__(self, home: Path) -> None:
        """Open the file; raises `NotFoundError` where there is none, `StoreError` where it cannot be read."""
        self.home = home
        self._path = home / "journal.sqlite"
        if not self._path.exists():
            msg = f"no log at {self._path}"
            raise NotFoundError(msg, remedy="give the data folder with --home or RIPIENO_HOME")
        self.place = str(self._path)
        self.master = MasterKey.read(home / "master.key")
        self._connection = read_only(self._path)

    def open(self) -> None:
        """Begin to read; raises `StoreError` for a format that cannot be read."""
        try:
            self.rows("BEGIN")
            (self.format,) = next(self.rows("PRAGMA user_version"))
        except StoreError:
            self._connection.close()
            raise
        if self.format not in READABLE:
            self._connection.close()
            msg = f"{self._path} has format {self.format}, this version of Ripieno reads format {FORMAT}"
            raise StoreError(msg, remedy="use the version of Ripieno that wrote it")

    def close(self) -> None:
        """Read no more."""
        self._connection.close()

    def rows(self, statement: str, *values: Any) -> Iterator[Any]:
        """Run a statement at once, and give its rows as they are read."""
        try:
            cursor = self._connection.execute(statement, values)
        except sqlite3.Error as error:
            raise reading(self._path, error) from error
        return self._fetch(cursor)

    scan = rows

    def _fetch(self, cursor: sqlite3.Cursor) -> Iterator[Any]:
        try:
            yield from cursor
        except sqlite3.Error as error:
            raise reading(self._path, error) from error

    def columns(self, table: str) -> Collection[str]:
        """Give the columns of a table; none where there is no such table."""
        return [row[1] for row in self.rows(f"PRAGMA table_info({table})")]

    def damage(self) -> Iterator[str]:
        """Give what SQLite finds wrong with its own file."""
        for (problem,) in self.rows("PRAGMA integrity_check(20)"):
            if problem != "ok":
                yield str(problem)

    def gaps(self) -> Iterator[range]:
        """Give the positions at which an event once stood and none does now."""
        for first, last in self.rows(GAPS):
            yield range(first, last + 1)

    def between(self, since: int, until: int) -> Iterator[Any]:
        """Give the streams that have an event from a time to another."""
        return self.rows(
            "SELECT DISTINCT stream FROM events"
            " WHERE json_extract(CAST(envelope AS TEXT), '$.at') BETWEEN ? AND ?",
            since,
            until,
        )


class SqliteAudit(Audit):
    """A consistent snapshot of one data folder, as a context manager; nothing is written to it."""

    def __init__(self, home: Path) -> None:
        """Open the file; raises `NotFoundError` where there is none, `StoreError` where it cannot be read."""
        super().__init__(SqliteSnapshot(home))
