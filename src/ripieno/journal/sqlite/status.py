"""What a data folder is like, without opening it for work: also one that is too old for this version."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from ripieno.journal.sqlite.failures import reading
from ripieno.journal.sqlite.migrations import STEPS
from ripieno.journal.sqlite.moved import moved_to
from ripieno.journal.sqlite.owners import alive_in
from ripieno.journal.sqlite.read_only import read_only
from ripieno.journal.sqlite.schema import FORMAT
from ripieno.journal.status import DatabaseStatus, OwnerStatus

__all__ = ["format_of", "status"]


def format_of(path: Path) -> int:
    """Give the format of a file. Raises `StoreError` where it cannot be read."""
    try:
        with closing(read_only(path)) as connection:
            return connection.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.Error as error:
        raise reading(path, error) from error


def status(home: Path) -> DatabaseStatus:
    """Look at the log of a data folder; where there is none yet there is no format."""
    path = home / "journal.sqlite"
    found = format_of(path) if path.exists() else None
    return DatabaseStatus(
        place=str(path),
        server=f"SQLite {sqlite3.sqlite_version}",
        format=found,
        oldest=found,
        needed=FORMAT,
        pending=[f"format {start} to {start + 1}" for start in STEPS if found is not None and start >= found],
        owners=[OwnerStatus(name, None) for name in alive_in(home / "owners")],
        bytes=sum(file.stat().st_size for file in home.glob("journal.sqlite*")),
        tables=[],
        moved=moved_to(home),
    )
