"""Another process that moves a log, and is killed once it has told of something: `FOLDER URL TOLD`."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from ripieno.journal.moving import move


def main(home: str, url: str, last: str) -> None:
    def tell(text: str) -> None:
        if text.startswith(last):
            os.kill(os.getpid(), signal.SIGKILL)

    move(Path(home), url, tell)


if __name__ == "__main__":
    main(*sys.argv[1:])
