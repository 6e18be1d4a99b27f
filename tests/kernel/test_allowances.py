"""What a child run may spend: set aside at its start, never passed, and what is left goes back."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel.scenarios.house import OPERATOR, asked, begin, ended, events, reply, serving, until
from ripieno import (
    Call,
    Context,
    Cost,
    Function,
    Limits,
    Workflow,
    ask,
    concurrent,
    degrade,
    map_over,
    merge,
    sequential,
    subworkflow,
    tool,
)
from ripieno.kernel import operators
from ripieno.kernel.host import Host
from ripieno.model.errors import DefinitionError
from ripieno.model.spending import Spending


def priced(most: int, costs: int) -> Cost:
    del costs
    return Cost(tokens=most)


@tool(effect="read", cost=priced)
def think(most: int, costs: int, call: Call) -> int:  # noqa: ARG001 - the price depends on it
    call.spent(tokens=costs)
    return costs


def thinks(name: str, *calls: tuple[int, int]) -> Function:
    async def act(context: Context) -> str:
        for most, costs in calls:
            await context.use(think, most=most, costs=costs)
        return name

    return Function(act, name=name, pure=True)


async def spent_by(host: Host, run: str) -> int:
    found = [event for event in await events(host, run, "scope") if "/" not in event.path]
    return Spending.read(found[-1].body.get("spent", {})).tokens if found else 0


async def children(host: Host, run: str) -> list[str]:
    return [event.body["child"] for event in await events(host, run, "asked") if "child" in event.body]


async def test_what_a_child_leaves_goes_back_and_the_next_one_may_have_it(tmp_path: Path) -> None:
    inner = Workflow("inner", thinks("inner-thinks", (90, 10)))
    flow = sequential(
        subworkflow(inner, "one", allowance=Limits(tokens=90)),
        subworkflow(inner, "two", allowance=Limits(tokens=90)),
    )
    workflow = Workflow("outer", flow, limits=Limits(tokens=100))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        assert (await ended(host, run)).status == "complete"
        assert await spent_by(host, run) == 20


@pytest.mark.parametrize(("rule", "status"), [("stop", "partial"), ("escalate", "escalated")])
async def test_a_child_ends_where_its_allowance_does_whoever_is_asked_for_more_within(
    tmp_path: Path, rule: str, status: str
) -> None:
    limits = Limits(tokens=1000, on_exhausted=ask("boss"))
    inner = Workflow("inner", thinks("thinks", (40, 40), (40, 40)), limits=limits)
    allowance = Limits(tokens=50, on_exhausted=rule)  # pyright: ignore[reportArgumentType] - one of the two
    workflow = Workflow("outer", subworkflow(inner, allowance=allowance))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        outcome = await ended(host, run)
        assert outcome.status == status
        assert "stopped at its limit of 50 tokens" in str(outcome.reason)
        assert await spent_by(host, run) == 40


async def test_an_allowance_that_there_is_no_room_for_trips_the_limit_above(tmp_path: Path) -> None:
    inner = Workflow("inner", thinks("thinks", (10, 10)))
    workflow = Workflow("outer", subworkflow(inner, allowance=Limits(tokens=90)), limits=Limits(tokens=50))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        assert (await ended(host, run)).status == "partial"
        assert await children(host, run) == []


async def test_an_allowance_is_set_aside_once_more_was_granted_above(tmp_path: Path) -> None:
    inner = Workflow("inner", thinks("thinks", (10, 10)))
    limits = Limits(tokens=50, on_exhausted=ask("boss"))
    workflow = Workflow("outer", subworkflow(inner, allowance=Limits(tokens=90)), limits=limits)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await reply(host, await asked(host, run), {"proceed": True, "grant": {"tokens": 40}})
        assert (await ended(host, run)).status == "complete"
        assert await spent_by(host, run) == 10


async def test_beside_a_call_an_allowance_is_set_aside_where_it_waits_once_more_was_granted(
    tmp_path: Path,
) -> None:
    begun, go = asyncio.Event(), asyncio.Event()

    @tool(effect="read")
    async def slow() -> str:
        begun.set()
        await go.wait()
        return "slow"

    async def slowly(context: Context) -> str:
        return await context.use(slow)

    inner = Workflow("inner", thinks("thinks", (60, 40)))
    child = subworkflow(inner, allowance=Limits(tokens=90))
    flow = concurrent(Function(slowly, name="slowly", pure=True), child, resolve=merge(), name="side")
    workflow = Workflow("outer", flow, limits=Limits(tokens=50, on_exhausted=ask("boss")))
    async with serving(tmp_path, workflow, inner) as host:
        run = await begin(host, workflow)
        await begun.wait()
        await reply(host, await asked(host, run), {"proceed": True, "grant": {"tokens": 50}})
        await until(lambda: first_child(host, run))
        go.set()
        assert (await ended(host, run)).status == "complete"


async def first_child(host: Host, run: str) -> str | None:
    return next(iter(await children(host, run)), None)


async def test_without_an_allowance_a_child_has_all_that_is_left_of_every_limit(tmp_path: Path) -> None:
    inner = Workflow("inner", thinks("thinks", (30, 30), (30, 30)))
    step = subworkflow(inner).limit(tokens=40)
    workflow = Workflow("outer", sequential(step), limits=Limits(tokens=500, rounds=4))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        assert (await ended(host, run)).status == "partial"
        started = (await events(host, (await children(host, run))[0], "run.started"))[0]
        assert started.body["allowance"] == {"tokens": 40, "rounds": 4}


async def test_an_operator_cannot_raise_what_was_set_aside(tmp_path: Path) -> None:
    called, go = asyncio.Event(), asyncio.Event()

    @tool(effect="read", cost=Cost(tokens=40))
    async def waits(call: Call) -> None:
        called.set()
        await go.wait()
        call.spent(tokens=40)

    async def twice(context: Context) -> None:
        await context.use(waits)
        await context.use(waits)

    inner = Workflow("inner", Function(twice, name="twice", pure=True))
    allowance = Limits(tokens=50, deadline="1h", active="1h")
    workflow = Workflow("outer", subworkflow(inner, allowance=allowance))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await called.wait()
        (child,) = await children(host, run)
        row = await host.store.run(child)
        await operators.limit(host.store, host.clock, row, {"tokens": 500}, by=OPERATOR)
        go.set()
        assert (await ended(host, run)).status == "partial"
        assert await spent_by(host, run) == 40


async def test_a_limited_time_alone_can_be_an_allowance(tmp_path: Path) -> None:
    inner = Workflow("inner", thinks("thinks", (1, 1)))
    workflow = Workflow("outer", subworkflow(inner, allowance=Limits(deadline="1h")))
    async with serving(tmp_path, workflow) as host:
        assert (await ended(host, await begin(host, workflow))).status == "complete"


@pytest.mark.parametrize(
    ("allowance", "says"),
    [
        (Limits(), "the allowance says nothing"),
        (Limits(tokens=1, on_exhausted=ask("boss")), "an allowance is set aside once"),
        (Limits(tokens=1, on_exhausted=degrade(thinks("cheap"))), "an allowance is set aside once"),
    ],
    ids=["nothing", "asks", "degrades"],
)
def test_an_allowance_that_cannot_be_kept_is_refused(allowance: Limits, says: str) -> None:
    with pytest.raises(DefinitionError, match=says):
        subworkflow(Workflow("inner", thinks("thinks")), allowance=allowance)


costs = st.integers(1, 40).flatmap(lambda most: st.tuples(st.just(most), st.integers(0, most)))


async def spending(home: Path, plans: list[list[tuple[int, int]]], limit: int) -> None:
    async def act(input: list[tuple[int, int]], context: Context) -> None:  # noqa: A002 - as it receives it
        for most, cost in input:
            await context.use(think, most=most, costs=cost)

    inner = Workflow("inner", Function(act, name="thinks", pure=True))
    each = subworkflow(inner, allowance=Limits(tokens=20))
    workflow = Workflow("outer", map_over("plans", each), limits=Limits(tokens=limit))
    async with serving(home, workflow) as host:
        run = await begin(host, workflow, {"plans": plans})
        await ended(host, run)
        spent = [await spent_by(host, child) for child in await children(host, run)]
        assert all(amount <= 20 for amount in spent)
        assert sum(spent) == await spent_by(host, run) <= limit


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(costs, max_size=4), min_size=1, max_size=4), st.integers(20, 120))
def test_child_runs_side_by_side_pass_neither_their_allowance_nor_the_limit_above(
    plans: list[list[tuple[int, int]]], limit: int
) -> None:
    with TemporaryDirectory() as home:
        asyncio.run(spending(Path(home), plans, limit))


@tool(effect="read", cost=Cost(tokens=10, cost_usd="1"))
def buy(call: Call) -> None:
    call.spent(tokens=10, cost_usd="1")


def buys(name: str, times: int) -> Function:
    async def act(context: Context) -> str:
        for _ in range(times):
            await context.use(buy)
        return name

    return Function(act, name=name, pure=True)


@pytest.mark.parametrize(("times", "status"), [(2, "complete"), (3, "partial")])
async def test_of_what_was_not_set_aside_the_limits_above_hold_within_an_allowance(
    tmp_path: Path, times: int, status: str
) -> None:
    """Money is limited above only, tokens are set aside: neither hides the other."""
    flow = sequential(buys("one", times).limit(tokens=30, allowance=True), buys("two", 1))
    workflow = Workflow("outer", flow, limits=Limits(tokens=100, cost_usd="3" if times == 2 else "2"))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        assert (await ended(host, run)).status == status
        [*_, top] = [event for event in await events(host, run, "scope") if "/" not in event.path]
        spent = Spending.read(top.body["spent"])
        assert (spent.cost, spent.tokens) == ((3_000_000, 30) if times == 2 else (2_000_000, 20))


async def test_a_look_ahead_within_an_allowance_tells_of_what_was_not_set_aside(tmp_path: Path) -> None:
    seen: list[dict[str, int]] = []

    async def looks(context: Context) -> None:
        await context.use(buy)
        ahead = await context.look_ahead()
        assert ahead is not None, "it is limited"
        seen.append(dict(ahead.left))

    part = Function(looks, name="looks", pure=True).limit(tokens=30, allowance=True)
    workflow = Workflow("outer", part, limits=Limits(tokens=20_000, cost_usd="5", model_calls=7))
    async with serving(tmp_path, workflow) as host:
        await ended(host, await begin(host, workflow))
    assert seen == [{"tokens": 20, "cost": 4_000_000, "model_calls": 7}]
