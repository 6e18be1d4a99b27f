"""An operator sets other limits for running work."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import (
    ADA,
    OPERATOR,
    asked,
    begin,
    counted,
    ended,
    events,
    heard,
    parked,
    reply,
    serving,
    turned,
)
from kernel.spending_parts import buy, pure
from ripieno.kernel import operators
from ripieno.model.errors import InputError, NotAllowedError
from ripieno.model.limits import Limits
from ripieno.model.participant import Context
from ripieno.participants.human import human
from ripieno.patterns.concurrent import concurrent
from ripieno.patterns.resolvers import merge
from ripieno.workflows.workflow import Workflow

HOUR = 3600
WORKFLOW = Workflow("visit", human("clinician", role="clinician"), limits=Limits(deadline="1h", tokens=5))


ALONE = Workflow("visit", human("clinician", role="clinician"), limits=Limits(deadline="1h"))


@pytest.mark.parametrize("workflow", [WORKFLOW, ALONE], ids=["among others", "alone"])
async def test_a_deadline_that_was_moved_is_kept_across_a_restart(tmp_path: Path, workflow: Workflow) -> None:
    clock = HandClock()
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow)
        row = await parked(host, run)
        limits = {"deadline": 3 * HOUR * 1_000_000}
        await operators.limit(host.store, clock, row, limits, by=OPERATOR, reason="a holiday")
        await parked(host, run)
    async with serving(tmp_path, workflow, clock=clock) as host:
        assert (await turned(host, clock, run, HOUR + 1)).status == "waiting"
        assert (await turned(host, clock, run, 2 * HOUR)).status == "escalated"


async def test_a_limit_that_there_is_not_is_refused(tmp_path: Path) -> None:
    async with serving(tmp_path, WORKFLOW) as host:
        run = await begin(host, WORKFLOW)
        row = await parked(host, run)
        with pytest.raises(InputError, match="did you mean 'tokens'"):
            await operators.limit(host.store, host.clock, row, {"token": 1}, by=OPERATOR)
        with pytest.raises(InputError, match="must not be negative"):
            await operators.limit(host.store, host.clock, row, {"tokens": -1}, by=OPERATOR)
        with pytest.raises(NotAllowedError, match="'operator'"):
            await operators.limit(host.store, host.clock, row, {"tokens": 9}, by=ADA)
        assert (await counted(host, run))["message"] == 0


@pytest.mark.parametrize(("limit", "status"), [(120, "complete"), (30, "partial")], ids=["more", "less"])
async def test_active_time_is_set_for_work_under_way(tmp_path: Path, limit: int, status: str) -> None:
    clock, begun, go = HandClock(), asyncio.Event(), asyncio.Event()

    async def works() -> None:
        clock.turn(40)
        begun.set()
        await go.wait()
        clock.turn(40)

    workflow = Workflow("busy", pure(works), limits=Limits(active="1m"))
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow)
        await begun.wait()
        row = await host.store.run(run)
        await operators.limit(host.store, clock, row, {"active": limit * 1_000_000}, by=OPERATOR)
        if status == "complete":
            await heard(host, run, 1)
            go.set()
        assert (await ended(host, run)).status == status


async def test_what_was_not_limited_stays_unlimited(tmp_path: Path) -> None:
    workflow = Workflow("visit", human("clinician", role="clinician"), limits=Limits(tokens=5))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        row = await parked(host, run)
        limits = {"active": 0, "deadline": 0, "rounds": 0}
        await operators.limit(host.store, host.clock, row, limits, by=OPERATOR)
        await parked(host, run)
        await reply(host, await asked(host, run), {"proceed": True})
        assert (await ended(host, run)).status == "complete"


async def test_a_run_that_began_before_the_kernel_kept_deadlines_goes_on_as_it_began(tmp_path: Path) -> None:
    """Its first event tells of no limits, and its steps stand under one more."""
    clock = HandClock()
    before = Workflow("visit", human("clinician", role="clinician"), limits=Limits(deadline="1h"))
    assert before.before_bounds is not None
    before.root, before.bounds = before.before_bounds, None
    assert before.version == ALONE.version
    async with serving(tmp_path, before, clock=clock) as host:
        run = await begin(host, before)
        assert (await parked(host, run)).status == "waiting"
    async with serving(tmp_path, ALONE, clock=clock) as host:
        assert (await turned(host, clock, run, HOUR + 1)).status == "escalated"
        assert {event.path.partition("/")[0] for event in await events(host, run, "scope")} == {"deadline@1"}


async def test_a_limit_set_for_one_visit_leaves_its_neighbours_alone_across_a_restart_too(
    tmp_path: Path,
) -> None:
    ada, bob = (human(name, role="clinician").limit(deadline="1h") for name in ("ada", "bob"))
    workflow = Workflow("visit", concurrent(ada, bob, resolve=merge()))
    clock = HandClock()
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow)
        row = await parked(host, run)
        path = (await asked(host, run, "ada@")).path.split("/ask/")[0]
        hours = {"deadline": 3 * HOUR * 1_000_000}
        await operators.limit(host.store, clock, row, hours, by=OPERATOR, at=path)
        await parked(host, run)
    async with serving(tmp_path, workflow, clock=clock) as host:
        await turned(host, clock, run, HOUR + 1)
        states = {
            row.path.split("/")[1]: row.state for row in await host.store.questions(run=run, state=None)
        }
    assert states == {"ada@1": "open", "bob@1": "closed"}


async def test_a_limit_set_for_one_visit_at_work_is_not_its_neighbour_s(tmp_path: Path) -> None:
    begun, go = asyncio.Barrier(3), asyncio.Event()

    async def buys(context: Context) -> str:
        await begun.wait()
        await go.wait()
        await context.use(buy, tokens=60)
        return "bought"

    ada, bob = (pure(buys, name).limit(tokens=50) for name in ("ada", "bob"))
    workflow = Workflow("both", concurrent(ada, bob, resolve=merge()))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await begun.wait()
        row, more = await host.store.run(run), {"tokens": 60}
        await operators.limit(host.store, host.clock, row, more, by=OPERATOR, at="concurrent@1/ada@1/ada@1")
        await heard(host, run, 1)
        go.set()
        await ended(host, run)
        ends = {event.path: event.body["outcome"]["status"] for event in await events(host, run, "scope")}
    assert (ends["concurrent@1/ada@1"], ends["concurrent@1/bob@1"]) == ("complete", "partial")
