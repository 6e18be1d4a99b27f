"""What a contender is, and how one is measured in a process of its own.

A contender's module ends in `main(Contender(...))`. Called with `--describe` it says what it is;
called with `--runs R --steps S` it does the work once and prints one measurement. Both are JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from harness.shape import SHAPES, Shape, Size

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

__all__ = ["Contender", "Description", "Failure", "Load", "Measurement", "RunOne", "main"]

RunOne = Callable[[int], Awaitable[int]]
"""Carries the run of that number to its end and gives the count it ended with."""

WARM_UP_RUNS = 5
"""Runs before the clock starts, so that first imports, first tables and first caches are not timed."""


@dataclass(frozen=True, slots=True)
class Load:
    """What one process is asked to do."""

    size: Size
    concurrency: int
    folder: Path
    """An empty folder on the disk to measure, removed afterwards."""

    @property
    def warm_up(self) -> int:
        """Runs before the clock; never more than are timed."""
        return min(WARM_UP_RUNS, self.size.runs)

    @property
    def total_runs(self) -> int:
        """Runs that must be possible: numbers `0` up to here are passed to `RunOne`."""
        return self.warm_up + self.size.runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """One way to run the shape, in the way its own documentation recommends."""

    label: str
    persistence: str
    """What is durable when a step counts as done: the store, and whether it is synced to disk."""

    packages: tuple[str, ...]
    """Distributions whose versions belong beside the figure."""

    opened: Callable[[Load], AbstractAsyncContextManager[RunOne]]
    """Builds everything that is built once, gives the function to time, and closes what it opened."""

    records: Callable[[Path], int] | None = None
    """Counts the durable records left in the folder; `None` where nothing is kept."""

    shape: Shape = "chain"

    sizes: tuple[Size, ...] | None = None
    """The sizes it can finish in reasonable time; all of its shape's when there are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What the harness needs to know before it measures."""

    label: str
    persistence: str
    versions: dict[str, str]
    shape: Shape
    sizes: list[list[int]]
    """Runs and steps of each, as lists because that is what JSON gives back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What one process measured."""

    runs: int
    steps: int
    wall_s: float
    cpu_s: float
    """User and system time of the process, all its threads and its children, inside the clock."""

    setup_s: float
    """Building what is built once, and the warm-up runs; outside the clock."""

    peak_rss_mb: float
    """Of the whole process, imports included."""

    records: int | None
    """Durable records counted on disk afterwards, warm-up runs included."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A contender that did not finish."""

    why: str


def cpu_seconds() -> float:
    """Give the user and system time used so far by this process and its children."""
    usages = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def peak_rss_mb() -> float:
    """Give the highest resident set of this process in megabytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


async def complete(run_one: RunOne, numbers: range, load: Load) -> None:
    """Carry these runs to their end, at most `concurrency` at a time, and check what each ended with."""
    waiting = iter(numbers)

    async def work() -> None:
        for number in waiting:
            count = await run_one(number)
            if count != load.size.steps:
                message = f"run {number} ended with count {count!r}, expected {load.size.steps}"
                raise RuntimeError(message)

    async with asyncio.TaskGroup() as group:
        for _ in range(min(load.concurrency, len(numbers))):
            group.create_task(work())


async def measure(contender: Contender, load: Load) -> Measurement:
    """Warm up, run the shape once against the clock, and count what it left on disk."""
    before = time.perf_counter()
    async with contender.opened(load) as run_one:
        await complete(run_one, range(load.warm_up), load)
        cpu, wall = cpu_seconds(), time.perf_counter()
        setup_s = wall - before
        await complete(run_one, range(load.warm_up, load.total_runs), load)
        wall_s, cpu_s = time.perf_counter() - wall, cpu_seconds() - cpu
    records = contender.records(load.folder) if contender.records else None
    least = load.total_runs * load.size.steps
    if records is not None and records < least:
        message = f"{contender.label} left {records} durable records, expected at least {least}, one per step"
        raise RuntimeError(message)
    return Measurement(
        runs=load.size.runs,
        steps=load.size.steps,
        wall_s=wall_s,
        cpu_s=cpu_s,
        setup_s=setup_s,
        peak_rss_mb=peak_rss_mb(),
        records=records,
    )


def describe(contender: Contender) -> Description:
    """Say what the contender is, with the versions it runs."""
    return Description(
        label=contender.label,
        persistence=contender.persistence,
        versions={package: version(package) for package in contender.packages},
        shape=contender.shape,
        sizes=[[size.runs, size.steps] for size in contender.sizes or SHAPES[contender.shape]],
    )


def main(contender: Contender) -> None:
    """Be the command line of a contender's module."""
    parser = argparse.ArgumentParser(description=f"{contender.label}: {contender.persistence}")
    parser.add_argument("--describe", action="store_true", help="say what this contender is, and stop")
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--concurrency", type=int, default=100, help="runs in flight at once")
    parser.add_argument("--folder", type=Path, default=None, help="where the data folder is made and removed")
    parser.add_argument("--json", action="store_true", help="on one line")
    options = parser.parse_args()
    if options.describe:
        answer: Description | Measurement = describe(contender)
    else:
        with TemporaryDirectory(prefix="bench-", dir=options.folder) as folder:
            size = Size(options.runs, options.steps)
            load = Load(size=size, concurrency=options.concurrency, folder=Path(folder))
            answer = asyncio.run(measure(contender, load))
    print(json.dumps(asdict(answer), indent=None if options.json else 2))
