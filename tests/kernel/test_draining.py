"""A host that is drained takes up nothing new, finishes what is at work, and leaves every run resumable."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from kernel.scenarios.elsewhere import Elsewhere, Slow, uses
from kernel.scenarios.house import (
    ADA,
    OPERATOR,
    asked,
    begin,
    counted,
    ended,
    events,
    heard,
    opened,
    parked,
    reply,
    serving,
)
from ripieno.connectors.tool import tool
from ripieno.journal.sqlite import SqliteStore
from ripieno.kernel.host import Host
from ripieno.kernel.operators import drain, pause, resume, undrain
from ripieno.model.errors import InputError, NotAllowedError, RefusedError
from ripieno.participants.function import Function, function
from ripieno.participants.human import human
from ripieno.patterns.sequential import sequential
from ripieno.workflows.workflow import Workflow


@function(pure=True)
def last(given: object) -> object:
    return given


async def test_a_visit_at_work_ends_and_nothing_follows_it_here(tmp_path: Path) -> None:
    begun, go = asyncio.Event(), asyncio.Event()

    async def work() -> str:
        begun.set()
        await go.wait()
        return "thought about for long"

    workflow = Workflow("visit", sequential(Function(work, name="work", pure=True), last))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await begun.wait()
        draining = asyncio.create_task(host.drain())
        await asyncio.sleep(0)
        go.set()
        assert await draining
        assert [event.path for event in await events(host, run, "step")] == ["sequential@1/work@1"]
        row = await host.store.run(run)
        assert (row.status, row.owner) == ("running", None)
    begun.clear()
    async with serving(tmp_path, workflow) as host:
        assert (await ended(host, run)).status == "complete"
    assert not begun.is_set()


async def test_a_call_under_way_is_awaited_and_not_made_again(tmp_path: Path) -> None:
    system = Elsewhere()
    slow = Slow(system)
    after = uses(tool(system.book), "next", what="b")
    workflow = Workflow("visit", sequential(uses(tool(system.book), what="it"), after))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await slow.begun.wait()
        assert not await host.drain(within=0)
        slow.released.set()
        assert await host.drain()
        assert (await counted(host, run))["intent"] == 1
    async with serving(tmp_path, workflow) as host:
        assert (await ended(host, run)).status == "complete"
    assert len(system.calls) == 2


async def test_a_run_that_waits_parks_and_one_that_ends_ends(tmp_path: Path) -> None:
    workflow = Workflow("visit", human("clinician", role="clinician"))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        assert await host.drain()
        assert (await host.store.run(run)).owner is None
    async with serving(tmp_path, workflow) as host:
        await parked(host, run)
        question = await asked(host, run)
        assert await host.drain()
        await reply(host, question, {"proceed": True})
        assert list(await host.store.ready((workflow.version,), 9)) == [run]
    async with serving(tmp_path, workflow) as host:
        assert (await ended(host, run)).status == "complete"


async def test_a_drained_host_starts_nothing_unless_it_is_for_another(tmp_path: Path) -> None:
    workflow = Workflow("short", last)
    async with serving(tmp_path, workflow) as host:
        assert await host.drain()
        with pytest.raises(RefusedError, match="being drained"):
            await begin(host, workflow)
        created = await host.start(workflow, 1, principal=OPERATOR, detach=True)
        assert (await host.store.run(created.row.id)).status == "running"


async def test_no_new_run_of_a_drained_workflow_starts_and_those_under_way_finish(tmp_path: Path) -> None:
    workflow, other = Workflow("visit", human("clinician", role="clinician")), Workflow("other", last)
    async with serving(tmp_path, workflow, other) as host:
        run = (await host.start(workflow, 1, principal=OPERATOR, key="enc-1")).row.id
        question = await asked(host, run)
        assert await drain(host.store, "visit", by=OPERATOR, reason="a recall of the form")
        assert not await drain(host.store, "visit", by=OPERATOR, reason="the same again")
        with pytest.raises(RefusedError, match=r"visit starts: it was drained by person:op: a recall"):
            await begin(host, workflow)
        again = await host.start(workflow, 1, principal=OPERATOR, key="enc-1")
        assert (again.existed, again.row.id) == (True, run)
        await begin(host, other)
        await reply(host, question, {"proceed": True})
        assert (await ended(host, run)).status == "complete"
    async with opened(tmp_path, SqliteStore) as store:
        drained = (await store.drained("default"))[0]
        assert (drained.by, drained.reason) == ("person:op", "a recall of the form")
        assert await undrain(store, "visit", by=OPERATOR)
        assert not await undrain(store, "visit", by=OPERATOR)
        stream = await store.tenant_stream("default")
        kinds = [event.kind for event in await store.events(stream)]
        assert [kind for kind in kinds if "drained" in kind] == ["workflow.drained", "workflow.undrained"]
        assert (await Host(store).start(workflow, 1, principal=OPERATOR, detach=True)).row.id


async def test_draining_a_workflow_needs_an_operator_and_a_reason(tmp_path: Path) -> None:
    async with opened(tmp_path, SqliteStore) as store:
        with pytest.raises(NotAllowedError, match="'operator'"):
            await drain(store, "visit", by=ADA, reason="tired")
        with pytest.raises(NotAllowedError, match="'operator'"):
            await undrain(store, "visit", by=ADA)
        with pytest.raises(InputError, match="needs a reason"):
            await drain(store, "visit", by=OPERATOR, reason="")


async def test_a_run_that_was_taken_over_finishes_the_visit_that_it_is_at(tmp_path: Path) -> None:
    """Also while nothing after what is recorded has been written yet."""
    begun, go = asyncio.Event(), asyncio.Event()

    async def work() -> str:
        begun.set()
        await go.wait()
        return "thought about for long"

    workflow = Workflow("visit", sequential(Function(work, name="work", pure=True), last))
    async with serving(tmp_path, workflow) as host:
        run = (await host.start(workflow, None, principal=OPERATOR, detach=True)).row.id
        host.ring()
        await begun.wait()
        draining = asyncio.create_task(host.drain())
        await asyncio.sleep(0)
        go.set()
        assert await draining
        assert [event.path for event in await events(host, run, "step")] == ["sequential@1/work@1"]


async def test_a_run_resumed_while_its_process_leaves_goes_on_in_the_next_one(tmp_path: Path) -> None:
    system = Elsewhere()
    slow = Slow(system)
    beside = sequential(uses(tool(system.book), what="it"), last)
    workflow = Workflow("visit", beside)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await slow.begun.wait()
        await pause(host.store, host.clock, await host.store.run(run), by=OPERATOR)
        await heard(host, run, 1)
        assert not await host.drain(within=0)
        await resume(host.store, host.clock, await host.store.run(run), by=OPERATOR)
        await heard(host, run, 2)
        slow.released.set()
        assert await host.drain()
        assert (await host.store.run(run)).owner is None
        assert not await events(host, run, "step")
    async with serving(tmp_path, workflow) as host:
        assert (await ended(host, run)).status == "complete"
    assert len(system.calls) == 1
