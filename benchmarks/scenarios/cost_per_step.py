"""What the ten-thousandth step costs against the tenth, resident and woken after each step."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

from harness.long_runs import BENCH, SLEEP_SECONDS, TurnedClock, looping, sleeping_loop
from harness.scenario import Figure, Scenario, main
from ripieno.workflows.embedded import open_host

if TYPE_CHECKING:
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
    """Run one loop in memory; compare its first rounds with its last."""
    marks: list[float] = []
    workflow = looping(rounds, marks)
    async with open_host(home) as host:
        for number in range(3):  # warm up, and give the early rounds company of their own
            marks.clear()
            created = await host.start(workflow, {"run": number}, principal=BENCH)
            await host.outcome(created.row.id)
    window = min(EARLY, rounds // 4) * 2
    early = (marks[window] - marks[10]) / (window - 10)
    late = (marks[-1] - marks[-window]) / (window - 1)
    last = rounds
    ratio = bytes_of(home, created.row.id, last - window, last) / bytes_of(
        home, created.row.id, 10, 10 + window
    )
    return [
        Figure(
            what=f"CPU per step at step {rounds:,} against step 10", value=late / early, unit="x", goal=GOAL
        ),
        Figure(what=f"CPU per step at step {rounds:,}", value=late * 1e6, unit="us"),
        Figure(
            what=f"journal bytes per step at step {rounds:,} against step 10",
            value=ratio,
            unit="x",
            goal=GOAL,
        ),
    ]


async def wake(host: Host, clock: TurnedClock, run: str, changed: asyncio.Event) -> None:
    """Turn the clock past the run's timer and wait until it has parked again."""
    before = (await host.store.run(run)).head_seq
    clock.turn(SLEEP_SECONDS)
    host.ring()
    while True:
        await changed.wait()
        changed.clear()
        row = await host.store.run(run)
        if row.head_seq > before + 1 and row.status == "waiting" and row.wanted == row.seen:
            return


async def woken(home: Path, rounds: int) -> list[Figure]:
    """Run one loop that parks in every round; compare its first wake-ups with its last."""
    clock = TurnedClock()
    workflow = sleeping_loop(rounds + 1)
    costs: list[float] = []
    changed = asyncio.Event()
    async with open_host(home, clock=clock) as host:
        host.store.on_change(changed.set)
        created = await host.start(workflow, {}, principal=BENCH)
        await host.rest(created.row.id)
        for _ in range(rounds):
            started = time.process_time()
            await wake(host, clock, created.row.id, changed)
            costs.append(time.process_time() - started)
    window = min(EARLY, rounds // 4)
    early, late = sum(costs[10 : 10 + window]) / window, sum(costs[-window:]) / window
    return [
        Figure(
            what=f"CPU per wake-up at step {rounds:,} against step 10",
            value=late / early,
            unit="x",
            goal=GOAL,
        ),
        Figure(what=f"CPU per wake-up at step {rounds:,}", value=late * 1e6, unit="us"),
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
