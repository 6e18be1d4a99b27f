"""Every file that Python makes durable is a boundary, before and after."""

from __future__ import annotations

import os

from kernel.support.boundaries import Boundaries

__all__ = ["watch_files"]


def watch_files(boundaries: Boundaries) -> None:
    """Cross a boundary around each `fsync`: those of key files, say; SQLite makes its own durable."""
    flush = os.fsync

    def fsync(descriptor: int) -> None:
        boundaries.cross("before a file is flushed")
        flush(descriptor)
        boundaries.cross("a file was flushed")

    os.fsync = fsync
