"""Work on the log that one process does for all, beside the commits of runs: with a connection of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from pathlib import Path
from typing import Any, ClassVar, Final, Self

from ripieno.journal.places import seat_at
from ripieno.journal.sql.database import Connection
from ripieno.model.errors import StoreError

__all__ = ["BUSY_SECONDS", "Elected"]

BUSY_SECONDS: Final = 10.0
"""How long a write waits for another process's, unless told otherwise."""


class Elected:
    """Whoever holds a lock, for as long as it does; a context manager.

    Its methods take the thread that calls them. Raise `StoreError`.
    """

    lock_name: ClassVar[str]
    """What is locked: a file in the data folder, or in a database what is called so."""

    def __init__(self, home: Path, *, busy_seconds: float = BUSY_SECONDS) -> None:
        self._seat = seat_at(home, self.lock_name, busy_seconds)
        self._elected = False

    def __enter__(self) -> Self:
        self._seat.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.resign()
        self._seat.close()

    @property
    def connection(self) -> Connection:
        """The connection to the database."""
        return self._seat.connection

    @property
    def elected(self) -> bool:
        """Tell whether this is the one."""
        return self._elected

    def elect(self) -> bool:
        """Become the one; False where another is, in this process or a different one."""
        self._elected = self._elected or self._seat.take()
        return self._elected

    def resign(self) -> None:
        """Let another be the one."""
        if self._elected:
            self._elected = False
            self._seat.leave()

    def rows(self, statement: str, *values: Any) -> list[Any]:
        """Run a statement and give its rows."""
        try:
            return self._seat.connection.execute(statement, values).fetchall()
        except self._seat.errors as error:
            raise self._seat.reading(error) from error

    @contextlib.contextmanager
    def written(self, *, durable: bool) -> Generator[None]:
        """Write in one transaction; without `durable` a crash of the machine may take it away."""
        execute = self._seat.connection.execute
        try:
            self._seat.begin(durable=durable)
            yield
            execute("COMMIT")
        except self._seat.errors as error:
            self.forget()
            with contextlib.suppress(self._seat.errors):  # it may have been rolled back already
                execute("ROLLBACK")
            failed: StoreError = self._seat.writing(error)
            raise failed from error

    def forget(self) -> None:
        """Know nothing any more that was about to be written."""
