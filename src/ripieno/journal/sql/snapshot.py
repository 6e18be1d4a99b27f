"""A log as it stood at one moment, to be read at leisure: what each database does for that in its own way."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from ripieno.journal.keys import MasterKey

__all__ = ["Snapshot"]


class Snapshot(ABC):
    """Reads a log, and writes nothing to it; whatever is committed meanwhile is not seen."""

    home: Path
    """The folder that holds keys, and the newest checkpoint."""
    master: MasterKey
    """The key by which those of streams are wrapped."""
    place: str
    """Where the log is, as people call it."""
    format: int
    """That of the tables, once it is open."""

    @abstractmethod
    def open(self) -> None:
        """Begin to read. Raises `StoreError`, and leaves nothing open then."""

    @abstractmethod
    def close(self) -> None:
        """Read no more."""

    @abstractmethod
    def rows(self, statement: str, *values: Any) -> Iterator[Any]:
        """Give the rows of a statement that has few. Raises `StoreError`."""

    @abstractmethod
    def scan(self, statement: str, *values: Any) -> Iterator[Any]:
        """Give the rows of a statement as they are read, however many; several may be read side by side."""

    @abstractmethod
    def columns(self, table: str) -> Collection[str]:
        """Give the columns of a table; none where earlier formats have no such table."""

    @abstractmethod
    def damage(self) -> Iterator[str]:
        """Give what the database itself finds wrong with its file."""

    @abstractmethod
    def gaps(self) -> Iterator[range]:
        """Give the positions at which an event once stood and none does now, where that can be told."""

    @abstractmethod
    def between(self, since: int, until: int) -> Iterator[Any]:
        """Give the streams, as bytes in rows, that have an event from a time to another, both included."""
