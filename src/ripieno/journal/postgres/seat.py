"""Where one process sits that does something for all with a database: a lock that ends with its session."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg

from ripieno.journal.postgres.connection import PostgresConnection
from ripieno.journal.postgres.failures import reading, writing
from ripieno.journal.sql.database import marks
from ripieno.journal.sql.seat import Seat
from ripieno.model.errors import StoreError

__all__ = ["PostgresSeat"]


class PostgresSeat(Seat):
    """A session of the database. It is not opened anew when it was lost, as the lock went with it."""

    errors = psycopg.Error

    def __init__(self, url: str, lock_name: str, busy_seconds: float) -> None:
        self._url = url
        self._lock_name = lock_name
        self._busy_seconds = busy_seconds

    def open(self) -> None:
        """Connect."""
        self.connection = self._connection = PostgresConnection(
            self._url, f"SET lock_timeout = {round(self._busy_seconds * 1000)}"
        )

    def close(self) -> None:
        """End the connection, and with it the lock."""
        self._connection.close()

    def take(self) -> bool:
        """Take the lock; False where another session has it. Raises `StoreError`."""
        return self._locked("pg_try_advisory_lock")

    def leave(self) -> None:
        """Let another have the lock; it is free already where the session was lost."""
        if not self._connection.lost:
            self._locked("pg_advisory_unlock")

    def begin(self, *, durable: bool) -> None:
        """Begin a transaction."""
        self._connection.execute("BEGIN")
        if not durable:
            self._connection.execute("SET LOCAL synchronous_commit = off")

    def insert(self, into: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert many rows, sent together."""
        self._connection.execute_all(f"INSERT INTO {into} VALUES ({marks(into.count(',') + 1)})", rows)  # noqa: S608 - ours

    def reading(self, error: Exception) -> StoreError:
        """Give the error of a read that failed."""
        return reading(self._connection.place, error)

    def writing(self, error: Exception) -> StoreError:
        """Give the error of a commit that failed."""
        return writing(self._connection.place, error)

    def _locked(self, function: str) -> bool:
        statement = f"SELECT {function}(hashtext(?), CAST(? AS INTEGER))"
        try:
            row = self._connection.execute(statement, (self._lock_name, self._connection.alone)).fetchone()
        except psycopg.Error as error:
            raise self.reading(error) from error
        return row == (True,)
