"""Where one process sits that does something for all: its connection, and the lock by which it is the one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from ripieno.journal.sql.database import Connection
from ripieno.model.errors import StoreError

__all__ = ["Seat"]


class Seat(ABC):
    """A connection and a lock; methods take the thread that calls them."""

    connection: Connection
    """There from `open` on."""
    errors: ClassVar[type[Exception]]
    """Every failure of the database."""

    @abstractmethod
    def open(self) -> None:
        """Connect; raises `StoreError`."""

    @abstractmethod
    def close(self) -> None:
        """End the connection."""

    @abstractmethod
    def take(self) -> bool:
        """Take the lock; False where another has it."""

    @abstractmethod
    def leave(self) -> None:
        """Let another have the lock."""

    @abstractmethod
    def begin(self, *, durable: bool) -> None:
        """Begin a transaction; without `durable` a crash of the machine may take it away."""

    @abstractmethod
    def insert(self, into: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert many rows into a table, whose columns are named with it."""

    @abstractmethod
    def reading(self, error: Exception) -> StoreError:
        """Give the error of a read that failed."""

    @abstractmethod
    def writing(self, error: Exception) -> StoreError:
        """Give the error of a commit that failed."""
