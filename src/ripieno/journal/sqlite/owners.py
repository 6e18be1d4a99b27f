"""Who owns runs on this machine: each process holds a file lock for as long as it lives.

A run's row names its owner's token. Whoever can lock that token's file knows that the owner is
dead, so that takeover after `kill -9` is immediate, while a process that was merely stopped keeps
what it owns.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from ripieno.model.ids import new_id

__all__ = ["Owners"]


class Owners:
    """This process's own lock, and a way to ask whether another's still stands."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        self._folder = folder
        self.token = new_id()
        self._descriptor = os.open(folder / self.token, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        self._sweep()

    def alive(self, token: str) -> bool:
        """Tell whether the process with this token still runs."""
        if token == self.token:
            return True
        try:
            descriptor = os.open(self._folder / token, os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        else:
            return False
        finally:
            os.close(descriptor)

    def close(self) -> None:
        """Give up the lock: whatever this process still owns can be taken over."""
        with contextlib.suppress(FileNotFoundError):
            (self._folder / self.token).unlink()
        os.close(self._descriptor)

    def _sweep(self) -> None:
        for file in self._folder.iterdir():
            if not self.alive(file.name):
                file.unlink(missing_ok=True)
