"""Work on the log that one process does for all, beside the commits of runs: with a connection of its own."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Generator
from pathlib import Path
from typing import Any, ClassVar, Self

from ripieno.journal.sqlite.failures import opening, reading, writing
from ripieno.journal.sqlite.schema import BUSY_SECONDS, connect
from ripieno.model.errors import StoreError

__all__ = ["Elected"]


class Elected:
    """Whoever holds a lock, for as long as it does; a context manager.

    Its methods take the thread that calls them. Raise `StoreError`.
    """

    lock_name: ClassVar[str]
    """The file in the data folder that is locked."""

    def __init__(self, home: Path, *, busy_seconds: float = BUSY_SECONDS) -> None:
        self._path = home / "journal.sqlite"
        self._lock = home / self.lock_name
        self._busy_seconds = busy_seconds
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        try:
            self.connection = connect(self._path, self._busy_seconds)
        except sqlite3.Error as error:
            raise opening(self._path, error) from error
        return self

    def __exit__(self, *_: object) -> None:
        self.resign()
        self.connection.close()

    @property
    def elected(self) -> bool:
        """Tell whether this is the one."""
        return self._descriptor is not None

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

    def rows(self, statement: str, *values: Any) -> list[Any]:
        """Run a statement and give its rows."""
        try:
            return self.connection.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise reading(self._path, error) from error

    @contextlib.contextmanager
    def written(self, *, durable: bool) -> Generator[None]:
        """Write in one transaction; without `durable` a crash of the machine may take it away."""
        try:
            self.connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self.connection.execute("BEGIN IMMEDIATE")
            yield
            self.connection.execute("COMMIT")
        except sqlite3.Error as error:
            self.forget()
            with contextlib.suppress(sqlite3.Error):  # it may have been rolled back already
                self.connection.execute("ROLLBACK")
            failed: StoreError = writing(self._path, error)
            raise failed from error

    def forget(self) -> None:
        """Know nothing any more that was about to be written."""
