"""Moves logs of several lengths into a real server: time, CPU and memory of the process that moves.

../.venv/bin/python -m moving.run 20000 100000
"""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import Final

from ripieno.journal.moving import move
from ripieno.journal.sqlite import SqliteStore

TESTS: Final = Path(__file__).parents[2] / "tests"
sys.path[:0] = [str(TESTS), str(TESTS.parent)]

OF_A_RUN: Final = 500


async def fill(home: Path, events: int) -> None:
    """Write so many steps, each with a value, 500 to a run."""
    writing = import_module("tests.journal.support.writing")
    store = SqliteStore(home)
    await store.open()
    try:
        for run in range(events // OF_A_RUN):
            lease = await writing.owned(store)
            steps = (
                writing.step(lease, f"step@{n}", output={"n": f"{run}.{n} " * 8}) for n in range(OF_A_RUN)
            )
            await writing.write(store, *steps)
    finally:
        await store.close()


def moved(home: str, url: str) -> None:
    """Move a log, and say what it took; in a process of its own."""
    begun = time.monotonic()
    verified: list[float] = []
    proof = move(Path(home), url, lambda _: verified.append(time.monotonic() - begun)).proof
    used = resource.getrusage(resource.RUSAGE_SELF)
    told = {
        "events": proof.events,
        "MB": round((Path(home) / "journal.sqlite").stat().st_size / 1e6, 1),
        "seconds": round(time.monotonic() - begun, 1),
        "of which to verify": round(verified[0], 1),
        "CPU": round(used.ru_utime + used.ru_stime, 1),
        "memory MB": round(used.ru_maxrss / 1e3),
    }
    sys.stdout.write(json.dumps(told) + "\n")


def main(lengths: list[int]) -> None:
    """Make a log of each length, and have it moved."""
    server = import_module("tests.journal.support.postgres")
    for events in lengths:
        with tempfile.TemporaryDirectory() as home:
            # in a process of its own, since what it took would count as that of whoever it starts
            subprocess.run([sys.executable, "-m", "moving.run", "fill", home, str(events)], check=True)  # noqa: S603 - our own
            url: str = server.fresh_schema()
            subprocess.run([sys.executable, "-m", "moving.run", "move", home, url], check=True)  # noqa: S603 - our own


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["fill", where, count]:
            asyncio.run(fill(Path(where), int(count)))
        case ["move", where, address]:
            moved(where, address)
        case counts:
            main([int(count) for count in counts])
