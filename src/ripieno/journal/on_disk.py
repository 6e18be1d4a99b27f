"""Having files and the names in folders on disk, as whatever is not SQLite's own has to be."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["synced"]


def synced(path: Path) -> None:
    """Have a file on disk, or the names in a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
