"""A process that gives events their leaves, one at a time, and says so after each."""

from __future__ import annotations

import sys
from pathlib import Path

from ripieno.journal.sequencer import Sequencer

if __name__ == "__main__":
    with Sequencer(Path(sys.argv[1])) as sequencer:
        if not sequencer.elect():
            print("another is", flush=True)  # noqa: T201 - the parent reads it
            sys.exit(3)
        while sequencer.advance(int(sys.argv[2])):
            print(sequencer.tree.size, flush=True)  # noqa: T201 - the parent reads it
