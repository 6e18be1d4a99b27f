"""Notices that a folder of policies has changed: a look at the times and sizes of its files, now and then."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ripieno.mediation.policy.packs import meant

__all__ = ["CHECK_SECONDS", "LONGEST_SECONDS", "SETTLE_SECONDS", "Watch"]

CHECK_SECONDS: Final = 0.05
"""So often the files are looked at, while there are decisions to make."""

SETTLE_SECONDS: Final = 0.1
"""A change is heeded once it is so old: a file that is emptied to be written anew is not read between."""

LONGEST_SECONDS: Final = 1.0
"""A change is heeded after so long, however often it is followed by another."""

Mark = tuple[str, int, int, int, int]
"""Path, inode, size, and when its content and its entry changed, in nanoseconds."""


@dataclass(frozen=True, slots=True)
class Look:
    """The files of a folder as they stand."""

    marks: tuple[Mark, ...]

    def young(self, now: float) -> bool:
        """Tell whether something may be under way: a change just now, or something that is not there.

        What has changed in a future far off has done so by a clock that has gone wrong: nobody waits for it.
        """
        if any(size < 0 for _, _, size, _, _ in self.marks):
            return True
        return abs(now - max(mark[4] for mark in self.marks) / 1e9) < SETTLE_SECONDS


class Watch:
    """Watches one folder of policies and its packs; whoever decides asks it."""

    def __init__(
        self,
        folder: Path,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._folder = folder
        self._monotonic = monotonic
        self._wall = wall
        self._next = monotonic() + CHECK_SECONDS
        found = look(folder)
        # what has only just been written may be written once more without its times telling
        self._read = None if found.young(wall()) else found
        self._seen: Look = found
        self._since = self._differs = monotonic()

    @property
    def due(self) -> bool:
        """True once it is time to look again."""
        return self._monotonic() >= self._next

    def changed(self) -> bool:
        """Look, and tell whether there is something else to read than was read last.

        A change that is younger than `SETTLE_SECONDS` is not told yet.
        """
        now = self._monotonic()
        self._next = now + CHECK_SECONDS
        found = look(self._folder)
        if found == self._read:
            self._seen = found
            return False
        if self._seen == self._read:  # so far nothing was different
            self._differs = now
        if found != self._seen:
            self._seen, self._since = found, now
        settles = found.young(self._wall()) and now - self._since < SETTLE_SECONDS
        if settles and now - self._differs < LONGEST_SECONDS:
            return False
        self._read = found
        return True


def look(folder: Path) -> Look:
    """Look at a folder of policies, its files, its packs and theirs."""
    return Look(tuple(marks(os.fspath(folder), packs=True)))


def marks(folder: str, *, packs: bool) -> Iterator[Mark]:
    """Give the marks of a folder and of what in it matters; of what cannot be looked at, why."""
    try:
        yield mark(folder)
        with os.scandir(folder) as entries:
            found = sorted(entry.path for entry in entries if matters(entry, packs=packs))
    except OSError as error:
        yield folder, 0, -(error.errno or 1), 0, 0
        return
    for path in found:
        if path.endswith((".cedar", ".yaml")):
            try:
                yield mark(path)
            except OSError as error:
                yield path, 0, -(error.errno or 1), 0, 0
        else:
            yield from marks(path, packs=False)


def matters(entry: os.DirEntry[str], *, packs: bool) -> bool:
    """Tell whether policies are read from a file, or a folder may be a pack."""
    return meant(entry.name) or (packs and entry.is_dir())


def mark(path: str) -> Mark:
    """Give what tells that a file was changed."""
    found = os.stat(path)  # noqa: PTH116 - many times a second
    return path, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
