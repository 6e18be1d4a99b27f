"""Writing many rows by one statement, so that the database works beside the program, not in turns with it.

Python lets other threads run while SQLite works, and has to wait for them after each statement: row by
row the writer and the event loop would get in each other's way twice per row.

Bytes go in as a `bytearray`: of any value that is neither number, text nor such an array the driver first
asks whether somebody adapts it to the database, which costs more than to copy it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, Final

__all__ = ["Rows"]

SIZES: Final = (256, 64, 16, 4, 1)
"""How many rows one statement takes: few lengths, so that each is compiled once and kept."""


class Rows:
    """A statement that takes the values of any number of rows where it says `{}`."""

    __slots__ = ("_statements",)

    def __init__(self, statement: str, *, columns: int) -> None:
        row = f"({', '.join('?' * columns)})"
        self._statements = [(size, statement.format(", ".join([row] * size))) for size in SIZES]

    def write(self, connection: sqlite3.Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Carry the statement out for all of these rows, in their order."""
        done = 0
        for size, statement in self._statements:
            while len(rows) - done >= size:
                values = [
                    bytearray(value) if type(value) is bytes else value
                    for row in rows[done : done + size]
                    for value in row
                ]
                connection.execute(statement, values)
                done += size
