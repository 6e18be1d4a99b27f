"""The connection that reads: every failure of SQLite becomes one of ours."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from ripieno.journal.sql.database import Reader
from ripieno.journal.sqlite.failures import reading
from ripieno.model.errors import InputError

__all__ = ["SqliteReader"]


class SqliteReader(Reader):
    """Reads what is committed, on the thread that asks: SQLite needs tens of microseconds."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self.connection = connection
        self.connection.execute("PRAGMA query_only = ON")

    def all(self, statement: str, *values: Any) -> list[Any]:
        """Give every row.

        Raises `StoreError`, or `InputError` for a value that no table can hold, such as a lone
        surrogate or an integer beyond 64 bits.
        """
        try:
            return self.connection.execute(statement, values).fetchall()
        except (UnicodeError, OverflowError) as error:
            msg = f"cannot look for {values!a}: {error}"
            raise InputError(msg) from error
        except sqlite3.Error as error:
            raise reading(self._path, error) from error

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()
