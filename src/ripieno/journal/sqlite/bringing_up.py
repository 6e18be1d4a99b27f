"""Brings the file of an earlier format up when that is asked for, as opening it does."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from ripieno.journal.keys import MasterKey
from ripieno.journal.sqlite.failures import opening
from ripieno.journal.sqlite.schema import BUSY_SECONDS, FORMAT, connect, create
from ripieno.journal.sqlite.status import format_of
from ripieno.journal.sqlite.vouching import vouch_earlier
from ripieno.model.errors import NotFoundError

__all__ = ["bring_up"]


def bring_up(home: Path, tell: Callable[[str], None], *, busy_seconds: float = BUSY_SECONDS) -> None:
    """Bring the file of a data folder up to this format, whole or not at all, and say what was done."""
    path = home / "journal.sqlite"
    if not path.exists():
        msg = f"nothing has run in {home} yet"
        raise NotFoundError(msg, remedy="a folder that is made by this version has its format")
    before = format_of(path)
    master = MasterKey.read(home / "master.key")
    try:
        with closing(connect(path, busy_seconds)) as connection:
            create(connection, path, lambda earlier: vouch_earlier(earlier, master))
    except sqlite3.Error as error:
        raise opening(path, error) from error
    if before != FORMAT:
        tell(f"format {before} to {FORMAT}: done")
