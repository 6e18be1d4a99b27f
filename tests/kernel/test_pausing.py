"""A paused run begins nothing new, finishes what it has claimed, and goes on where it stood."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from kernel.scenarios.elsewhere import Elsewhere, Slow, cut, nested, uses
from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import (
    ADA,
    OPERATOR,
    asked,
    begin,
    cancel,
    counted,
    ended,
    events,
    heard,
    opened,
    parked,
    reply,
    serving,
    snapshot,
)
from kernel.scenarios.steering import pause, paused, resume
from kernel.scenarios.watched_store import WatchedStore
from ripieno.connectors.tool import tool
from ripieno.journal.sqlite import SqliteStore
from ripieno.kernel import operators
from ripieno.kernel.host import Host
from ripieno.kernel.rehearsal import rehearse
from ripieno.model.errors import InputError, NotAllowedError, NotFoundError, RefusedError
from ripieno.model.limits import Limits
from ripieno.model.participant import Context, Question
from ripieno.model.principal import Principal
from ripieno.participants.function import function
from ripieno.participants.human import human
from ripieno.patterns.concurrent import concurrent
from ripieno.patterns.resolvers import merge
from ripieno.patterns.sequential import sequential
from ripieno.workflows.workflow import Workflow


def visit(system: Elsewhere) -> Workflow:
    return Workflow(
        "visit", sequential(human("clinician", role="clinician"), uses(tool(system.book), what="it"))
    )


@function(pure=True)
def last(given: object) -> object:
    return given


async def test_a_run_that_waits_for_a_person_is_paused_without_its_code(tmp_path: Path) -> None:
    system = Elsewhere()
    workflow = visit(system)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await parked(host, run)
    async with opened(tmp_path, SqliteStore) as store:
        host = Host(store)
        await pause(host, run)
        row = await store.run(run)
        message = (await events(host, run, "message"))[0]
    assert (row.status, row.owner) == ("paused", None)
    assert (message.body["what"], message.body["by"]) == ("pause", "person:op")


async def test_an_answer_to_a_paused_run_is_kept_and_takes_effect_when_it_is_resumed(tmp_path: Path) -> None:
    system = Elsewhere()
    workflow = visit(system)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        question = await asked(host, run)
        await pause(host, run)
        await paused(host, run)
        await reply(host, question, {"proceed": True})
        assert list(await host.store.ready((workflow.version,), 10)) == []
    async with serving(tmp_path, workflow) as host:
        await paused(host, run)
        with pytest.raises(RefusedError, match="already answered"):
            await reply(host, question, {"proceed": False})
        assert system.calls == []
        await resume(host, run)
        assert (await ended(host, run)).status == "complete"
    assert len(system.calls) == 1


@pytest.mark.parametrize("depth", [0, 2], ids=["plain", "in branches"])
async def test_a_call_under_way_is_awaited_and_recorded_and_nothing_begins_after_it(
    tmp_path: Path, depth: int
) -> None:
    system = Elsewhere()
    slow = Slow(system)
    workflow = Workflow("visit", nested(sequential(uses(tool(system.book), what="it"), last), depth))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await slow.begun.wait()
        await pause(host, run)
        await heard(host, run, 1)
        slow.released.set()
        await paused(host, run)
        assert [event.body["status"] for event in await events(host, run, "result")] == ["done"]
        assert not [event for event in await events(host, run) if "last@" in event.path]
    async with serving(tmp_path, workflow) as host:
        await resume(host, run)
        assert (await ended(host, run)).status == "complete"
    assert len(system.calls) == 1


@pytest.mark.parametrize("what", ["claim", "question", "timer"])
async def test_a_visit_at_work_claims_asks_and_times_nothing_new(tmp_path: Path, what: str) -> None:
    system, at_work, go = Elsewhere(), asyncio.Event(), asyncio.Event()

    @function(pure=True)
    async def desk(context: Context) -> object:
        at_work.set()
        await go.wait()
        if what == "claim":
            return await context.use(tool(system.book), what="it")
        if what == "timer":
            return await context.sleep(0.001)
        answer = await context.ask(Question("clinician", "go on?", {"type": "boolean"}))
        return answer.value

    workflow = Workflow("visit", sequential(desk, last))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await at_work.wait()
        await pause(host, run)
        await heard(host, run, 1)
        go.set()
        await paused(host, run)
        kinds = await counted(host, run)
        assert (kinds["intent"], kinds["asked"]) == (0, 0)
        await resume(host, run)
        if what == "question":
            await reply(host, await asked(host, run), True)  # noqa: FBT003 - the answer itself
        assert (await ended(host, run)).status == "complete"
    assert len(system.calls) == (what == "claim")


async def test_an_answer_that_is_folded_while_paused_takes_effect_at_resumption(
    tmp_path: Path,
) -> None:
    """Also when the process dies in between: the replay holds at the same place."""
    system = Elsewhere()
    slow = Slow(system)
    flow = concurrent(human("first", role="a"), uses(tool(system.book), what="it"), resolve=merge())
    workflow = Workflow("visit", sequential(flow, last))
    async with serving(tmp_path / "before", workflow) as host:
        run = await begin(host, workflow)
        question = await asked(host, run)
        await slow.begun.wait()
        await pause(host, run)
        await heard(host, run, 1)
        await reply(host, question, {"proceed": True})
        await heard(host, run, 1, "answered")
        assert not [event for event in await events(host, run, "step", "scope") if "first" in event.path]
        snapshot(tmp_path / "before", tmp_path / "after")
        slow.released.set()
        await paused(host, run)
        assert not [event for event in await events(host, run, "scope") if "first" in event.path]
        await resume(host, run)
        undisturbed = await ended(host, run)
    later = HandClock()  # the call's deadline has passed
    async with serving(tmp_path / "after", workflow, clock=later) as host:
        await paused(host, run)
        await resume(host, run)
        doubt = await asked(host, run, "uncertain")
        await reply(host, doubt, {"happened": True, "result": "it #1"})
        assert await ended(host, run) == undisturbed


async def test_a_paused_run_can_be_cancelled(tmp_path: Path) -> None:
    system = Elsewhere()
    workflow = visit(system)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        question = await asked(host, run)
        await pause(host, run)
        await paused(host, run)
        await cancel(host, run, reason="enough")
        assert (await ended(host, run)).reason == "cancelled by person:op: enough"
        assert (await host.store.question(question.number)).state == "closed"


@pytest.mark.parametrize("first", ["pause", "cancel"])
async def test_pause_and_cancellation_at_once_end_as_cancelled(tmp_path: Path, first: str) -> None:
    system = Elsewhere()
    slow = Slow(system)
    workflow = Workflow("visit", sequential(uses(tool(system.book), what="it"), last))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await slow.begun.wait()
        for what in (pause, cancel) if first == "pause" else (cancel, pause):
            await what(host, run)
        await heard(host, run, 2)
        slow.released.set()
        assert (await ended(host, run)).status == "cancelled"


async def test_a_call_in_doubt_is_settled_before_a_paused_run_ends_as_cancelled(tmp_path: Path) -> None:
    system = Elsewhere()
    slow = Slow(system)
    system.after.append(cut)
    lines = tool(system.book, on_uncertain="retry", settle=60)
    clock = HandClock()
    workflow = Workflow("visit", uses(lines, what="it"))
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow)
        await slow.begun.wait()
        await pause(host, run)
        await heard(host, run, 1)
        slow.released.set()
        await paused(host, run)
        assert (await counted(host, run))["asked"] == 0
        await cancel(host, run)
        await parked(host, run)
        clock.turn(61)
        host.ring()
        assert (await ended(host, run)).status == "cancelled"
    assert len(set(system.keys)) == 1
    assert len(system.booked) == 1


async def test_a_deadline_that_passes_while_paused_ends_the_run_when_it_is_resumed(tmp_path: Path) -> None:
    clock = HandClock()
    workflow = Workflow("visit", human("clinician", role="clinician"), limits=Limits(deadline="1h"))
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow)
        await parked(host, run)
        await pause(host, run)
        await paused(host, run)
        clock.turn(7200)
        host.ring()
        await paused(host, run)
        await resume(host, run)
        outcome = await ended(host, run)
    assert outcome.status == "escalated"
    assert "deadline" in str(outcome.reason)


async def test_pausing_twice_is_the_same_as_once(tmp_path: Path) -> None:
    workflow = visit(Elsewhere())
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await parked(host, run)
        await pause(host, run, operation="o1")
        await paused(host, run)
        await pause(host, run, operation="o1")
        await pause(host, run)
        await paused(host, run)
        await resume(host, run)
        await parked(host, run)
        assert (await counted(host, run))["message"] == 3


async def test_a_pause_delivered_again_after_the_run_was_resumed_does_nothing(tmp_path: Path) -> None:
    workflow = visit(Elsewhere())
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await parked(host, run)
        await pause(host, run, operation="o1")
        await resume(host, run)
        await parked(host, run)
        await pause(host, run, operation="o1")
        await parked(host, run)


async def test_a_pause_is_for_operators_and_for_runs_that_have_not_ended(tmp_path: Path) -> None:
    workflow = Workflow("short", last)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow, 1)
        await ended(host, run)
        row = await host.store.run(run)
        with pytest.raises(NotAllowedError, match="'operator'"):
            await operators.pause(host.store, host.clock, row, by=ADA)
        elsewhere = Principal("person", "eve", "other", every_role=True)
        with pytest.raises(NotFoundError):
            await operators.pause(host.store, host.clock, row, by=elsewhere)
        with pytest.raises(RefusedError, match="has ended"):
            await operators.pause(host.store, host.clock, row, by=OPERATOR)


async def test_a_run_that_ends_while_it_is_being_paused_stays_as_it_was(tmp_path: Path) -> None:
    workflow = visit(Elsewhere())
    async with opened(tmp_path, WatchedStore) as store, serving(tmp_path, workflow, store=store) as host:
        run = await begin(host, workflow)
        row = await parked(host, run)
        await cancel(host, run)
        await ended(host, run)
        with pytest.raises(RefusedError, match="has ended"):
            await operators.pause(store, host.clock, row, by=OPERATOR)
        assert (await store.run(run)).status == "cancelled"


async def test_a_rehearsal_of_a_run_that_was_told_something_does_nothing(tmp_path: Path) -> None:
    system = Elsewhere()
    workflow = Workflow("visit", sequential(uses(tool(system.book), what="it")))
    async with opened(tmp_path, SqliteStore) as store:
        host = Host(store)
        run = (await host.start(workflow, None, principal=OPERATOR, detach=True)).row.id
        await pause(host, run)
        await resume(host, run)
        taken = await store.acquire(run)
        assert taken is not None
        await store.fold(taken.lease)
        await store.release(taken.lease, "running")
        assert (await rehearse(store, host.clock, workflow, run)).fits
        assert [event.kind for event in await store.events(run)] == ["run.started", "message", "message"]
    assert system.calls == []


async def test_a_visit_that_comes_between_a_fold_and_its_effect_heeds_the_pause(tmp_path: Path) -> None:
    """What stands after a command in the chain was written by somebody who knew of it."""
    at_work, go = asyncio.Event(), asyncio.Event()

    @function(pure=True)
    async def desk(context: Context) -> None:
        at_work.set()
        await go.wait()
        await context.sleep(0.001)

    async def let_go() -> None:
        go.set()
        for _ in range(9):
            await asyncio.sleep(0)

    workflow = Workflow("visit", sequential(desk, last))
    async with opened(tmp_path, WatchedStore) as store, serving(tmp_path, workflow, store=store) as host:
        run = await begin(host, workflow)
        await at_work.wait()
        store.at("after fold", let_go)
        await pause(host, run)
        await paused(host, run)
        assert (await counted(host, run))["asked"] == 0
        await resume(host, run)
        assert (await ended(host, run)).status == "complete"


async def test_an_answer_that_comes_as_a_run_is_set_aside_is_folded_before_it_rests(tmp_path: Path) -> None:
    system = Elsewhere()
    workflow = visit(system)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        question = await asked(host, run)
        await parked(host, run)
    async with opened(tmp_path, WatchedStore) as store:
        host = Host(store)

        async def answered() -> None:
            await reply(host, question, {"proceed": True})

        store.at("before park", answered)
        await pause(host, run)
        row = await store.run(run)
        assert (row.status, row.owner, row.seen) == ("paused", None, row.wanted)
        assert (await counted(host, run))["answered"] == 1
    async with serving(tmp_path, workflow) as host:
        await resume(host, run)
        assert (await ended(host, run)).status == "complete"


async def test_a_pause_that_cannot_be_sent_leaves_the_run_as_it_was(tmp_path: Path) -> None:
    workflow = visit(Elsewhere())
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        question = await asked(host, run)
        before = await parked(host, run)
        with pytest.raises(InputError):
            await operators.pause(host.store, host.clock, before, by=OPERATOR, operation="\ud800")
        row = await host.store.run(run)
        assert (row.status, row.owner) == ("waiting", None)
        await reply(host, question, {"proceed": True})
        assert (await ended(host, run)).status == "complete"


async def test_a_pause_that_is_called_off_takes_effect_with_whoever_takes_the_run_up(tmp_path: Path) -> None:
    workflow = visit(Elsewhere())
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await asked(host, run)
        await parked(host, run)
    async with opened(tmp_path, WatchedStore) as store:
        folding = asyncio.Event()

        async def stand() -> None:
            folding.set()
            await asyncio.get_running_loop().create_future()

        store.at("before fold", stand)
        pausing = asyncio.create_task(pause(Host(store), run))
        await folding.wait()
        pausing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await pausing
        async with serving(tmp_path, workflow, store=store) as host:
            await paused(host, run)
            await resume(host, run)
            await reply(host, await asked(host, run), {"proceed": True})
            assert (await ended(host, run)).status == "complete"
