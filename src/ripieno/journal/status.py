"""What a database is like, for people: its format, who works with it, how large it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["DatabaseStatus", "OwnerStatus", "TableSize"]


@dataclass(frozen=True, slots=True)
class OwnerStatus:
    """A process that works with a database."""

    name: str
    """Machine and process."""
    format: int | None
    """Of which format its program is; None where nothing says so."""


@dataclass(frozen=True, slots=True)
class TableSize:
    """A table with its indexes."""

    name: str
    bytes: int


@dataclass(frozen=True, slots=True)
class DatabaseStatus:
    """A database as it is found, whether or not this version can work with it."""

    place: str
    server: str
    """What it is kept by, with its version."""
    format: int | None
    """The format that it was brought up to; None where there is no table yet."""
    oldest: int | None
    """The oldest format whose programs can work with it."""
    needed: int
    """The format that this version needs."""
    pending: Sequence[str]
    """What is still to be done to bring it up to this version."""
    owners: Sequence[OwnerStatus]
    bytes: int
    tables: Sequence[TableSize]
    """The largest first; none where that is not known."""
    moved: str | None = None
    """Where the log was moved, or begun to be; None where it is here."""
