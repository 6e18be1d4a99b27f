"""Which branches a rule waits for, and which it stops."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from running import Running, gives, outcome, pure

from ripieno import Function, concurrent, human
from ripieno.patterns import resolvers
from ripieno.patterns.resolvers import Resolver

FAILED = outcome("failed", reason="no")


@pytest.mark.parametrize(
    "rule",
    [resolvers.quorum(2), resolvers.first(2), resolvers.priority("a", "clerk")],
    ids=["quorum", "first", "priority"],
)
async def test_a_branch_that_is_not_needed_any_more_is_stopped(running: Running, rule: Resolver) -> None:
    clerk = human("clerk", role="clerk")
    run = await running.begin(concurrent(clerk, gives("a", 1), gives("b", 1), resolve=rule))
    assert (await running.ended(run)).status == "complete"
    assert await running.host.store.questions(run=run) == []
    [stopped] = [event for event in await running.events(run, "scope") if event.path.endswith("clerk@1")]
    assert stopped.body["outcome"]["status"] == "cancelled"
    [choice] = await running.choices(run, "resolve")
    assert "clerk" not in choice.because["sides"]


@pytest.mark.parametrize(
    "rule",
    [
        resolvers.majority(),
        resolvers.unanimous(),
        resolvers.weighted({"a": 9, "clerk": 1}),
        resolvers.median(),
    ],
    ids=["majority", "unanimous", "weighted", "median"],
)
async def test_a_rule_that_counts_everybody_waits_for_everybody(running: Running, rule: Resolver) -> None:
    run = await running.begin(
        concurrent(human("clerk", role="clerk"), gives("a", 1), gives("b", 1), resolve=rule)
    )
    [question] = await running.questions(run)
    await running.reply(question.row, {"proceed": True})
    await running.ended(run)
    [choice] = await running.choices(run, "resolve")
    assert set(choice.because["sides"]) == {"clerk", "a", "b"}


async def test_the_first_so_many_are_waited_for_until_the_time_is_over(running: Running) -> None:
    def flow() -> Any:
        people = [human(name, role="clerk") for name in ("ada", "bob")]
        return concurrent(*people, gives("a", 1), resolve=resolvers.first(2, within="1h"))

    late = await running.begin(flow())
    await running.later(late, 3600)
    ended = await running.ended(late)
    assert (ended.status, ended.output, ended.reason) == ("partial", {"a": 1}, "1 of 2 completed")
    timely = await running.begin(flow())
    question, _ = await running.questions(timely)
    await running.reply(question.row, {"proceed": True})
    assert (await running.ended(timely)).status == "complete"


async def test_nobody_in_time_is_escalated(running: Running) -> None:
    run = await running.begin(concurrent(human("clerk", role="clerk"), resolve=resolvers.first(within="1h")))
    await running.later(run, 3600)
    ended = await running.ended(run)
    assert (ended.status, ended.reason) == ("escalated", "first: none completed")


async def test_with_a_number_that_have_to_complete_the_rest_is_stopped_once_they_cannot(
    running: Running,
) -> None:
    branches = [human("clerk", role="clerk"), gives("a", FAILED), gives("b", FAILED), gives("c", 1)]
    run = await running.begin(concurrent(*branches, resolve=resolvers.merge(), on_failure=3))
    ended = await running.ended(run)
    assert (ended.status, ended.reason) == (
        "failed",
        "concurrent cannot complete as declared: a: no; b: no",
    )
    assert await running.host.store.questions(run=run) == []


@pytest.mark.parametrize("status", ["partial", "escalated", "failed"])
async def test_whatever_does_not_complete_fails_fast(running: Running, status: Any) -> None:
    flow = concurrent(
        gives("a", outcome(status, 1, reason="no")), resolve=resolvers.merge(), on_failure="fail_fast"
    )
    assert (await running.run(flow)).status == "failed"


async def test_what_raises_is_a_failed_branch_and_harms_no_other(running: Running) -> None:
    flow = concurrent(gives("a", ValueError("broken")), gives("b", 2), resolve=resolvers.priority("a", "b"))
    assert (await running.run(flow)).output == 2


@pytest.mark.parametrize("slow", ["a", "b", "c"])
async def test_the_order_in_which_branches_end_does_not_change_what_a_counting_rule_gives(
    running: Running, slow: str
) -> None:
    fast_are_done = asyncio.Event()

    def branch(name: str, says: str) -> Function:
        async def act() -> str:
            if name == slow:
                await fast_are_done.wait()
            else:
                asyncio.get_running_loop().call_soon(fast_are_done.set)
            return says

        return pure(act, name)

    branches = [branch("a", "x"), branch("b", "y"), branch("c", "x")]
    ended = await running.run(concurrent(*branches, resolve=resolvers.majority()))
    assert (ended.status, ended.output) == ("complete", "x")
