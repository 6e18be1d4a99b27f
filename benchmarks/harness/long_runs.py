"""Workflows and clocks for the scenarios: long loops, waiting people, steps that take a moment."""

from __future__ import annotations

import asyncio
import time

from ripieno.model.participant import Context
from ripieno.model.principal import Principal
from ripieno.participants.function import Function
from ripieno.participants.human import human
from ripieno.patterns.loop import loop
from ripieno.patterns.sequential import sequential
from ripieno.workflows.workflow import Workflow

__all__ = ["BENCH", "TurnedClock", "looping", "sleeping_loop", "slow_steps", "waiting"]

BENCH = Principal("service", "bench", every_role=True)

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
