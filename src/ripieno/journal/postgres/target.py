"""A database that a log is moved to: filled in one transaction, alone, and read again before it commits."""

# ruff: noqa: S608 - only our own names are put into statements

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

import psycopg

from ripieno.journal.postgres.connection import PostgresConnection
from ripieno.journal.postgres.database import ALONE
from ripieno.journal.postgres.failures import reading, writing
from ripieno.journal.postgres.schema import check, made
from ripieno.model.errors import StoreError

__all__ = ["Table", "Target"]

SETTINGS: Final = (
    "SET lock_timeout = '30s'",
    "SET idle_in_transaction_session_timeout = 0",  # the source is read meanwhile
    "SET synchronous_commit = on",
)
OWN: Final = ("ripieno", "owners")
"""Tables of the database's own."""

COLUMNS: Final = (
    "SELECT table_name, column_name, udt_name, is_identity = 'YES' FROM information_schema.columns"
    " WHERE table_schema = current_schema() ORDER BY table_name, ordinal_position"
)
KEYS: Final = (
    "SELECT relname, attname FROM pg_index JOIN pg_class c ON c.oid = indrelid"
    " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY(indkey)"
    " WHERE indisprimary AND relnamespace = CAST(current_schema() AS regnamespace)"
    " ORDER BY relname, array_position(indkey::int2[], a.attnum)"
)
AT_WORK: Final = "SELECT name FROM owners WHERE until_at > clock_timestamp() ORDER BY name"

LARGE: Final = {"payloads": 16}
"""How many rows are read at once of tables whose rows may be large."""

AT_ONCE: Final = 1000


@dataclass(frozen=True, slots=True)
class Table:
    """A table, and what is in it."""

    name: str
    columns: Sequence[str]
    types: Sequence[str]
    key: Sequence[str]
    numbered: Sequence[str]
    """Columns that the database gives numbers to."""


class Target:
    """The tables of a database within one transaction, as a context manager; left early, nothing is kept."""

    def __init__(self, url: str) -> None:
        self._url = url

    def __enter__(self) -> Self:
        self._connection = PostgresConnection(self._url, *SETTINGS)
        self.place = self._connection.place
        try:
            check(self.place, made(self._connection))
            self._connection.raw.execute("BEGIN")
            self._connection.raw.execute(ALONE, [self._connection.alone])
            ((schema,),) = self.rows("SELECT current_schema()")
            self.whole_place = f"{self.place}, schema {schema}"
            self.tables = self._tables()
            self._alone()
        except psycopg.Error as error:
            self._connection.close()
            raise writing(self.place, error) from error
        except BaseException:
            self._connection.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(psycopg.Error):  # it may be gone, with all that was done
            self._connection.raw.execute("ROLLBACK")
        self._connection.close()

    def holding(self) -> Sequence[str]:
        """Give the tables that hold anything."""
        names = [table.name for table in self.tables]
        return [name for name in names if list(self.rows(f"SELECT 1 FROM {name} LIMIT 1"))]

    def fill(self, table: Table, rows: Iterator[Any]) -> None:
        """Insert rows as they come. Raises `StoreError` where one cannot be held, or the way is lost."""
        into = f"COPY {table.name} ({named(table.columns)}) FROM STDIN (FORMAT BINARY)"
        try:
            with self._connection.raw.cursor() as cursor, cursor.copy(into.encode()) as copy:
                copy.set_types(table.types)
                for row in rows:
                    copy.write_row(row)
        except psycopg.Error as error:
            failed = writing(f"table {table.name} of {self.place}", error)
            raise failed from error

    def number_from(self, table: Table, most: Callable[[str, str], int | None]) -> None:
        """Have columns go on behind the largest number that they were ever given."""
        for column in table.numbered:
            last = most(table.name, column)
            if last is not None:
                list(self.rows("SELECT setval(pg_get_serial_sequence(?, ?), ?)", table.name, column, last))

    def read(self, table: str, columns: Sequence[str], order: Sequence[str]) -> Iterator[Any]:
        """Give the rows of a table in an order, some at a time."""
        statement = f"SELECT {named(columns)} FROM {table} ORDER BY {named(order)}"
        try:
            with self._connection.raw.cursor(name="moved") as cursor:
                cursor.itersize = LARGE.get(table, AT_ONCE)
                cursor.execute(statement.encode(), binary=True)
                yield from cursor
        except psycopg.Error as error:
            raise reading(self.place, error) from error

    def rows(self, statement: str, *values: Any) -> Iterator[Any]:
        """Give the rows of a statement. Raises `StoreError`."""
        try:
            yield from self._connection.execute(statement, values).fetchall()
        except psycopg.Error as error:
            raise reading(self.place, error) from error

    def commit(self) -> None:
        """Keep what was done. Raises `StoreError`, after which it may be kept or not."""
        try:
            self._connection.raw.execute("SELECT pg_notify(%b, '')", [self._connection.channel])
            self._connection.raw.execute("COMMIT")
        except psycopg.Error as error:
            raise writing(self.place, error) from error

    def _tables(self) -> Sequence[Table]:
        columns = [row for row in self.rows(COLUMNS) if row[0] not in OWN]
        keys = list(self.rows(KEYS))
        return [
            Table(
                name,
                columns=[column for table, column, *_ in columns if table == name],
                types=[kind for table, _, kind, _ in columns if table == name],
                key=[column for table, column in keys if table == name],
                numbered=[column for table, column, _, numbered in columns if table == name and numbered],
            )
            for name in sorted({row[0] for row in columns})
        ]

    def _alone(self) -> None:
        names = [name for (name,) in self.rows(AT_WORK)]
        if names:
            msg = f"nothing is moved to {self.place} while somebody works with it: {'; '.join(names)}"
            raise StoreError(msg, remedy="end these processes, and start them again afterwards")


def named(columns: Sequence[str]) -> str:
    """Give names of columns for a statement, some of which are words of SQL."""
    return ", ".join(f'"{column}"' for column in columns)
