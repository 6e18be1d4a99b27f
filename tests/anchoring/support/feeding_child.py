"""Tells a file of the log, in a process that is killed by itself right after the n-th batch was told."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from ripieno.anchoring import feeds
from ripieno.journal.feeding import Cursor, Feeding


def told(home: str, place: str, batches: int) -> None:
    feeds.BATCH = 7
    left = batches
    keep = Feeding.keep

    def killed(self: Feeding, cursor: Cursor) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        keep(self, cursor)

    Feeding.keep = killed
    feeds.Feeds(Path(home), [place], "example.com/log").turn()
