"""A data folder whose log is moved: nobody works with it meanwhile, and nothing in its file is changed."""

# ruff: noqa: S608 - only our own names are put into statements

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from ripieno.journal.keys import MasterKey
from ripieno.journal.sql.master_store import check_master
from ripieno.journal.sqlite.failures import opening, reading
from ripieno.journal.sqlite.moved import mark, moved_to, unmark
from ripieno.journal.sqlite.owners import alive_in
from ripieno.journal.sqlite.schema import FORMAT, connect
from ripieno.journal.sqlite.status import format_of
from ripieno.model.errors import NotFoundError, StoreError

__all__ = ["Source"]

BUSY_SECONDS: Final = 2.0
"""How long it is waited for a write that is under way."""

MOST_OF: Final = (
    "SELECT max(most) FROM (SELECT max({column}) AS most FROM {table}"
    " UNION ALL SELECT seq FROM sqlite_sequence WHERE name = '{table}')"
)


class Source:
    """One moment of a log, as a context manager: from here on whoever opens the folder is refused.

    Leaving takes that back, unless the log may be elsewhere by then, or it was so before.
    """

    def __init__(self, home: Path, place: str) -> None:
        """`place` is where it is moved. Raises `NotFoundError` and `StoreError` where it cannot be."""
        self._home = home
        self._path = home / "journal.sqlite"
        self._place = place
        if not self._path.exists():
            msg = f"nothing has run in {home}: there is no log to move"
            raise NotFoundError(msg, remedy="--home or RIPIENO_HOME names the data folder")
        if (found := format_of(self._path)) != FORMAT:
            msg = f"{self._path} has format {found}, and the format that moves is {FORMAT}"
            remedy = "ripieno db migrate, without RIPIENO_DATABASE_URL, brings it up"
            raise StoreError(msg, remedy=remedy if found < FORMAT else "use a newer version of Ripieno")
        self._master = MasterKey.read(home / "master.key")
        before = moved_to(home)
        if before not in (None, place):
            msg = f"the log of {home} was moved to {before}, or a move to there did not end"
            raise StoreError(msg, remedy=f"name that database, not {place}: a run would go on in two places")
        self.begun = before is not None
        """Whether a move was begun before this one, and may have ended."""
        self._stays = self.begun

    def __enter__(self) -> Self:
        try:
            self._connection = connect(self._path, BUSY_SECONDS)
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                check_master(self._connection, self._master)
                mark(self._home, self._place)  # before the look at who is there: they look after they are
                self._alone()
            except BaseException:
                self.__exit__(None, None, None)
                raise
        except sqlite3.Error as error:
            raise opening(self._path, error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._stays and moved_to(self._home) is not None:
            unmark(self._home)
        self._connection.close()

    def settle(self) -> None:
        """Say that the log may be elsewhere from here on, whatever becomes of it."""
        self._stays = True

    def rows(self, statement: str, *values: Any) -> Iterator[Any]:
        """Give the rows of a statement, one by one. Raises `StoreError`."""
        try:
            yield from self._connection.execute(statement, values)
        except sqlite3.Error as error:
            raise reading(self._path, error) from error

    def read(self, table: str, columns: Sequence[str], order: Sequence[str]) -> Iterator[Any]:
        """Give the rows of a table in an order."""
        return self.rows(f"SELECT {named(columns)} FROM {table} ORDER BY {named(order)}")

    def most(self, table: str, column: str) -> int | None:
        """Give the largest number that a column has ever been given by itself; None before any was."""
        ((found,),) = self.rows(MOST_OF.format(table=table, column=column))
        return found

    def _alone(self) -> None:
        names = alive_in(self._home / "owners")
        if names:
            msg = f"{self._home} is not moved while somebody works with it: {'; '.join(names)}"
            raise StoreError(msg, remedy="end these processes; their runs go on where the log is then")


def named(columns: Sequence[str]) -> str:
    """Give names of columns for a statement, some of which are words of SQL."""
    return ", ".join(f'"{column}"' for column in columns)
