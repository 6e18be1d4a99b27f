"""The connection that reads: it is opened anew when it was lost, and every failure becomes one of ours."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import psycopg

from ripieno.journal.postgres.connection import PostgresConnection
from ripieno.journal.postgres.failures import reading
from ripieno.journal.sql.database import Reader
from ripieno.model.errors import InputError

__all__ = ["PostgresReader"]


class PostgresReader(Reader):
    """Reads what is committed, on the thread that asks: it waits for the way there and back."""

    def __init__(self, connection: PostgresConnection) -> None:
        self.connection = connection
        self._lock = threading.Lock()
        """Protects that of the threads that read, one alone opens the connection anew."""

    def all(self, statement: str, *values: Any) -> list[Any]:
        """Give every row.

        Raises `StoreError`, or `InputError` for a value that no table can hold, such as a lone
        surrogate, a NUL or an integer beyond 64 bits.
        """
        try:
            with self._lock:
                return self._all(statement, values)
        except (UnicodeError, OverflowError) as error:
            msg = f"cannot look for {values!a}: {error}"
            raise InputError(msg) from error
        except psycopg.Error as error:
            raise reading(self.connection.place, error) from error

    def _all(self, statement: str, values: Sequence[Any]) -> list[Any]:
        try:
            return self.connection.execute(statement, values).fetchall()
        except psycopg.OperationalError:
            if not self.connection.lost:
                raise
        self.connection.reopen()
        return self.connection.execute(statement, values).fetchall()

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()
