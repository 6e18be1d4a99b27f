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

CONFIDENCE: Final = re.compile(rb'"confidence":"(0\.(\d)\d*)"')
FOLDER: Final = "demo-copy"
KEYS: Final = ("master.key", "checkpoint.pub")
"""What reads the values, and what the signatures of checkpoints are verified with."""

THRESHOLD: Final = 0.85
"""Below it the workflow asks a clinician."""


@dataclass(frozen=True, slots=True)
class Tampered:
    """The byte that was changed."""

    seq: int
    """The event, counted from 1 within its run."""
    before: str
    after: str


def copied(home: Path) -> Path:
    """Copy log and keys of a data folder; a copy from before is replaced."""
    folder = home / FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    for key in filter(lambda key: (home / key).exists(), KEYS):
        shutil.copy2(home / key, folder / key)
    with (
        closing(sqlite3.connect(home / "journal.sqlite")) as here,
        closing(sqlite3.connect(folder / "journal.sqlite")) as there,
    ):
        here.backup(there)
    return folder


def tamper(folder: Path, run: str) -> Tampered:
    """Raise the low confidence that a run recorded of its reconciliation, by changing one digit."""
    with closing(sqlite3.connect(folder / "journal.sqlite", isolation_level=None)) as connection:
        rows: list[tuple[int, int, bytes]] = connection.execute(
            "SELECT position, seq, envelope FROM events WHERE stream = ? ORDER BY seq", (bytes.fromhex(run),)
        ).fetchall()
        for position, seq, envelope in rows:
            found = CONFIDENCE.search(envelope) if b"/reconcile@" in envelope else None
            if found is None or float(found[1]) >= THRESHOLD:
                continue
            place = found.start(2)
            changed = envelope[:place] + b"9" + envelope[place + 1 :]
            connection.execute("UPDATE events SET envelope = ? WHERE position = ?", (changed, position))
            return Tampered(seq, found[1].decode(), changed[found.start(1) : found.end(1)].decode())
    msg = f"run {run} has no event with a low confidence"
    raise LookupError(msg)
