"""A deadline that an operator makes shorter counts from then on, and nothing is done after it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from kernel.scenarios.elsewhere import Elsewhere, uses
from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import (
    ADA,
    OPERATOR,
    asked,
    begin,
    ended,
    events,
    heard,
    opened,
    parked,
    reply,
    resting,
    serving,
    turned,
    until,
)
from kernel.scenarios.watched_store import WatchedStore
from ripieno.connectors.tool import tool
from ripieno.journal.records import Draft, RunFilter, RunRow
from ripieno.journal.sqlite import SqliteStore
from ripieno.kernel import operators
from ripieno.kernel.commands import answer
from ripieno.kernel.host import Host
from ripieno.model.event import Kind
from ripieno.model.limits import Limits
from ripieno.model.participant import Context
from ripieno.participants.function import Function
from ripieno.participants.human import human
from ripieno.participants.limiting import ask
from ripieno.participants.workflow import subworkflow
from ripieno.patterns.sequential import sequential
from ripieno.workflows.workflow import Workflow

HOUR = 3600

LONG = Limits(deadline="3h")


async def stands(host: Host, run: str, status: str) -> None:
    """Wait until a run is in a status."""

    async def look() -> bool | None:
        return (await host.store.run(run)).status == status or None

    await until(look)


async def deadline(host: Host, row: RunRow, hours: float, at: str = "") -> None:
    limits = {"deadline": int(hours * HOUR * 1_000_000)}
    await operators.limit(host.store, host.clock, row, limits, by=OPERATOR, at=at, reason="no time")


def writing(system: Elsewhere, at: str = "") -> Workflow:
    """Give a workflow that writes once a person has answered; the limit is of the run, or of a step."""

    async def writes(context: Context) -> object:
        return await context.use(tool(system.book), what="visit")

    flow = sequential(
        human("clinician", role="clinician"), Function(writes, name="writes", pure=True), name="visit"
    )
    return (
        Workflow("visit", flow.limit(deadline="3h"), limits=Limits())
        if at
        else Workflow("visit", flow, limits=LONG)
    )


@pytest.mark.parametrize("at", ["", "visit@1"], ids=["of the run", "of a step"])
@pytest.mark.parametrize("served", [True, False], ids=["served", "told while nobody serves it"])
async def test_a_deadline_that_is_past_once_it_is_shorter_ends_the_work_at_once(
    tmp_path: Path, at: str, *, served: bool
) -> None:
    clock, system = HandClock(), Elsewhere()
    workflow = writing(system, at)
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow)
        row, task = await parked(host, run), await asked(host, run, "clinician")
        clock.turn(HOUR)
        if served:
            await deadline(host, row, 0.5, at)
            outcome = await ended(host, run)
    if not served:
        async with opened(tmp_path, SqliteStore) as store:
            limits = {"deadline": HOUR * 500_000}
            await operators.limit(store, clock, row, limits, by=OPERATOR, at=at)
            await answer(store, clock, task, by=ADA, value={"proceed": True})
        async with serving(tmp_path, workflow, clock=clock) as host:
            outcome = await ended(host, run)
    assert outcome.status == "escalated"  # pyright: ignore[reportPossiblyUnboundVariable] - one or the other
    assert "not done within the deadline of 1800 s" in (outcome.reason or "")  # pyright: ignore[reportPossiblyUnboundVariable]
    assert system.calls == []


@pytest.mark.parametrize("at", ["", "visit@1"], ids=["of the run", "of a step"])
@pytest.mark.parametrize("restarted", [False, True], ids=["resident", "restarted"])
async def test_a_shorter_deadline_counts_from_now_on(tmp_path: Path, at: str, *, restarted: bool) -> None:
    clock, system = HandClock(), Elsewhere()
    workflow = writing(system, at)
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow)
        await deadline(host, await parked(host, run), 1, at)
        await parked(host, run)
        if not restarted:
            assert (await turned(host, clock, run, HOUR)).status == "escalated"
    if restarted:
        async with serving(tmp_path, workflow, clock=clock) as host:
            assert (await turned(host, clock, run, HOUR)).status == "escalated"
    assert system.calls == []


async def test_nothing_is_written_after_a_shorter_deadline_by_what_is_at_work(tmp_path: Path) -> None:
    clock, system, begun, go = HandClock(), Elsewhere(), asyncio.Event(), asyncio.Event()

    async def writes(context: Context) -> object:
        begun.set()
        await go.wait()
        return await context.use(tool(system.book), what="visit")

    workflow = Workflow("busy", Function(writes, name="writes", pure=True), limits=LONG)
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow)
        await begun.wait()
        clock.turn(HOUR)
        await deadline(host, await host.store.run(run), 0.5)
        go.set()
        assert (await ended(host, run)).status == "escalated"
    assert system.calls == []


@pytest.mark.parametrize("kind", ["intent", "asked"], ids=["a call", "a child run"])
async def test_what_is_on_its_way_to_disk_as_the_time_ends_is_given_up_where_it_is_not_written(
    tmp_path: Path, kind: Kind
) -> None:
    """It waits for no room: nobody would make any."""
    clock, system, told = HandClock(), Elsewhere(), asyncio.Event()
    begun, go = asyncio.Event(), asyncio.Event()
    inner = Workflow("inner", uses(tool(system.book), what="visit"))
    does = subworkflow(inner) if kind == "asked" else uses(tool(system.book), what="visit")

    async def works() -> None:
        begun.set()
        await go.wait()

    flow = sequential(Function(works, name="works", pure=True), does, name="busy")
    workflow = Workflow("busy", flow, limits=LONG)
    async with (
        opened(tmp_path, WatchedStore) as store,
        serving(tmp_path, workflow, inner, clock=clock, store=store) as host,
    ):
        run = await begin(host, workflow)
        await begun.wait()

        async def shorten() -> None:
            clock.turn(HOUR)
            await deadline(host, await host.store.run(run), 0.5)

        async def hear_late(draft: Draft) -> None:
            if draft.state == "bounced":
                await told.wait()

        store.written_after[kind], store.delay = shorten, hear_late
        go.set()
        await heard(host, run, 1, "choice")
        told.set()
        assert (await ended(host, run)).status == "escalated"
        assert [row.workflow for row in await store.runs(RunFilter())] == ["busy"]
    assert system.calls == []


async def test_a_deadline_made_shorter_in_a_pause_counts_once_that_is_over(tmp_path: Path) -> None:
    clock = HandClock()
    workflow = Workflow("visit", human("clinician", role="clinician"), limits=LONG)
    async with serving(tmp_path, workflow, clock=clock) as host:
        runs = [await begin(host, workflow) for _ in range(2)]
        for run in runs:
            await operators.pause(host.store, clock, await parked(host, run), by=OPERATOR)
            await stands(host, run, "paused")
        clock.turn(HOUR)
        for run, hours in zip(runs, (0.5, 2), strict=True):
            await deadline(host, await host.store.run(run), hours)
            assert (await resting(host, run)).status == "paused"
    async with serving(tmp_path, workflow, clock=clock) as host:
        for run in runs:
            await operators.resume(host.store, clock, await host.store.run(run), by=OPERATOR)
        assert (await ended(host, runs[0])).status == "escalated"
        await stands(host, runs[1], "waiting")
        assert (await turned(host, clock, runs[1], HOUR)).status == "escalated"


@pytest.mark.parametrize("restarted", [False, True], ids=["resident", "restarted"])
async def test_of_deadlines_set_one_after_the_other_the_last_counts(
    tmp_path: Path, *, restarted: bool
) -> None:
    """What waits for an earlier one waits on; no other timer is set beside it."""
    clock = HandClock()
    workflow = Workflow("visit", human("clinician", role="clinician"), limits=LONG)
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow)
        for hours in (1, 2, 1.5):
            await deadline(host, await parked(host, run), hours)
            await parked(host, run)
        timers = [event for event in await events(host, run, "asked") if event.body["what"] == "timer"]
        assert len(timers) == 2
        if not restarted:
            assert (await turned(host, clock, run, HOUR)).status == "waiting"
            assert (await turned(host, clock, run, HOUR / 2)).status == "escalated"
    if restarted:
        async with serving(tmp_path, workflow, clock=clock) as host:
            assert (await turned(host, clock, run, HOUR)).status == "waiting"
        async with serving(tmp_path, workflow, clock=clock) as host:
            assert (await turned(host, clock, run, HOUR / 2)).status == "escalated"


async def test_a_limit_set_after_more_was_granted_stands_for_it_on_replay_too(tmp_path: Path) -> None:
    clock = HandClock()
    limits = Limits(deadline="1h", on_exhausted=ask("boss"))
    workflow = Workflow("visit", human("clinician", role="clinician"), limits=limits)
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow)
        await turned(host, clock, run, HOUR)
        await reply(host, await asked(host, run, "limit/ask"), {"proceed": True, "grant": {"deadline": "3h"}})
        await heard(host, run, 2, "answered")
        await deadline(host, await parked(host, run), 2)
        await parked(host, run)
    async with serving(tmp_path, workflow, clock=clock) as host:
        await turned(host, clock, run, HOUR)
        assert (await asked(host, run, "limit/ask")).state == "open"


async def test_deadlines_set_while_somebody_is_at_work_set_no_more_timers_than_are_needed(
    tmp_path: Path,
) -> None:
    clock, begun, go = HandClock(), asyncio.Event(), asyncio.Event()

    async def works(context: Context) -> None:
        begun.set()
        await go.wait()
        await context.sleep(20 * HOUR)

    workflow = Workflow("busy", Function(works, name="works", pure=True), limits=LONG)
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow)
        await begun.wait()
        for number, hours in enumerate((1, 2, 1.5), start=1):
            await deadline(host, await host.store.run(run), hours)
            await heard(host, run, number)
        go.set()
        await parked(host, run)
        limits = [event for event in await events(host, run, "asked") if "/limit/" in event.path]
        assert len(limits) == 2
        assert (await turned(host, clock, run, HOUR)).status == "waiting"
        assert (await turned(host, clock, run, HOUR / 2)).status == "escalated"
