"""After kill -9 with many runs in flight, how soon every one of them goes on."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING

from harness.scenario import Figure, Scenario, main

if TYPE_CHECKING:
    from pathlib import Path

POLL_SECONDS = 0.02


def count(home: Path, question: str) -> int:
    """Give one number from the journal."""
    with closing(sqlite3.connect(f"file:{home / 'journal.sqlite'}?mode=ro", uri=True)) as database:
        return database.execute(question).fetchone()[0]


async def server(home: Path, runs: int) -> asyncio.subprocess.Process:
    """Start a process that serves the folder."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "harness.serving", str(home), str(runs), stdout=asyncio.subprocess.PIPE
    )


async def until(home: Path, question: str, wanted: int) -> float:
    """Wait until a number in the journal is reached, and give the time."""
    while count(home, question) < wanted:  # noqa: ASYNC110 - what another process did is looked at
        await asyncio.sleep(POLL_SECONDS)
    return time.perf_counter()


async def measure(folder: Path, quick: bool) -> list[Figure]:  # noqa: FBT001 - the scenario's signature
    """Kill a process with runs in flight, start another, and watch them go on."""
    runs = 50 if quick else 1_000
    first = await server(folder, runs)
    assert first.stdout is not None
    await first.stdout.readline()
    await until(folder, "SELECT count(*) FROM events WHERE kind = 'step'", runs)
    first.kill()
    await first.wait()
    in_flight = count(folder, "SELECT count(*) FROM runs WHERE status = 'running'")
    before = count(folder, "SELECT max(position) FROM events")
    started = time.perf_counter()
    second = await server(folder, 0)
    try:
        assert second.stdout is not None
        await second.stdout.readline()
        ready = time.perf_counter()
        taken = await until(folder, "SELECT count(*) FROM runs WHERE epoch > 1", in_flight)
        going = await until(
            folder,
            f"SELECT count(DISTINCT stream) FROM events WHERE position > {before} AND kind = 'step'",  # noqa: S608 - a number of ours
            in_flight,
        )
    finally:
        second.kill()
        await second.wait()
    return [
        Figure(what="runs in flight when killed", value=in_flight, unit="runs"),
        Figure(what="until the new process was up", value=ready - started, unit="s"),
        Figure(what="from there until all were taken over", value=taken - ready, unit="s", goal="within 2 s"),
        Figure(
            what="from there until each had finished a step", value=going - ready, unit="s", goal="within 2 s"
        ),
    ]


if __name__ == "__main__":
    main(Scenario(title="Restart after kill -9", measure=measure))
