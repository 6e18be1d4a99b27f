"""Failures of SQLite, in words that say what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ripieno.model.errors import StoreError

__all__ = ["opening", "reading", "writing"]

REMEDIES: Final = {
    "full": "free some space and resume; whatever was not recorded did not happen",
    "disk I/O": "see to the disk and resume; whatever was not recorded did not happen",
    "locked": "another process holds the database; end it or try again",
    "malformed": "restore the file from a backup; ripieno audit verify tells what is left",
    "not a database": "restore the file from a backup, or use another data folder",
    "unable to open": "the folder has to exist and be yours to write",
    "readonly": "the folder and the file have to be yours to write",
}
"""What to do, by what SQLite says."""


def opening(path: Path, error: Exception) -> StoreError:
    """Give the error of a file that could not be opened or created."""
    return failure(f"cannot open {path}", error)


def reading(path: Path, error: Exception) -> StoreError:
    """Give the error of a read that failed."""
    return failure(f"cannot read {path}", error)


def writing(path: Path, error: Exception) -> StoreError:
    """Give the error of a commit that failed; nothing of it was kept."""
    return failure(f"cannot write to {path}", error)


def failure(what: str, error: Exception) -> StoreError:
    """Give an error that names its cause and what to do about it."""
    text = str(error)
    remedy = next((remedy for sign, remedy in REMEDIES.items() if sign in text), None)
    failed = StoreError(f"{what}: {text}", remedy=remedy)
    failed.__cause__ = error
    return failed
