"""What waiting runs cost: memory, idle CPU, and the time to wake one of them."""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from typing import TYPE_CHECKING

import psutil

from harness.long_runs import BENCH, waiting
from harness.scenario import Figure, Scenario, main
from ripieno.journal.sqlite import SqliteStore
from ripieno.kernel import commands
from ripieno.kernel.clock import SystemClock
from ripieno.mediation.on_demand import FolderGate
from ripieno.workflows.embedded import open_host

if TYPE_CHECKING:
    from pathlib import Path

IDLE_SECONDS = 20.0
WOKEN = 20
AT_ONCE = 500


async def park(home: Path, runs: int) -> float:
    """Start runs that wait for a person, and give the seconds it took until all were parked."""
    started = time.perf_counter()
    async with open_host(home) as host:
        workflow = waiting()
        for first in range(0, runs, AT_ONCE):
            created = await asyncio.gather(
                *(
                    host.start(workflow, {"run": n}, principal=BENCH)
                    for n in range(first, min(first + AT_ONCE, runs))
                )
            )
            await asyncio.gather(*(host.rest(one.row.id) for one in created))
    return time.perf_counter() - started


async def wake(home: Path, numbers: list[int]) -> list[float]:
    """Answer from this process, served by another; give the seconds until each run has ended."""
    latencies: list[float] = []
    store = SqliteStore(home, FolderGate(home))
    await store.open()
    for number in numbers:
        row = await store.question(number)
        started = time.perf_counter()
        await commands.answer(store, SystemClock(), row, by=BENCH, value={"proceed": True})
        while not (await store.run(row.run)).ended:  # noqa: ASYNC110 - what another process did is looked at
            await asyncio.sleep(0.001)
        latencies.append(time.perf_counter() - started)
    await store.close()
    return latencies


async def measure(folder: Path, quick: bool) -> list[Figure]:  # noqa: FBT001 - the scenario's signature
    """Park the runs, serve them from another process, look at it idle, then wake some."""
    runs = 300 if quick else 100_000
    parking = await park(folder, runs)
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "harness.serving", str(folder), "0", stdout=asyncio.subprocess.PIPE
    )
    try:
        assert server.stdout is not None
        await server.stdout.readline()
        process = psutil.Process(server.pid)
        await asyncio.sleep(1)
        used = sum(process.cpu_times()[:2])
        idle = 2.0 if quick else IDLE_SECONDS
        await asyncio.sleep(idle)
        cpu = (sum(process.cpu_times()[:2]) - used) / idle
        memory = process.memory_info().rss
        numbers = [1 + step * (runs // WOKEN) for step in range(WOKEN)]
        latencies = sorted(await wake(folder, numbers))
    finally:
        server.kill()
        await server.wait()
    return [
        Figure(what="waiting runs", value=runs, unit="runs"),
        Figure(what="started and parked per second", value=runs / parking, unit="runs/s"),
        Figure(
            what="memory of the process that serves them", value=memory / 1e6, unit="MB", goal="under 200 MB"
        ),
        Figure(what="its CPU when idle", value=cpu * 100, unit="% of a core", goal="under 0.5 %"),
        Figure(
            what="from answer to end, median",
            value=statistics.median(latencies) * 1e3,
            unit="ms",
            goal="50 ms",
        ),
        Figure(what="from answer to end, longest of 20", value=latencies[-1] * 1e3, unit="ms"),
    ]


if __name__ == "__main__":
    main(Scenario(title="Waiting runs", measure=measure))
