"""Workflows and clocks for the scenarios: long loops, waiting people, steps that take a moment."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from ripieno.model.participant import Context
from ripieno.model.principal import Principal
from ripieno.participants.function import Function
from ripieno.participants.human import human
from ripieno.patterns.loop import loop
from ripieno.patterns.sequential import sequential
from ripieno.workflows.workflow import Workflow

if TYPE_CHECKING:
    from collections.abc import Callable

    from ripieno.kernel.host import Host

__all__ = [
    "BENCH",
    "Costs",
    "TurnedClock",
    "late_against_early",
    "looping",
    "sleeping_loop",
    "slow_steps",
    "waiting",
]

BENCH = Principal("service", "bench", every_role=True)

WINDOWS = 5
"""So many stretches of rounds are measured late, and so many early; the medians are compared."""

WARM_UP = 10
"""Rounds of a short run that are not counted."""

SLEEP_SECONDS = 86_400.0
"""Longer than any scenario takes: a timer fires when the clock is turned, and never by itself."""


class TurnedClock:
    """The machine's clock, turned forward by hand."""

    def __init__(self) -> None:
        self.ahead = 0

    def now(self) -> int:
        """Give microseconds since 1970-01-01 UTC."""
        return time.time_ns() // 1000 + self.ahead

    def turn(self, seconds: float) -> None:
        """Turn the clock forward."""
        self.ahead += int(seconds * 1_000_000)


def looping(rounds: int, marks: list[float]) -> Workflow:
    """Build a loop whose body notes the CPU time at which it was called."""

    async def body(input: dict[str, int]) -> dict[str, int]:  # noqa: A002 - parameters are bound by name
        marks.append(time.process_time())
        return {"seen": input["run"]}

    return Workflow(f"looping-{rounds}", loop(Function(body, pure=True), until="False", rounds=rounds))


def sleeping_loop(rounds: int) -> Workflow:
    """Build a loop that parks in every round."""

    async def body(context: Context) -> dict[str, int]:
        await context.sleep(SLEEP_SECONDS)
        return {"slept": 1}

    return Workflow(f"sleeping-{rounds}", loop(Function(body, pure=True), until="False", rounds=rounds))


def waiting() -> Workflow:
    """Build a workflow that waits for a person and ends with the answer."""
    return Workflow("waiting", sequential(human("clerk", role="clerk")))


async def moment(previous: object) -> dict[str, int]:
    """Take a moment."""
    del previous
    await asyncio.sleep(0.2)
    return {"took": 1}


def slow_steps(steps: int) -> Workflow:
    """Build a workflow of steps that take a fifth of a second each."""
    return Workflow(
        "slow", sequential(*(Function(moment, name=f"step_{n}", pure=True) for n in range(steps)))
    )


@dataclass(frozen=True, slots=True)
class Costs:
    """CPU seconds of a round, late in a long run and early in short ones."""

    run: str
    """Id of the long run."""
    rounds: int
    late: float
    early: float

    @property
    def ratio(self) -> float:
        """Late against early."""
        return self.late / self.early


async def late_against_early(
    host: Host, build: Callable[[int, list[float]], Workflow], rounds: int, window: int
) -> Costs:
    """Compare the last rounds of a long run with the first of short ones that start right after it.

    `build` makes a workflow of so many rounds that notes the CPU time at each.
    """
    marks: list[float] = []
    created = await host.start(build(rounds, marks), {"run": 0}, principal=BENCH)
    await host.outcome(created.row.id)
    ends = [len(marks) - 1 - number * window for number in range(min(WINDOWS, rounds // window - 1))]
    late = median((marks[end] - marks[end - window]) / window for end in ends)
    early: list[float] = []
    for number in range(1, WINDOWS + 1):
        first: list[float] = []
        short = await host.start(build(window + WARM_UP, first), {"run": number}, principal=BENCH)
        await host.outcome(short.row.id)
        early.append((first[-1] - first[WARM_UP - 1]) / (len(first) - WARM_UP))
    return Costs(created.row.id, len(marks), late, median(early))
