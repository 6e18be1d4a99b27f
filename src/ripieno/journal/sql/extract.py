"""What an export takes out of a log, in one snapshot: events in order, rows, messages."""

# ruff: noqa: S608 - only our own names are put into statements

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from ripieno.journal.sql.audit import Audit, named, stored
from ripieno.journal.sql.tree import StoredTree
from ripieno.proof.form import RUN_TABLES

__all__ = ["Extract", "Placed"]


class Placed(NamedTuple):
    """An event with its leaf, as both are stored."""

    position: int
    stream: str
    seq: int
    envelope: bytes
    leaf: int | None
    """None where it has none yet."""
    hash: bytes | None


class Extract(Audit):
    """A snapshot of a log of this format, as a context manager."""

    @property
    def tree(self) -> StoredTree:
        """The tree over the log."""

        def rows(statement: str, *values: Any) -> list[Any]:
            return list(self._rows(statement, *values))

        return StoredTree(rows)

    def in_order(self, streams: Collection[str] | None = None) -> Iterator[Placed]:
        """Give the events of these streams, or all, in the order of the log."""
        rows = self._scan(
            "SELECT e.position, e.stream, e.seq, envelope, leaf, hash FROM events e"
            " LEFT JOIN leaves l ON l.position = e.position ORDER BY e.position"
        )
        for position, stream, seq, envelope, leaf, hashed in rows:
            if streams is None or stream.hex() in streams:
                yield Placed(position, stream.hex(), seq, envelope, leaf, hashed)

    def active(self, since: int | None, until: int | None) -> set[str]:
        """Give the streams that have an event at or after a time and before another."""
        rows = self._snapshot.between(0 if since is None else since, 2**62 if until is None else until - 1)
        return {stream.hex() for (stream,) in rows}

    def place(self, stream: str, seq: int) -> Placed | None:
        """Give an event with its leaf; None where there is none."""
        rows = self._rows(
            "SELECT e.position, e.stream, e.seq, envelope, leaf, hash FROM events e"
            " LEFT JOIN leaves l ON l.position = e.position WHERE e.stream = ? AND e.seq = ?",
            stored(stream),
            seq,
        )
        for position, raw, number, envelope, leaf, hashed in rows:
            return Placed(position, raw.hex(), number, envelope, leaf, hashed)
        return None

    def table(self, table: str) -> Iterator[dict[str, Any]]:
        """Give the rows of a table that runs have rows in; of messages those that were taken in."""
        columns = RUN_TABLES[table]
        taken = " WHERE folded IS NOT NULL" if table == "inbox" else ""
        for row in self._scan(f"SELECT {named(*columns)} FROM {table}{taken}"):
            yield dict(zip(columns, row, strict=True))

    def unfolded(self) -> Iterator[dict[str, Any]]:
        """Give the messages that were not taken in yet."""
        columns = tuple(column for column in RUN_TABLES["inbox"] if column != "folded")
        rows = self._scan(f"SELECT {named(*columns)} FROM inbox WHERE folded IS NULL ORDER BY position")
        for row in rows:
            yield dict(zip(columns, row, strict=True))
