"""A copy of a data folder in which one byte of the log is another."""

from __future__ import annotations

import re
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["Tampered", "copied", "tamper"]

CONFIDENCE: Final = re.compile(rb'"confidence":"0\.\d*?(\d)"')
FOLDER: Final = "demo-copy"


@dataclass(frozen=True, slots=True)
class Tampered:
    """The byte that was changed."""

    seq: int
    """The event, counted from 1 within its run."""
    before: str
    after: str


def copied(home: Path) -> Path:
    """Copy log and key of a data folder; a copy from before is replaced."""
    folder = home / FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    shutil.copy2(home / "master.key", folder / "master.key")
    with (
        closing(sqlite3.connect(home / "journal.sqlite")) as here,
        closing(sqlite3.connect(folder / "journal.sqlite")) as there,
    ):
        here.backup(there)
    return folder


def tamper(folder: Path, run: str) -> Tampered:
    """Raise the first confidence under 0.85 that a run recorded, by changing one digit."""
    with closing(sqlite3.connect(folder / "journal.sqlite", isolation_level=None)) as connection:
        rows: list[tuple[int, int, bytes]] = connection.execute(
            "SELECT position, seq, envelope FROM events WHERE stream = ? ORDER BY seq", (bytes.fromhex(run),)
        ).fetchall()
        for position, seq, envelope in rows:
            found = CONFIDENCE.search(envelope)
            if found is None or found.group(0) >= b'"confidence":"0.85"':
                continue
            place = (
                found.start(1) if len(found.group(0)) == len(b'"confidence":"0.0"') else found.start(0) + 16
            )
            changed = envelope[:place] + b"9" + envelope[place + 1 :]
            connection.execute("UPDATE events SET envelope = ? WHERE position = ?", (changed, position))
            end = found.end() - 1
            start = found.start() + len(b'"confidence":"')
            return Tampered(seq, envelope[start:end].decode(), changed[start:end].decode())
    msg = f"run {run} has no event with a low confidence"
    raise LookupError(msg)
