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
    serving,
    turned,
)
from kernel.spending_parts import buy, pure
from ripieno.journal.records import RunFilter
from ripieno.kernel import operators
from ripieno.model.errors import InputError, NotAllowedError, NotFoundError
from ripieno.model.limits import Limits
from ripieno.model.participant import Context
from ripieno.participants.human import human
from ripieno.participants.limiting import declared_limits
from ripieno.participants.workflow import subworkflow
from ripieno.patterns.concurrent import concurrent
from ripieno.patterns.resolvers import merge
from ripieno.patterns.sequential import sequential
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


async def test_a_limit_that_is_not_declared_is_refused_and_those_declared_are_named(tmp_path: Path) -> None:
    free = Workflow("free", human("clinician", role="clinician"))
    async with serving(tmp_path, WORKFLOW, free) as host:
        row = await parked(host, await begin(host, WORKFLOW))
        with pytest.raises(InputError, match="declares no limit 'cost_usd'") as refused:
            await operators.limit(host.store, host.clock, row, {"tokens": 9, "cost": 1}, by=OPERATOR)
        assert refused.value.remedy == "those it declares: deadline, tokens"
        assert (await counted(host, row.id))["message"] == 0
        row = await parked(host, await begin(host, free))
        with pytest.raises(InputError, match="declares no limit 'deadline'") as refused:
            await operators.limit(host.store, host.clock, row, {"deadline": 1}, by=OPERATOR)
        assert refused.value.remedy == "those it declares: none; the next version of the workflow may"


STEPS = sequential(
    human("ada", role="clinician").limit(deadline="1h"), human("bob", role="clinician").limit(tokens=5)
)


@pytest.mark.parametrize(
    ("at", "error", "says"),
    [
        ("ada", InputError, "sequential@1/ada@1 declares no limit 'tokens'"),
        ("sequential@1/ada@1", InputError, "sequential@1/ada@1 declares no limit 'tokens'"),
        ("sequential@1", InputError, "sequential@1 declares no limit 'tokens'"),
        ("bob", InputError, "bob is at work nowhere yet"),
        ("cid", NotFoundError, "the workflow has no participant called 'cid'"),
    ],
)
async def test_a_limit_of_a_step_that_has_none_is_refused(
    tmp_path: Path, at: str, error: type[Exception], says: str
) -> None:
    workflow = Workflow("visit", STEPS)
    declared = declared_limits(workflow.everyone())
    async with serving(tmp_path, workflow) as host:
        row = await parked(host, await begin(host, workflow))
        with pytest.raises(error, match=says):
            await operators.limit(
                host.store, host.clock, row, {"tokens": 9}, by=OPERATOR, at=at, declared=declared
            )


@pytest.mark.parametrize("at", ["ada", "sequential@1/ada@1", "sequential/ada"])
@pytest.mark.parametrize("alone", [False, True], ids=["in sequence", "as a branch"])
async def test_a_step_at_work_is_meant_by_its_name_and_by_its_path(
    tmp_path: Path, at: str, *, alone: bool
) -> None:
    """A branch has its participant below it, under the same name."""
    flow = concurrent(*STEPS.stages, resolve=merge(), name="sequential") if alone else STEPS
    workflow, clock = Workflow("visit", flow), HandClock()
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow)
        row, more = await parked(host, run), {"deadline": 3 * HOUR * 1_000_000}
        declared = declared_limits(workflow.everyone())
        await operators.limit(host.store, clock, row, more, by=OPERATOR, at=at, declared=declared)
        await parked(host, run)
        await turned(host, clock, run, HOUR + 1)
        assert (await asked(host, run, "ada@")).state == "open"


async def test_a_child_run_s_own_limits_are_set_within_its_allowance(tmp_path: Path) -> None:
    inner = Workflow("inner", human("clinician", role="clinician"), limits=Limits(deadline="1h"))
    workflow = Workflow("outer", subworkflow(inner, allowance=Limits(tokens=50)))
    clock = HandClock()
    async with serving(tmp_path, workflow, inner, clock=clock) as host:
        await parked(host, await begin(host, workflow))
        [row] = await host.store.runs(RunFilter(workflow="inner"))
        await parked(host, row.id)
        with pytest.raises(InputError, match="declares no limit 'rounds'") as refused:
            await operators.limit(host.store, clock, row, {"rounds": 1}, by=OPERATOR)
        assert refused.value.remedy == "those it declares: deadline, tokens"
        await operators.limit(host.store, clock, row, {"deadline": 3 * HOUR * 1_000_000}, by=OPERATOR)
        await parked(host, row.id)
        assert (await turned(host, clock, row.id, HOUR + 1)).status == "waiting"


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
