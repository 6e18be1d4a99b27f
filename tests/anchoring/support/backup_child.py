"""Backs up, or restores over a folder that is there, and is killed at each look at the file system in turn.

    python -m tests.anchoring.support.backup_child backup|restore FROM TO

Each attempt has a folder `TO/number` of its own and is a process that kills itself at its number-th such
look; the last is the one that comes to its end. Says how many there were.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from itertools import count
from pathlib import Path

from ripieno.anchoring.backup import back_up
from ripieno.anchoring.restore import restore

LOOKS = frozenset({"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.chmod", "sqlite3.connect"})


def killed_at(number: int) -> None:
    """Kill this process at its number-th look at the file system."""
    seen = count(1)

    def look(event: str, arguments: object) -> None:
        del arguments
        if event in LOOKS and next(seen) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(look)


def attempt(what: str, source: Path, to: Path, number: int) -> None:
    """Do it, in a process of its own."""
    if what == "backup":
        killed_at(number)
        back_up(source, to / "backup", with_keys=True)
    else:
        shutil.copytree(source.with_name("home"), to / "home")
        killed_at(number)
        restore(source, to / "home", by="person:op", replace=True)


if __name__ == "__main__":
    for each in count(1):
        place = Path(sys.argv[3]) / str(each)
        place.mkdir()
        if (process := os.fork()) == 0:
            attempt(sys.argv[1], Path(sys.argv[2]), place, each)
            os._exit(0)
        _, status = os.waitpid(process, 0)
        if not os.WIFSIGNALED(status):
            print(each, os.WEXITSTATUS(status), flush=True)  # noqa: T201 - the parent reads it
            break
