"""Cancelling a run: nothing new begins, what was begun is settled and recorded, then the run ends."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from kernel.scenarios.elsewhere import Elsewhere, Slow, nested, uses
from kernel.scenarios.house import (
    OPERATOR,
    asked,
    begin,
    cancel,
    counted,
    ended,
    events,
    heard,
    opened,
    reply,
    serving,
    snapshot,
    until,
)
from kernel.scenarios.watched_store import WatchedStore
from ripieno.connectors.tool import tool
from ripieno.kernel.host import Host
from ripieno.participants.function import Function, function
from ripieno.participants.human import human
from ripieno.patterns.concurrent import concurrent
from ripieno.patterns.resolvers import merge
from ripieno.patterns.sequential import sequential
from ripieno.workflows.workflow import Workflow


def desk(system: Elsewhere) -> Function:
    return uses(tool(system.book), what="visit")


async def statuses(host: Host, run: str) -> list[str]:
    return [event.body["status"] for event in await events(host, run, "result")]


async def test_a_run_that_waits_for_a_person_ends_and_the_person_is_not_asked_any_more(
    tmp_path: Path,
) -> None:
    system = Elsewhere()
    workflow = Workflow("visit", sequential(human("clinician", role="clinician"), desk(system)))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        question = await asked(host, run)
        await cancel(host, run, reason="admitted elsewhere")
        outcome = await ended(host, run)
        assert (await host.store.question(question.number)).state == "closed"
        assert (await host.store.run(run)).status == "cancelled"
    assert (outcome.status, outcome.reason) == ("cancelled", "cancelled by person:op: admitted elsewhere")
    assert system.calls == []


@pytest.mark.parametrize("depth", [0, 1, 4], ids=["plain", "in a branch", "deep in branches"])
async def test_a_cancellation_that_is_durable_before_a_claim_prevents_the_call(
    tmp_path: Path, depth: int
) -> None:
    system, ready, go, noticed = Elsewhere(), asyncio.Event(), asyncio.Event(), asyncio.Event()

    @function(pure=True)
    async def prepares(given: object) -> object:
        ready.set()
        await go.wait()
        return given

    async def never_folds() -> None:
        noticed.set()
        await asyncio.Event().wait()

    workflow = Workflow("visit", nested(sequential(prepares, desk(system)), depth))
    async with opened(tmp_path, WatchedStore) as store:
        store.at("after unfolded", never_folds)
        async with serving(tmp_path, workflow, store=store) as host:
            run = await begin(host, workflow)
            await ready.wait()
            await cancel(host, run)
            await noticed.wait()
            go.set()  # the claim finds the inbox ahead of it, and folds it itself
            outcome = await ended(host, run)
            assert (await counted(host, run))["intent"] == 0
    assert outcome.status == "cancelled"
    assert system.calls == []


@pytest.mark.parametrize("depth", [0, 2], ids=["plain", "in branches"])
async def test_a_call_under_way_is_awaited_and_recorded_first(tmp_path: Path, depth: int) -> None:
    system = Elsewhere()
    slow = Slow(system)
    workflow = Workflow("visit", nested(desk(system), depth))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await slow.begun.wait()
        await cancel(host, run)
        await heard(host, run, 1)
        assert not (await host.store.run(run)).ended
        slow.released.set()
        outcome = await ended(host, run)
        assert await statuses(host, run) == ["done"]
        kinds = [event.kind for event in await events(host, run)]
    assert outcome.status == "cancelled"
    assert system.booked
    assert kinds[-1] == "run.ended"


async def first_is_done(host: Host, run: str) -> bool | None:
    return (await counted(host, run))["scope"] == 1 or None


@pytest.mark.parametrize("kind", ["scope", "run.ended"], ids=["branches", "run"])
async def test_a_crash_in_the_middle_of_a_cancellation_ends_as_cancelled_all_the_same(
    tmp_path: Path, kind: str
) -> None:
    flow = concurrent(human("first", role="a"), human("second", role="b"), resolve=merge())
    workflow = Workflow("two-people", sequential(flow, human("third", role="c")))
    async with opened(tmp_path / "before", WatchedStore) as store:

        async def power_cut() -> None:
            snapshot(tmp_path / "before", tmp_path / "after")

        async with serving(tmp_path, workflow, store=store) as host:
            run = await begin(host, workflow)
            await reply(host, await asked(host, run, "first"), {"proceed": True})
            await until(lambda: first_is_done(host, run))
            store.written_after[kind] = power_cut
            await cancel(host, run, reason="stop")
            undisturbed = await ended(host, run)
    async with serving(tmp_path / "after", workflow) as host:
        assert (await counted(host, run))["run.ended"] == 0
        outcome = await ended(host, run)
    assert outcome == undisturbed
    assert outcome.status == "cancelled"


async def test_a_cancellation_that_meets_the_end_of_a_run_decides_it_if_it_was_first(tmp_path: Path) -> None:
    ready, go, noticed = asyncio.Event(), asyncio.Event(), asyncio.Event()

    @function(pure=True)
    async def last(given: object) -> object:
        ready.set()
        await go.wait()
        return given

    async def never_folds() -> None:
        noticed.set()
        await asyncio.Event().wait()

    workflow = Workflow("short", last)
    async with opened(tmp_path, WatchedStore) as store:
        store.at("after unfolded", never_folds)
        async with serving(tmp_path, workflow, store=store) as host:
            run = await begin(host, workflow)
            await ready.wait()
            await cancel(host, run)
            await noticed.wait()
            go.set()
            outcome = await ended(host, run)
    assert (outcome.status, outcome.reason) == ("cancelled", "cancelled by person:op")


async def test_cancelling_twice_is_the_same_as_once(tmp_path: Path) -> None:
    workflow = Workflow("person", human("clinician", role="clinician"))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await asked(host, run)
        await asyncio.gather(cancel(host, run, reason="one"), cancel(host, run, reason="two"))
        outcome = await ended(host, run)
    assert outcome.reason == "cancelled by person:op: one"


async def test_a_run_cancelled_before_it_is_taken_up_ends_whoever_folds_that_first(tmp_path: Path) -> None:
    """The process looks at its inboxes between taking the run up and going on with it."""
    sent, looked, folds = asyncio.Event(), asyncio.Event(), asyncio.Event()
    workflow = Workflow("person", human("clinician", role="clinician"))
    async with opened(tmp_path, WatchedStore) as store, serving(tmp_path, workflow, store=store) as host:

        async def is_about_to_fold() -> None:
            looked.set()
            await folds.wait()

        async def not_before_somebody_looked() -> None:
            await sent.wait()  # it may be taken up as soon as it is there
            host.ring()
            await looked.wait()
            folds.set()

        store.at("after unfolded", is_about_to_fold)
        store.at("after acquire", not_before_somebody_looked)
        run = (await host.start(workflow, None, principal=OPERATOR, detach=True)).row.id
        await cancel(host, run)
        sent.set()
        host.ring()
        assert (await ended(host, run)).status == "cancelled"
        assert await store.questions() == [], "one that was about to be asked is not left open"
