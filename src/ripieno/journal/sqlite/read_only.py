"""The embedded store where it can only be read: a read-only disk, or somebody else's folder."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from ripieno.journal.rights import Rights
from ripieno.journal.sqlite.failures import reading
from ripieno.journal.sqlite.reader import SqliteReader
from ripieno.journal.sqlite.schema import FORMAT
from ripieno.journal.sqlite.store import SqliteStore
from ripieno.model.errors import StoreError

__all__ = ["ReadOnlyStore", "only_readable", "read_only"]


def only_readable(home: Path) -> bool:
    """Tell whether the journal of a data folder is there and cannot be written."""
    path = home / "journal.sqlite"
    return path.exists() and not (os.access(home, os.W_OK) and os.access(path, os.W_OK))


def read_only(path: Path) -> sqlite3.Connection:
    """Open a file to read it; where SQLite could not write its index of the log's tail, there must be none.

    Raises `StoreError`.
    """
    tail = path.with_name(f"{path.name}-wal")
    sealed = not os.access(path.parent, os.W_OK) and not tail.exists()
    options = "mode=ro&immutable=1" if sealed else "mode=ro"
    try:
        return sqlite3.connect(f"{path.absolute().as_uri()}?{options}", uri=True, isolation_level=None)
    except sqlite3.Error as error:
        raise reading(path, error) from error


class ReadOnlyStore(SqliteStore):
    """Reads like any other; whatever would write raises `StoreError`. Nothing is owned, and nothing rings."""

    async def open(self) -> None:
        """Open the file; raises `StoreError` where it has another format, as it cannot be brought up."""
        async with AsyncExitStack() as owned:
            self._reader = reader = SqliteReader(self.path, read_only(self.path))
            owned.callback(reader.close)
            (found,) = self._reader.one("PRAGMA user_version")
            if found != FORMAT:
                msg = f"{self.path} has format {found}, this version of Ripieno reads format {FORMAT}"
                raise StoreError(msg, remedy="open a copy that can be written: that brings it up")
            self._rights = Rights(self._directed)
            self._owned = owned.pop_all()

    def on_change(self, ring: Callable[[], None], *, own: bool = True) -> None:
        """Never ring: who writes elsewhere cannot be heard."""

    def __getattr__(self, name: str) -> Any:
        """Refuse what takes a writer, or who owns what."""
        if name not in ("_writer", "_owners", "_doorbell"):
            raise AttributeError(name)
        msg = f"{self.path} can only be read here"
        raise StoreError(msg, remedy="the folder and the file have to be yours to write")
