"""A person who is asked for more: the work waits where it stands, goes on when granted, and ends when not."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import (
    OPERATOR,
    asked,
    begin,
    ended,
    events,
    parked,
    reply,
    serving,
    turned,
    until,
)
from kernel.spending_parts import chosen, paid, pure, spends
from ripieno import Context, Limits, Workflow, ask, concurrent, loop, merge, priority, sequential, tool
from ripieno.kernel.commands import asked_for
from ripieno.kernel.operators import limit

HOUR = 3600
ASKING = sequential(spends("a", 60), spends("b", 60), name="both").limit(
    tokens=100, on_exhausted=ask("treasurer", due="1h")
)
WORKFLOW = Workflow("asking", ASKING)


async def test_the_person_is_told_what_is_used_up_and_who_asked_for_how_much(tmp_path: Path) -> None:
    async with serving(tmp_path, WORKFLOW) as host:
        run = await begin(host, WORKFLOW)
        task = asked_for(host.store, await asked(host, run))
    assert (task.row.role, task.title) == ("treasurer", "both has used up its tokens: grant more?")
    assert task.about == {
        "limit": "tokens",
        "of": 100,
        "asked": 60,
        "left": 40,
        "at": "both@1/both@1/b@1/tool/1",
    }


@pytest.mark.parametrize(
    "said", [{"proceed": True}, {"proceed": True, "grant": {"tokens": 20}}], ids=["as much again", "so much"]
)
async def test_granted_the_work_goes_on_where_it_stood_also_after_a_restart(
    tmp_path: Path, said: dict[str, Any]
) -> None:
    async with serving(tmp_path, WORKFLOW) as host:
        run = await begin(host, WORKFLOW)
        await parked(host, run)
    async with serving(tmp_path, WORKFLOW) as host:
        await reply(host, await asked(host, run), said)
        outcome = await ended(host, run)
        assert (outcome.status, outcome.output) == ("complete", "b done")
        assert (await paid(host, run)).tokens == 120
        assert [what for what, _ in await chosen(host, run)] == ["ask treasurer"]


async def test_a_grant_that_does_not_suffice_is_asked_about_again(tmp_path: Path) -> None:
    async with serving(tmp_path, WORKFLOW) as host:
        run = await begin(host, WORKFLOW)
        await reply(host, await asked(host, run, "ask/1"), {"proceed": True, "grant": {"tokens": 1}})
        await reply(host, await asked(host, run, "ask/2"), {"proceed": True, "grant": {"tokens": 19}})
        assert (await ended(host, run)).status == "complete"


@pytest.mark.parametrize("expires", [False, True], ids=["declined", "expired"])
async def test_not_granted_the_work_ends_with_the_best_so_far(tmp_path: Path, *, expires: bool) -> None:
    clock = HandClock()
    async with serving(tmp_path, WORKFLOW, clock=clock) as host:
        run = await begin(host, WORKFLOW)
        question = await asked(host, run)
        if expires:
            await turned(host, clock, run, HOUR)
        else:
            await reply(host, question, {"proceed": False})
        outcome = await ended(host, run)
        assert (outcome.status, outcome.output) == ("partial", "a done")
        assert [what for what, _ in await chosen(host, run)] == ["ask treasurer", "stop"]


async def test_others_go_on_while_somebody_waits_for_more_and_nobody_is_asked_any_more_at_the_end(
    tmp_path: Path,
) -> None:
    race = concurrent(
        spends("dear", 200), spends("cheap", 50), resolve=priority("cheap", "dear"), name="race"
    )
    workflow = Workflow("racing", race.limit(tokens=100, on_exhausted=ask("treasurer")))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        assert (await ended(host, run)).output == "cheap done"
        questions = await host.store.questions(run=run, state=None)
    assert [row.state for row in questions] == ["closed"]


async def test_granted_while_its_process_is_still_at_the_run_the_call_is_made_there(tmp_path: Path) -> None:
    """Another branch is at work all the while, so that the run does not rest before the answer."""
    granted = asyncio.Event()

    @tool(effect="read")
    async def watch() -> str:
        await granted.wait()
        return "seen"

    async def watching(context: Context) -> str:
        return await context.use(watch)

    flow = concurrent(spends("dear", 150), pure(watching, "watching"), resolve=merge(), name="both")
    workflow = Workflow("granted", flow.limit(tokens=100, on_exhausted=ask("treasurer")))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await reply(host, await asked(host, run), {"proceed": True})

        async def bought() -> bool | None:
            return any("dear" in event.path for event in await events(host, run, "result")) or None

        await until(bought)
        granted.set()
        assert (await ended(host, run)).status == "complete"
        assert (await host.store.run(run)).epoch == 1


async def test_money_and_time_can_be_granted_too(tmp_path: Path) -> None:
    limits = Limits(cost_usd="0.01", tokens=9, active="1h", on_exhausted=ask("treasurer"))
    workflow = Workflow("asking", spends("a", 1, 1, 1), limits=limits)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        task = asked_for(host.store, await asked(host, run, "ask/1"))
        assert set(task.form["properties"]["grant"]["properties"]) == {"cost_usd", "tokens", "active"}
        grant = {"cost_usd": "0.02", "active": "10m"}
        await reply(host, task.row, {"proceed": True, "grant": grant})
        assert (await ended(host, run)).status == "complete"


# -- time --------------------------------------------------------------------------------------------------


async def naps(context: Context) -> str:
    await context.sleep(2 * HOUR)
    return "rested"


async def test_a_deadline_counts_waits_and_escalates_unless_it_is_declared_otherwise(tmp_path: Path) -> None:
    clock = HandClock()
    flow = sequential(spends("a"), pure(naps), name="both")
    for declared, status in ((None, "escalated"), ("stop", "partial")):
        workflow = Workflow("late", flow.limit(deadline="1h", on_exhausted=declared))  # pyright: ignore[reportArgumentType]
        async with serving(tmp_path, workflow, clock=clock) as host:
            run = await begin(host, workflow)
            await parked(host, run)
            await turned(host, clock, run, HOUR)
            outcome = await ended(host, run)
            assert (outcome.status, outcome.output) == (status, "a done")
            assert outcome.reason == "not done within the deadline of 3600 s"
            assert await host.store.questions(run=run) == []


async def test_a_deadline_can_be_moved_by_who_is_asked(tmp_path: Path) -> None:
    clock = HandClock()
    workflow = Workflow("late", pure(naps), limits=Limits(deadline="1h", on_exhausted=ask("boss")))
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow)
        await turned(host, clock, run, HOUR)
        await reply(host, await asked(host, run, "limit/ask"), {"proceed": True, "grant": {"deadline": "3h"}})
        await turned(host, clock, run, HOUR)
        assert (await ended(host, run)).output == "rested"


async def test_a_deadline_that_nobody_moves_ends_the_work(tmp_path: Path) -> None:
    clock = HandClock()
    workflow = Workflow("late", pure(naps), limits=Limits(deadline="1h", on_exhausted=ask("boss")))
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow)
        await turned(host, clock, run, HOUR)
        await reply(host, await asked(host, run, "limit/ask"), {"proceed": False})
        outcome = await ended(host, run)
    assert outcome.status != "complete"
    assert outcome.reason == "not done within the deadline of 3600 s"


async def test_active_time_leaves_out_waits_for_people_and_time_in_which_nobody_ran_it(
    tmp_path: Path,
) -> None:
    clock = HandClock()

    async def works(context: Context) -> str:
        clock.turn(40)
        await context.now()
        await context.sleep(HOUR)
        clock.turn(15)
        await context.now()
        return "worked for 55 s"

    workflow = Workflow("busy", pure(works), limits=Limits(active="1m"))
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow)
        await parked(host, run)
    clock.turn(5 * HOUR)
    async with serving(tmp_path, workflow, clock=clock) as host:
        outcome = await ended(host, run)
    assert outcome.status == "complete"


async def test_active_time_that_is_used_up_stops_the_work_across_restarts_too(tmp_path: Path) -> None:
    clock = HandClock()

    def works() -> str:
        clock.turn(25)
        return "some"

    async def waits(context: Context) -> None:
        await context.sleep(HOUR)

    flow = loop(sequential(pure(works), pure(waits), name="body"), until="body == 'all'", rounds=9)
    workflow = Workflow("busy", flow, limits=Limits(active="1m"))
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow)
        await turned(host, clock, run, HOUR)
        await parked(host, run)
    async with serving(tmp_path, workflow, clock=clock) as host:
        await turned(host, clock, run, HOUR)
        outcome = await ended(host, run)
        tripped = await chosen(host, run)
        done = [one for one in await events(host, run, "step") if "works" in one.path]
    assert (outcome.status, len(done)) == ("partial", 3)
    assert outcome.reason == "stopped at its limit of 60 s of active time"
    assert [because["limit"] for _, because in tripped] == ["active"]


# -- an operator -------------------------------------------------------------------------------------------


async def test_an_operator_raises_a_limit_and_what_waits_for_room_goes_on(tmp_path: Path) -> None:
    limits = Limits(tokens=100, on_exhausted=ask("treasurer"))
    workflow = Workflow("asking", sequential(spends("a", 60), spends("b", 60), name="both"), limits=limits)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        row = await parked(host, run)
        await limit(host.store, host.clock, row, {"tokens": 120}, by=OPERATOR, reason="worth it")
        outcome = await ended(host, run)
        [message] = await events(host, run, "message")
    assert (outcome.status, outcome.output, message.body["what"]) == ("complete", "b done", "limit")


async def test_an_operator_lowers_a_limit_before_it_is_reached_also_across_a_restart(tmp_path: Path) -> None:
    async def naps(context: Context) -> str:
        await context.sleep(HOUR)
        return "rested"

    clock = HandClock()
    flow = sequential(spends("a", 60), pure(naps), spends("b", 30), name="both")
    workflow = Workflow("lowered", flow, limits=Limits(tokens=100, cost_usd="9"))
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow)
        row = await parked(host, run)
        await limit(host.store, host.clock, row, {"tokens": 80}, by=OPERATOR, reason="enough")
    async with serving(tmp_path, workflow, clock=clock) as host:
        await parked(host, run)
        clock.turn(HOUR)
        host.ring()
        outcome = await ended(host, run)
        assert (outcome.status, outcome.output) == ("partial", "rested")
        assert [because["of"] for _, because in await chosen(host, run)] == [80]
