"""The embedded store as a verification sees it: opened read-only, needing no owner and no loop."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from ripieno.journal.keys import MasterKey
from ripieno.journal.records import RunRow
from ripieno.journal.sqlite.ownership import COLUMNS
from ripieno.model.errors import NotFoundError, StoreError

__all__ = ["SqliteAudit"]


class SqliteAudit:
    """A consistent snapshot of one data folder; nothing is written."""

    def __init__(self, home: Path) -> None:
        path = home / "journal.sqlite"
        if not path.exists():
            msg = f"no log at {path}"
            raise NotFoundError(msg, remedy="give the data folder with --home or RIPIENO_HOME")
        self._path = path
        self._master = MasterKey.at(home / "master.key")
        self._connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)

    def __enter__(self) -> Self:
        try:
            self._connection.execute("BEGIN")
            self._connection.execute("SELECT 1 FROM events LIMIT 1")
        except sqlite3.DatabaseError as error:
            self._connection.close()
            msg = f"cannot read {self._path}: {error}"
            raise StoreError(msg, remedy="the file itself is damaged; restore it from a backup") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def stored_events(self) -> Iterator[tuple[int, str, int, str, bytes]]:
        """Give every event as stored, by position."""
        rows = self._connection.execute("SELECT position, stream, seq, kind, envelope FROM events ORDER BY position")
        for position, stream, seq, kind, envelope in rows:
            yield position, stream.hex(), seq, kind, envelope

    def stored_heads(self) -> Mapping[str, tuple[str, int, str]]:
        """Give, by stream, what it is called, and the last seq and hash that its own row names."""
        heads = {
            run: (f"run {run[-6:]}", seq, last)
            for run, seq, last in self._connection.execute("SELECT id, head_seq, head_hash FROM runs")
        }
        for name, stream, seq, last in self._connection.execute(
            "SELECT name, stream, head_seq, head_hash FROM tenants"
        ):
            heads[stream.hex()] = (f"tenant {name}", seq, last)
        return heads

    def stored_rows(self) -> Iterator[RunRow]:
        """Give the derived row of every run."""
        for row in self._connection.execute(f"SELECT {COLUMNS} FROM runs"):
            yield RunRow(*row)

    def stored_values(self, stream: str) -> Mapping[str, bytes]:
        """Give the sealed values of a stream by commitment."""
        rows = self._connection.execute(
            "SELECT commitment, sealed FROM payloads WHERE stream = ?", (bytes.fromhex(stream),)
        )
        return {commitment.hex(): sealed for commitment, sealed in rows}

    def open_value(self, stream: str, commitment: str, sealed: bytes) -> bytes:
        """Decrypt a value; raises `StoreError` when it was changed."""
        row = self._connection.execute("SELECT wrapped FROM runs WHERE id = ?", (stream,)).fetchone()
        if row is None:
            msg = f"the key of {stream} is gone"
            raise StoreError(msg)
        raw = bytes.fromhex(stream)
        return self._master.unwrap(raw, row[0]).open(bytes.fromhex(commitment), sealed)

    def highest_position(self) -> int:
        """Give the highest position that was ever given to an event."""
        row = self._connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'events'").fetchone()
        return 0 if row is None else row[0]
