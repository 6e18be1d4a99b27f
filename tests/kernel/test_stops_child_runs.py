"""What is stopped is stopped in the runs that it is part of and that are part of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from kernel.scenarios.elsewhere import Elsewhere, Slow, uses
from kernel.scenarios.halting import Deaf, booking, first, last, stopped
from kernel.scenarios.house import (
    OPERATOR,
    asked,
    begin,
    ended,
    events,
    opened,
    reply,
    serving,
    until,
)
from ripieno.connectors.tool import tool
from ripieno.journal.records import QuestionRow
from ripieno.journal.sqlite import SqliteStore
from ripieno.kernel.host import Host
from ripieno.kernel.stopping import release, stop
from ripieno.model.stop import Stoppable
from ripieno.participants.human import human
from ripieno.participants.workflow import subworkflow
from ripieno.patterns.concurrent import concurrent
from ripieno.patterns.resolvers import merge
from ripieno.patterns.sequential import sequential
from ripieno.workflows.workflow import Workflow


async def test_a_stopped_run_is_held_with_the_runs_that_it_has_started_and_no_other(tmp_path: Path) -> None:
    system = Elsewhere()
    inner = booking(system)
    outer = Workflow("outer", sequential(human("clerk", role="clerk"), subworkflow(inner), name="all"))
    async with serving(tmp_path, outer, inner) as host:
        run, other = await begin(host, outer), await begin(host, outer)
        questions = [await asked(host, run), await asked(host, other)]
        await stop(host.store, "run", run, by=OPERATOR, reason="a mistake")
        for question in questions:
            await reply(host, question, {"proceed": True})
        assert (await ended(host, other)).status == "complete"
        await stopped(host, run)
        assert len(system.calls) == 1
        await release(host.store, "run", run, by=OPERATOR)
        assert (await ended(host, run)).status == "complete"
    assert len(system.calls) == 2


@pytest.mark.parametrize(
    ("what", "name"),
    [("run", None), ("workflow", "outer"), ("participant", "all"), ("participant", "outer/visit")],
    ids=["run", "workflow", "participant around", "participant"],
)
async def test_a_child_run_begins_nothing_when_what_it_is_part_of_is_stopped(
    tmp_path: Path, what: Stoppable, name: str | None
) -> None:
    system = Elsewhere()
    inner = Workflow("visit", sequential(human("clerk", role="clerk"), uses(tool(system.book), what="it")))
    outer = Workflow("outer", sequential(subworkflow(inner), last, name="all"))
    async with serving(tmp_path, outer, inner) as host:
        run = await begin(host, outer)
        question = await until(lambda: anybody(host))
        await stop(host.store, what, name or run, by=OPERATOR, reason="a mistake")
        await reply(host, question, {"proceed": True})
        await stopped(host, question.run)
        assert system.calls == []
        await release(host.store, what, name or run, by=OPERATOR)
        assert (await ended(host, run)).status == "complete"
    assert len(system.calls) == 1


async def anybody(host: Host) -> QuestionRow | None:
    return next(iter(await host.store.questions()), None)


async def test_no_child_run_is_made_of_a_stopped_workflow(tmp_path: Path) -> None:
    system = Elsewhere()
    inner = booking(system)
    outer = Workflow("outer", sequential(first, subworkflow(inner)))
    async with serving(tmp_path, outer, inner) as host:
        await stop(host.store, "workflow", "visit", by=OPERATOR, reason="a mistake")
        run = await begin(host, outer)
        await stopped(host, run)
        assert await events(host, run, "asked") == []
        await release(host.store, "workflow", "visit", by=OPERATOR)
        assert (await ended(host, run)).status == "complete"


async def test_beside_a_call_a_child_run_is_made_where_it_was_held_once_its_workflow_is_released(
    tmp_path: Path,
) -> None:
    system = Elsewhere()
    slow = Slow(system)
    inner = Workflow("inner", last)
    outer = Workflow(
        "outer", concurrent(uses(tool(system.book), what="it"), subworkflow(inner), resolve=merge())
    )
    async with serving(tmp_path, outer, inner) as host:
        await stop(host.store, "workflow", "inner", by=OPERATOR, reason="a mistake")
        run = await begin(host, outer)
        await slow.begun.wait()
        assert await events(host, run, "asked") == []
        await release(host.store, "workflow", "inner", by=OPERATOR)
        await until(lambda: asked_of(host, run))
        slow.released.set()
        assert (await ended(host, run)).status == "complete"


async def asked_of(host: Host, run: str) -> bool | None:
    return bool(await events(host, run, "asked")) or None


async def test_no_child_run_passes_a_stop_of_which_its_process_has_not_heard(tmp_path: Path) -> None:
    system = Elsewhere()
    inner = booking(system)
    outer = Workflow("outer", subworkflow(inner))
    async with (
        opened(tmp_path, Deaf) as store,
        opened(tmp_path, SqliteStore) as elsewhere,
        serving(tmp_path, outer, store=store) as host,
    ):
        await stop(elsewhere, "workflow", "outer", by=OPERATOR, reason="a mistake")
        run = await begin(host, outer)
        await stopped(host, run)
        assert await events(host, run, "asked") == []
