"""Takes what was deleted out of the files themselves: the tail of the log, and free bytes of the database.

SQLite overwrites what it deletes (`secure_delete`), in the next checkpoint also in the file. Two places
may hold a copy still: the write-ahead log, until it is cut off, and, rarely, a page whose rows were moved
before. So the log is cut off, the file is searched, and written anew where anything was found.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from ripieno.journal.sqlite.failures import writing
from ripieno.journal.sqlite.schema import connect

__all__ = ["found_in", "scrub"]

BLOCK_BYTES: Final = 1 << 20


def scrub(path: Path, needles: Sequence[bytes] | None, busy_seconds: float) -> bool:
    """Leave nothing of what was deleted in any file of the store; False where it has to be tried again.

    `needles` are pieces of it. Where nobody knows them any more, since the process that did died, the file
    is written anew. Takes the thread that calls it; raises `StoreError`.
    """
    try:
        with closing(connect(path, busy_seconds)) as connection:
            if not cut_off(connection):
                return False
            if needles is not None and not found_in(path, needles):
                return True
            connection.execute("PRAGMA temp_store = FILE")  # it may not fit into memory
            connection.execute("VACUUM")
            return cut_off(connection)
    except sqlite3.OperationalError:
        return False  # locked or full: what was erased is erased, and its bytes are tried again
    except sqlite3.Error as error:
        raise writing(path, error) from error


def cut_off(connection: sqlite3.Connection) -> bool:
    """Bring the write-ahead log into the file, and leave nothing in it; False when somebody reads it."""
    (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return busy == 0


def found_in(path: Path, needles: Sequence[bytes]) -> bool:
    """Tell whether any of these stands anywhere in a file."""
    longest = max(map(len, needles), default=0)
    tail = b""
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            window = tail + block
            if any(needle in window for needle in needles):
                return True
            tail = window[-longest:]
    return False
