"""A database as a verification sees it: one snapshot, which needs no owner, no loop and no lock."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import count
from pathlib import Path
from typing import Any, Final

import psycopg

from ripieno.journal.keys import MasterKey
from ripieno.journal.postgres.connection import PostgresConnection, translated
from ripieno.journal.postgres.failures import reading
from ripieno.journal.postgres.formats import FORMAT, formats_of
from ripieno.journal.sql.snapshot import Snapshot
from ripieno.model.errors import NotFoundError, StoreError

__all__ = ["PostgresSnapshot"]

AT_ONCE: Final = 1000
"""How many rows are asked for in one go; those of values may be large, each."""

SETTINGS: Final = ("SET idle_in_transaction_session_timeout = 0",)
"""What is read is worked on meanwhile; nobody waits for it."""


class PostgresSnapshot(Snapshot):
    """A database, read in one transaction that sees what was committed before it."""

    def __init__(self, home: Path, url: str) -> None:
        """Connect to it; raises `StoreError` where that is not possible."""
        self.home = home
        self.master = MasterKey.read(home / "master.key")
        self._connection = PostgresConnection(url, *SETTINGS)
        self.place = self._connection.place
        self._numbers = count()
        """Names of what is read, side by side."""

    def open(self) -> None:
        """Begin to read; raises `NotFoundError` where there is no log, `StoreError` for what is too new."""
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    def _begin(self) -> None:
        found = formats_of(self._connection)
        if found is None:
            msg = f"no log at {self.place}"
            raise NotFoundError(msg, remedy="whatever is started first makes its tables there")
        if found.oldest > FORMAT:
            msg = f"{self.place} has format {found.reached}, this version of Ripieno reads format {FORMAT}"
            raise StoreError(msg, remedy="use a newer version of Ripieno")
        self.format = found.reached
        self.rows("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")

    def close(self) -> None:
        """Read no more."""
        self._connection.close()

    def rows(self, statement: str, *values: Any) -> Iterator[Any]:
        """Give the rows of a statement that has few."""
        try:
            cursor = self._connection.execute(statement, values)
            return iter(cursor.fetchall() if cursor.description else [])
        except psycopg.Error as error:
            raise reading(self.place, error) from error

    def scan(self, statement: str, *values: Any) -> Iterator[Any]:
        """Give the rows of a statement as they are read, from a cursor on the server."""
        try:
            name = f"scan_{next(self._numbers)}"
            with self._connection.raw.cursor(name) as cursor:
                cursor.itersize = AT_ONCE
                yield from cursor.execute(translated(statement), values, binary=True)
        except psycopg.Error as error:
            raise reading(self.place, error) from error

    def columns(self, table: str) -> Collection[str]:
        """Give the columns of a table; none where there is no such table."""
        rows = self.rows(
            "SELECT CAST(attname AS TEXT) FROM pg_attribute"
            " WHERE attrelid = to_regclass(?) AND attnum > 0 AND NOT attisdropped",
            table,
        )
        return [name for (name,) in rows]

    def damage(self) -> Iterator[str]:
        """Give nothing: a server with checksums says so itself, to whoever reads what is damaged."""
        return iter(())

    def gaps(self) -> Iterator[range]:
        """Give nothing: whatever is undone leaves places empty. The tree tells of events that are gone."""
        return iter(())

    def between(self, since: int, until: int) -> Iterator[Any]:
        """Give the streams that have an event from a time to another."""
        return self.scan(
            "SELECT DISTINCT stream FROM events"
            " WHERE CAST(CAST(convert_from(envelope, 'UTF8') AS json) ->> 'at' AS BIGINT) BETWEEN ? AND ?",
            since,
            until,
        )
