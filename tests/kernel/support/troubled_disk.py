"""A disk that fills up, or a database that somebody else holds, for as long as a test wants."""

from __future__ import annotations

import sqlite3
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pytest

__all__ = ["Disk", "Trouble"]

Trouble = Literal["full", "locked"]

LARGE = 200_000
"""Bytes that do not fit when the file may not grow."""


class Disk:
    """Lets every commit fail, for SQLite's own reasons, between `begin` and `end`."""

    def __init__(self, path: Path, trouble: Trouble) -> None:
        self._path = path
        self._trouble = trouble
        self._other: sqlite3.Connection | None = None
        self.full = False

    def watch(self, patch: pytest.MonkeyPatch) -> None:
        """Watch all connections opened from now on."""
        kind = type("Filling", (FillingConnection,), {"disk": self})
        patch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=kind))

    def begin(self) -> None:
        """Fill the disk, or take the database and keep it."""
        self.full = self._trouble == "full"
        if self._trouble == "locked":
            self._other = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
            self._other.execute("BEGIN IMMEDIATE")

    def end(self) -> None:
        """Free some space, or give the database back."""
        self.full = False
        if self._other is not None:
            self._other.close()


class FillingConnection(sqlite3.Connection):
    """Writes more than fits before it commits, as long as the disk is full."""

    disk: Disk

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """Execute a statement."""
        if sql == "COMMIT":
            (pages,) = super().execute("PRAGMA page_count").fetchone()
            most = pages if self.disk.full else 2**30
            super().execute(f"PRAGMA max_page_count = {most}").fetchone()
            if self.disk.full:
                super().execute("INSERT INTO payloads VALUES (x'00', randomblob(32), zeroblob(?))", (LARGE,))
        return super().execute(sql, parameters)
