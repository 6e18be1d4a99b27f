"""A process that tells a file of the log, and is killed by itself right after the n-th batch was told."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from ripieno.anchoring import feeds
from ripieno.journal.feeding import Cursor, Feeding

if __name__ == "__main__":
    feeds.BATCH = 7
    left = int(sys.argv[3])
    keep = Feeding.keep

    def killed(self: Feeding, cursor: Cursor) -> None:
        global left  # noqa: PLW0603 - counts the batches of this process
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        keep(self, cursor)

    Feeding.keep = killed
    feeds.Feeds(Path(sys.argv[1]), [sys.argv[2]], "example.com/log").turn()
