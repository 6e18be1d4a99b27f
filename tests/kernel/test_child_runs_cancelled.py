"""A child run is cancelled with the visit that needs it, and awaited with what it has claimed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from kernel.scenarios.house import (
    OPERATOR,
    begin,
    cancel,
    ended,
    events,
    opened,
    parked,
    reply,
    resting,
    serving,
    until,
)
from kernel.scenarios.parents import YES, Slow, asking, child_of, doubling, question_of, sound
from kernel.scenarios.watched_store import WatchedStore
from ripieno import (
    Limits,
    Workflow,
    concurrent,
    function,
    human,
    merge,
    sequential,
    subworkflow,
)
from ripieno.journal.records import RunFilter
from ripieno.kernel import operators

# -- cancelled with its parent ---------------------------------------------------------------------------


async def test_a_cancelled_parent_awaits_what_its_child_has_claimed(tmp_path: Path) -> None:
    slow = Slow()
    workflow = Workflow("outer", subworkflow(Workflow("inner", slow.uses())))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await slow.called.wait()
        child = await child_of(host, run)
        await cancel(host, run, reason="enough")

        async def told() -> bool | None:
            return bool(await events(host, child, "message")) or None

        await until(told)
        assert not (await host.store.run(run)).ended
        slow.go.set()
        outcome = await ended(host, run)
        assert (outcome.status, outcome.reason) == ("cancelled", "cancelled by person:op: enough")
        assert (await host.store.run(child)).status == "cancelled"
        assert slow.done == ["act"]
        assert [event.body["status"] for event in await events(host, child, "result")] == ["done"]
    assert sound(tmp_path)


async def test_a_process_that_closes_while_a_cancelled_child_goes_on_leaves_both_resumable(
    tmp_path: Path,
) -> None:
    slow = Slow()
    workflow = Workflow("outer", subworkflow(Workflow("inner", slow.uses())))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await slow.called.wait()
        child = await child_of(host, run)
        await cancel(host, run)

        async def told() -> bool | None:
            return bool(await events(host, child, "message")) or None

        await until(told)
        slow.go.set()
    async with serving(tmp_path, workflow) as host:
        assert (await ended(host, run)).status == "cancelled"
        assert (await host.store.run(child)).status == "cancelled"


async def test_skipping_the_step_cancels_its_child(tmp_path: Path) -> None:
    workflow = Workflow("outer", subworkflow(asking))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow, 1)
        await question_of(host)
        child = await child_of(host, run)
        await parked(host, run)
        row = await host.store.run(run)
        await operators.skip(
            host.store, host.clock, row, "asking", by=OPERATOR, reason="known", output={"it": 1}
        )
        outcome = await ended(host, run)
        assert (outcome.status, outcome.output) == ("complete", {"it": 1})
        assert (await host.store.run(child)).status == "cancelled"


async def test_a_branch_that_is_no_longer_needed_cancels_its_child(tmp_path: Path) -> None:
    ready = asyncio.Event()

    @function(pure=True)
    async def fails() -> None:
        await ready.wait()
        raise ValueError

    flow = concurrent(subworkflow(asking), fails, resolve=merge(), on_failure="fail_fast")
    workflow = Workflow("outer", flow)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow, 1)
        await question_of(host)
        child = await child_of(host, run)
        ready.set()
        assert (await ended(host, run)).status == "failed"
        assert (await host.store.run(child)).status == "cancelled"
    assert sound(tmp_path)


async def test_a_child_whose_code_is_gone_ends_with_its_parent(tmp_path: Path) -> None:
    workflow = Workflow("outer", subworkflow(asking))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow, 1)
        await question_of(host)
        child = await child_of(host, run)
        await parked(host, child)
        await parked(host, run)
        taken = await host.store.acquire(child)
        assert taken is not None
        await host.store.release(taken.lease, "blocked", "its code is gone")
        await cancel(host, run)
        assert (await ended(host, run)).status == "cancelled"
        assert (await host.store.run(child)).status == "cancelled"
    assert sound(tmp_path)


async def test_a_run_whose_child_goes_on_does_not_end_without_its_code(tmp_path: Path) -> None:
    workflow = Workflow("outer", subworkflow(asking))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow, 1)
        question = await question_of(host)
        await parked(host, run)
        taken = await host.store.acquire(run)
        assert taken is not None
        await host.store.release(taken.lease, "blocked", "its code is gone")
        await cancel(host, run)
        assert (await host.store.run(run)).status == "blocked"
        await reply(host, question, YES)
        await operators.resume(host.store, host.clock, await host.store.run(run), by=OPERATOR)
        assert (await ended(host, run)).status == "cancelled"


async def test_a_parent_that_is_concluded_counts_what_its_children_have_spent(tmp_path: Path) -> None:
    inner = Workflow("inner", sequential(subworkflow(doubling), human("clerk", role="clerk")))
    workflow = Workflow("outer", subworkflow(inner))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow, 1)
        await question_of(host)
        child = await child_of(host, run)
        await parked(host, child)
        taken = await host.store.acquire(child)
        assert taken is not None
        await host.store.release(taken.lease, "blocked", "its code is gone")
        await cancel(host, child)
        assert (await ended(host, run)).status == "escalated"
    assert sound(tmp_path)


@pytest.mark.parametrize("moment", ["asked", "held"])
async def test_a_cancellation_before_the_intent_prevents_the_child(tmp_path: Path, moment: str) -> None:
    ready = asyncio.Event()

    @function(pure=True)
    async def prepares(input: Any) -> Any:  # noqa: A002
        await ready.wait()
        return input

    workflow = Workflow("outer", sequential(prepares, subworkflow(doubling)))
    async with opened(tmp_path, WatchedStore) as store, serving(tmp_path, workflow, store=store) as host:
        run = await begin(host, workflow, 1)

        async def called_off() -> None:
            await cancel(host, run)

        if moment == "held":
            await operators.pause(store, host.clock, await store.run(run), by=OPERATOR)

            async def paused() -> bool | None:
                return bool(await events(host, run, "message")) or None

            await until(paused)
            ready.set()
            await called_off()
        else:
            store.written_after["asked"] = called_off
            ready.set()
        assert (await ended(host, run)).status == "cancelled"
        assert await events(host, run, "asked") == []
    assert sound(tmp_path)


@pytest.mark.parametrize("then", ["cancelled", "complete"])
async def test_a_pause_before_the_intent_holds_the_child(tmp_path: Path, then: str) -> None:
    workflow = Workflow("outer", subworkflow(doubling))
    async with opened(tmp_path, WatchedStore) as store, serving(tmp_path, workflow, store=store) as host:

        async def paused() -> None:
            row = (await store.runs(RunFilter(workflow="outer")))[0]
            await operators.pause(store, host.clock, row, by=OPERATOR)

        store.written_after["asked"] = paused
        run = await begin(host, workflow, 1)
        assert (await resting(host, run)).status == "paused"
        assert await events(host, run, "asked") == []
        if then == "cancelled":
            await cancel(host, run)
        else:
            await operators.resume(store, host.clock, await store.run(run), by=OPERATOR)
        assert (await ended(host, run)).status == then
    assert sound(tmp_path)


async def test_a_cancellation_of_a_pause_under_way_prevents_the_child(tmp_path: Path) -> None:
    """Both come in before the intent is written: nothing is begun."""
    workflow = Workflow("outer", subworkflow(doubling))
    async with opened(tmp_path, WatchedStore) as store, serving(tmp_path, workflow, store=store) as host:

        async def paused() -> None:
            row = (await store.runs(RunFilter(workflow="outer")))[0]
            await operators.pause(store, host.clock, row, by=OPERATOR)

        async def called_off() -> None:
            await cancel(host, (await store.runs(RunFilter(workflow="outer")))[0].id)

        store.written_after["asked"] = paused
        store.at("before park", called_off)
        run = await begin(host, workflow, 1)
        assert (await ended(host, run)).status == "cancelled"
        assert await events(host, run, "asked") == []


async def test_a_message_before_the_intent_lets_it_be_written_anew(tmp_path: Path) -> None:
    workflow = Workflow("outer", subworkflow(doubling), limits=Limits(tokens=9))
    async with opened(tmp_path, WatchedStore) as store, serving(tmp_path, workflow, store=store) as host:

        async def limited() -> None:
            row = (await store.runs(RunFilter(workflow="outer")))[0]
            await operators.limit(store, host.clock, row, {"tokens": 5}, by=OPERATOR)

        store.written_after["asked"] = limited
        started = await begin(host, workflow, 1)
        assert (await ended(host, started)).output == {"doubled": 2}
        assert len(await events(host, started, "asked")) == 1
