"""Watching a run that another process runs: a pipe in the data folder, for as long as somebody reads it.

Whoever watches makes the pipe; whoever runs the run writes to it what is recorded nowhere, and never waits:
what a full pipe does not take is left out. A pipe that nobody reads any more is removed by who finds it.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import secrets
import stat
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

__all__ = ["pipes_of", "watching", "write"]

FOLDER: Final = "watched"
MOST: Final = 8
"""So many who watch one run are told."""

LONGEST: Final = 200
"""So much goes through of what was said, the end of it: with its path less than is written in one piece."""

PIECE: Final = 65_536
GONE: Final = frozenset({errno.ENXIO, errno.ENOENT})
"""What opening a pipe ends in that nobody reads, or that is not there any more."""


def pipes_of(folder: Path, run: str) -> Sequence[str]:
    """Give the pipes of those who watch a run; a look at a folder that is not there while nobody does."""
    try:
        with os.scandir(folder / FOLDER) as found:
            return [one.path for one in found if one.name.startswith(f"{run}.")][:MOST]
    except OSError:
        return ()


def write(pipe: str, path: str, text: str) -> None:
    """Write what was said so far, or leave it out."""
    try:
        opened = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError as error:
        if error.errno in GONE:
            with suppress(OSError):
                Path(pipe).unlink()
        return
    try:
        if stat.S_ISFIFO(os.fstat(opened).st_mode):
            line = json.dumps([path[-LONGEST:], text[-LONGEST:]]).encode() + b"\n"
            os.write(opened, line)
    except OSError:  # it is full, or its reader has just gone
        pass
    finally:
        os.close(opened)


@contextmanager
def watching(folder: Path, run: str, hear: Callable[[str, str, str], None]) -> Generator[None]:
    """Hear what is said within a run until the block is left; where no pipe can be made, nothing is heard.

    `hear` is told as a listener of this process is, in the event loop.
    """
    try:
        pipe, reads, writes = made(folder / FOLDER, run)
    except OSError:
        yield
        return
    loop = asyncio.get_running_loop()
    rest = b""

    def told() -> None:
        nonlocal rest
        with suppress(BlockingIOError):
            *lines, rest = (rest + os.read(reads, PIECE)).split(b"\n")
            for line in lines:
                hear(run, *json.loads(line))

    loop.add_reader(reads, told)
    try:
        yield
    finally:
        loop.remove_reader(reads)
        for opened in (reads, writes):
            os.close(opened)
        with suppress(OSError):
            pipe.unlink()
            pipe.parent.rmdir()  # unless others watch


def made(folder: Path, run: str) -> tuple[Path, int, int]:
    """Make a pipe for oneself alone, and give it with both of its ends: it has a reader before it has a name.

    Who holds the end that writes as well is not told that it has ended whenever somebody closes theirs.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    name = f"{run}.{secrets.token_hex(8)}"
    draft = folder / f".{name}"
    os.mkfifo(draft, 0o600)
    try:
        reads = os.open(draft, os.O_RDONLY | os.O_NONBLOCK)
        writes = os.open(draft, os.O_WRONLY | os.O_NONBLOCK)
        return draft.rename(folder / name), reads, writes
    except OSError:
        draft.unlink(missing_ok=True)
        raise
