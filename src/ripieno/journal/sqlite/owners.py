"""Who owns runs on this machine: each process holds a file lock for as long as it lives.

A run's row names its owner's token. Whoever can lock that token's file knows that the owner is
dead, so that takeover after `kill -9` is immediate, while a process that was merely stopped keeps
what it owns.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import platform
from pathlib import Path

from ripieno.model.ids import new_id

__all__ = ["FileOwners", "alive_in"]


class FileOwners:
    """The lock of this process, and a way to ask whether another's still stands.

    `flock` and not `lockf`: two stores within one process have to see each other's locks. A child
    that was forked without `exec` holds its parent's lock too, and so keeps it alive.
    """

    others = "owner <> ?"
    """Whether it lives is for the file system to say."""

    spell = 0
    """A lock of the system's stands for as long as the process does, however long it is held up."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        self._folder = folder
        self._descriptor: int | None = None
        while self._descriptor is None:
            self.token = new_id()
            self._descriptor = locked(folder / self.token)
        os.write(self._descriptor, f"{platform.node() or 'here'}, process {os.getpid()}".encode())
        self._sweep()

    def named(self, token: str) -> str:
        """Give where the process with this token runs, for people: machine and process."""
        return named(self._folder / token)

    def alive(self, token: str) -> bool:
        """Tell whether the process with this token still runs."""
        return token == self.token or not dead(self._folder / token, remove=False)

    def close(self) -> None:
        """Give up the lock: whatever this process still owns can be taken over."""
        if self._descriptor is not None:
            (self._folder / self.token).unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = None

    def _sweep(self) -> None:
        for file in self._folder.iterdir():
            if file.name != self.token:
                dead(file, remove=True)


def alive_in(folder: Path) -> list[str]:
    """Give where those run who are alive in a folder, for people."""
    files = sorted(folder.iterdir()) if folder.exists() else []
    return [named(file) for file in files if not dead(file, remove=False)]


def named(path: Path) -> str:
    """Give where the process runs whose file this is, for people: machine and process."""
    try:
        return path.read_text("utf-8") or path.name[-6:]
    except OSError:  # pragma: no cover - it ended between two looks
        return path.name[-6:]


def dead(path: Path, *, remove: bool) -> bool:
    """Tell whether nobody holds a file, and have it away then where that is wanted."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return True
    try:
        # shared, so that two who ask at once do not take each other for the owner
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        if remove:  # while it is locked: its owner may be just about to lock it for the first time
            path.unlink(missing_ok=True)
    except BlockingIOError:
        return False
    else:
        return True
    finally:
        os.close(descriptor)


def locked(path: Path) -> int | None:
    """Create and lock a file; None when someone swept it away before it was locked."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with contextlib.suppress(FileNotFoundError):
        if os.path.samestat(os.fstat(descriptor), path.stat()):
            return descriptor
    os.close(descriptor)
    return None
