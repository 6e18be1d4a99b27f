"""A second request where the first is slow: for what has no effect, and none is left behind."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from kernel.scenarios.house import begin, ended, events, serving
from ripieno.connectors.tool import Tool, tool
from ripieno.model.action import Call
from ripieno.model.limits import Limits
from ripieno.model.participant import Context
from ripieno.model.spending import Cost
from ripieno.participants.function import function
from ripieno.resilience.hedging import first_of
from ripieno.resilience.policy import Hedge, Resilience
from ripieno.resilience.systems import Systems
from ripieno.workflows.workflow import Workflow


def asks(used: Tool, times: int = 1) -> Any:
    async def use(context: Context) -> list[Any]:
        return [await context.use(used) for _ in range(times)]

    return function(name="desk", pure=True)(use)


class Two:
    """A system whose first request hangs until it is let, and whose second one answers."""

    def __init__(self) -> None:
        self.requests = 0
        self.called_off = 0
        self.let = asyncio.Event()

    async def ask(self, call: Call) -> str:
        self.requests += 1
        number = self.requests
        call.spent(tokens=10 * number)
        call.noted["number"] = number
        if number == 1:
            try:
                await self.let.wait()
            except asyncio.CancelledError:
                self.called_off += 1
                raise
        return f"answer {number}"


async def test_a_slow_read_is_asked_again_the_loser_called_off_and_both_paid_for(tmp_path: Path) -> None:
    two = Two()
    declared = Resilience(hedge=Hedge(after="20ms"))
    used = tool(two.ask, effect="read", cost=Cost(tokens=50), resilience=declared)
    workflow = Workflow("ask", asks(used), limits=Limits(tokens=100))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        assert (await ended(host, run)).output == ["answer 2"]
        (intent,) = await events(host, run, "intent")
        (result,) = await events(host, run, "result")
    assert (two.requests, two.called_off) == (2, 1)
    assert intent.body["reserved"] == {"tokens": 100}
    assert result.body["spent"] == {"tokens": 30}
    assert result.body["noted"] == {"number": 2}, "of the one that answered"


async def test_there_is_no_second_request_where_the_budget_has_no_room_for_both(tmp_path: Path) -> None:
    two = Two()
    used = tool(two.ask, effect="read", cost=Cost(tokens=50), resilience=Resilience(hedge=Hedge(after="1ms")))
    workflow = Workflow("ask", asks(used), limits=Limits(tokens=99))
    async with serving(tmp_path, workflow) as host:
        assert (await ended(host, await begin(host, workflow))).status == "partial"
    assert two.requests == 0


async def test_what_writes_is_never_asked_twice(tmp_path: Path) -> None:
    two = Two()
    asyncio.get_running_loop().call_later(0.05, two.let.set)
    used = tool(two.ask, effect="write", resilience=Resilience(hedge=Hedge(after="1ms")))
    workflow = Workflow("ask", asks(used))
    async with serving(tmp_path, workflow) as host:
        assert (await ended(host, await begin(host, workflow))).output == ["answer 1"]
    assert two.requests == 1


async def test_one_that_tells_nothing_has_cost_the_most_of_each_request(tmp_path: Path) -> None:
    asked = 0

    async def answer() -> str:
        nonlocal asked
        asked += 1
        if asked == 1:
            await asyncio.get_running_loop().create_future()
        return "here"

    declared = Resilience(hedge=Hedge(after="5ms"))
    used = tool(answer, effect="read", cost=Cost(tokens=50), resilience=declared)
    workflow = Workflow("ask", asks(used, times=2))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await ended(host, run)
        spent = [event.body["spent"] for event in await events(host, run, "result")]
    assert spent == [{"tokens": 100}, {"tokens": 50}]


async def test_how_slow_is_too_slow_is_learnt_from_the_latest_answers(tmp_path: Path) -> None:
    async with serving(tmp_path) as host:
        latencies = Systems.of(host.store, host.clock).latencies("clinic")
        for took in range(1, 20):
            latencies.note(took)
        assert latencies.percentile(95) is None
        latencies.note(20)
        assert (latencies.percentile(50), latencies.percentile(95), latencies.percentile(99)) == (11, 20, 20)


async def test_of_two_requests_the_first_error_is_raised_where_both_fail() -> None:
    async def both_fail(number: int) -> None:
        if number == 0:
            await asyncio.sleep(0.02)
        raise ValueError(number)

    with pytest.raises(ValueError, match="0"):
        await first_of(both_fail, 0.001)

    async def one_fails(number: int) -> str:
        await asyncio.sleep(0.01)
        if number == 1:
            raise ValueError(number)
        return "first"

    assert await first_of(one_fails, 0.001) == "first"

    async def exits(number: int) -> None:
        raise SystemExit(number)

    with pytest.raises(SystemExit):
        await first_of(exits, 1)


async def test_a_call_that_is_called_off_leaves_no_request_behind() -> None:
    ended_: list[int] = []

    async def hangs(number: int) -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended_.append(number)

    task = asyncio.create_task(first_of(hangs, 0.001))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sorted(ended_) == [0, 1]
