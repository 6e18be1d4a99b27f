"""What the ten-thousandth step costs against the tenth, resident and woken after each step."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.long_runs import (
    BENCH,
    SLEEP_SECONDS,
    TurnedClock,
    late_against_early,
    looping,
    sleeping_loop,
)
from harness.scenario import Figure, Scenario, main
from ripieno.workflows.embedded import open_host

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from ripieno.kernel.host import Host

GOAL = "at most 1.2x"
EARLY = 250
"""Rounds over which an early step's cost is averaged: what happens once in so many counts in both."""


def bytes_of(home: Path, run: str, first: int, last: int) -> float:
    """Give the bytes of journal per event from `first` to `last`."""
    with closing(sqlite3.connect(home / "journal.sqlite")) as database:
        row = database.execute(
            "SELECT sum(length(envelope)) FROM events WHERE stream = ? AND seq BETWEEN ? AND ?",
            (bytes.fromhex(run), first, last),
        ).fetchone()
    return row[0] / (last - first + 1)


async def resident(home: Path, rounds: int) -> list[Figure]:
    """Run one loop in memory; compare its last rounds with the first of short ones."""
    window = min(EARLY, rounds // 10)
    async with open_host(home) as host:
        costs = await late_against_early(host, looping, rounds, window)
    late = bytes_of(home, costs.run, rounds - window, rounds)
    early = bytes_of(home, costs.run, 10, 10 + window)
    return [
        Figure(
            what=f"CPU per step at step {rounds:,} against step 10", value=costs.ratio, unit="x", goal=GOAL
        ),
        Figure(what=f"CPU per step at step {rounds:,}", value=costs.late * 1e6, unit="us"),
        Figure(
            what=f"journal bytes per step at step {rounds:,} against step 10",
            value=late / early,
            unit="x",
            goal=GOAL,
        ),
    ]


@dataclass(slots=True)
class Sleeper:
    """A run in a data folder of its own, woken at will."""

    host: Host
    clock: TurnedClock
    run: str
    changed: asyncio.Event

    async def wake(self) -> float:
        """Turn the clock past the run's timer, wait until it has parked again; give the CPU seconds."""
        started = time.process_time()
        before = (await self.host.store.run(self.run)).head_seq
        self.clock.turn(SLEEP_SECONDS)
        self.host.ring()
        while True:
            await self.changed.wait()
            self.changed.clear()
            row = await self.host.store.run(self.run)
            if row.head_seq > before + 1 and row.status == "waiting" and row.wanted == row.seen:
                return time.process_time() - started


@asynccontextmanager
async def sleeper(home: Path, rounds: int) -> AsyncGenerator[Sleeper]:
    """Start a loop that parks in every round."""
    clock, changed = TurnedClock(), asyncio.Event()
    async with open_host(home, clock=clock) as host:
        host.store.on_change(changed.set)
        created = await host.start(sleeping_loop(rounds), {}, principal=BENCH)
        await host.rest(created.row.id)
        yield Sleeper(host, clock, created.row.id, changed)


async def woken(home: Path, rounds: int) -> list[Figure]:
    """Wake an old run and a young one in turns, so that both see the same machine."""
    window = min(EARLY, rounds // 4)
    async with (
        sleeper(home / "old", rounds + window + 1) as old,
        sleeper(home / "young", window + 11) as young,
    ):
        for _ in range(rounds):
            await old.wake()
        for _ in range(10):
            await young.wake()
        late = early = 0.0
        for _ in range(window):
            late += await old.wake()
            early += await young.wake()
    return [
        Figure(
            what=f"CPU per wake-up at step {rounds:,} against step 10",
            value=late / early,
            unit="x",
            goal=GOAL,
        ),
        Figure(what=f"CPU per wake-up at step {rounds:,}", value=late / window * 1e6, unit="us"),
    ]


async def measure(folder: Path, quick: bool) -> list[Figure]:  # noqa: FBT001 - the scenario's signature
    """Measure both."""
    rounds = 600 if quick else 10_000
    return [
        *await resident(folder / "resident", rounds),
        *await woken(folder / "woken", 120 if quick else 10_000),
    ]


if __name__ == "__main__":
    main(Scenario(title="Cost of a step in a long run", measure=measure))
