"""How processes notice each other's commits: a byte in a pipe at once, `data_version` as the truth.

Every process has a named pipe; whoever commits writes a byte into all of them. A byte can be lost,
so each process also looks at SQLite's `data_version` a few times a second.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from ripieno.journal.sqlite.owners import FileOwners

__all__ = ["Doorbell"]

LOOK_SECONDS: Final = 0.25


class Doorbell:
    """Rings the listeners of this process and of all others that share the data folder."""

    def __init__(self, folder: Path, owners: FileOwners, reader: sqlite3.Connection) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        self._folder = folder
        self._owners = owners
        self._own = folder / owners.token
        self._reader = reader
        self._loop = asyncio.get_running_loop()
        self._listeners: list[Callable[[], None]] = []
        self._of_all: list[Callable[[], None]] = []
        """Those among them that hear of every commit of this process."""
        self._version = self._data_version()
        self._timer: asyncio.TimerHandle | None = None
        self._pipe: int | None = None

    def listen(self, ring: Callable[[], None], *, own: bool = True) -> None:
        """Call `ring` on every commit that may have happened; several commits may ring once.

        Without `own` it is not called for those of this process that concern its own runs alone.
        """
        self._listeners.append(ring)
        if own:
            self._of_all.append(ring)
        if self._pipe is None:
            os.mkfifo(self._own, 0o600)
            self._pipe = os.open(self._own, os.O_RDWR | os.O_NONBLOCK)
            self._loop.add_reader(self._pipe, self._heard)
            self._timer = self._loop.call_later(LOOK_SECONDS, self._look)

    def ring(self, *, beyond: bool) -> None:
        """Tell of a commit of this process here: all, or those who follow all, by `Batch.beyond`."""
        self._tell(self._listeners if beyond else self._of_all)

    def ring_elsewhere(self) -> None:
        """Tell every other process of a commit; may be called by any thread, and never raises."""
        with contextlib.suppress(OSError):  # they look by themselves as well
            for name in os.listdir(self._folder):  # noqa: PTH208 - at every commit
                if name != self._owners.token:
                    self._press(self._folder / name)

    def close(self) -> None:
        """Stop listening."""
        if self._pipe is not None and self._timer is not None:
            self._timer.cancel()
            self._loop.remove_reader(self._pipe)
            os.close(self._pipe)
            self._own.unlink(missing_ok=True)
            self._pipe = None

    def _tell(self, listeners: Sequence[Callable[[], None]]) -> None:
        for listener in listeners:
            listener()

    def _heard(self) -> None:
        assert self._pipe is not None, "the reader is removed before the pipe is closed"
        with contextlib.suppress(BlockingIOError):
            os.read(self._pipe, 4096)
        self._tell(self._listeners)

    def _look(self) -> None:
        with contextlib.suppress(sqlite3.Error):  # whoever reads next hears of it; looking goes on
            version = self._data_version()
            if version != self._version:
                self._version = version
                self._tell(self._listeners)
        self._timer = self._loop.call_later(LOOK_SECONDS, self._look)

    def _data_version(self) -> int:
        return int(self._reader.execute("PRAGMA data_version").fetchone()[0])

    def _press(self, pipe: Path) -> None:
        """Write a byte into another's pipe; where it cannot be heard, its own look notices the commit."""
        try:
            descriptor = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            if not self._owners.alive(pipe.name):
                pipe.unlink(missing_ok=True)
            return
        try:
            with contextlib.suppress(BlockingIOError, BrokenPipeError):  # full or just closed
                os.write(descriptor, b"!")
        finally:
            os.close(descriptor)
