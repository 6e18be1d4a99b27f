"""The mark of a data folder whose log is elsewhere by now, so that no run goes on in two places."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Final

from ripieno.journal.on_disk import synced
from ripieno.model.errors import StoreError

__all__ = ["MARK", "check_here", "mark", "moved_to", "unmark"]

MARK: Final = "moved.json"


def moved_to(home: Path) -> str | None:
    """Give where the log of a data folder was moved, or begun to be; None where it is here."""
    try:
        return str(json.loads((home / MARK).read_text(encoding="utf-8"))["to"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError):
        return f"somewhere that {home / MARK} does not tell"


def check_here(home: Path) -> None:
    """Raise `StoreError` where the log is elsewhere, or may be."""
    place = moved_to(home)
    if place is not None:
        msg = f"the log of {home} was moved to {place}, or a move to there did not end"
        remedy = (
            "set RIPIENO_DATABASE_URL; ripieno db move ends a move that did not end,"
            " and with --call-off takes it back where nothing has arrived there"
        )
        raise StoreError(msg, remedy=remedy)


def mark(home: Path, place: str) -> None:
    """Say durably that the log is there, or will be."""
    draft = home / f"{MARK}.new"
    with draft.open("w", encoding="utf-8") as file:
        json.dump({"to": place}, file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(home / MARK)
    synced(home)


def unmark(home: Path) -> None:
    """Say durably that it is here."""
    (home / MARK).unlink()
    synced(home)
