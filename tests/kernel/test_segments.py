"""Replay of a loop starts at its last segment: what a waking reads does not grow with the rounds."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from kernel.scenarios.elsewhere import Elsewhere, Slow, uses
from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import (
    asked,
    begin,
    counted,
    ended,
    events,
    opened,
    parked,
    reply,
    serving,
    snapshot,
    turned,
    until,
)
from kernel.scenarios.rounds import count, counting
from kernel.scenarios.watched_store import WatchedStore
from ripieno.connectors.tool import tool
from ripieno.journal.records import Draft
from ripieno.kernel.host import Host
from ripieno.model.outcome import Outcome
from ripieno.model.participant import Context, Task
from ripieno.participants.base import BaseParticipant
from ripieno.participants.function import Function
from ripieno.participants.human import human
from ripieno.patterns.concurrent import concurrent
from ripieno.patterns.loop import loop
from ripieno.patterns.resolvers import merge
from ripieno.patterns.sequential import sequential
from ripieno.workflows.workflow import Workflow

ROUNDS = 2000
MOST_READ = 300
"""A segment is written at least every 250 events; what stands around a loop adds a few."""

YES = {"proceed": True}


async def read_now(host: Host, run: str) -> int:
    return len(await host.store.replayable(run))


async def test_a_loop_of_two_thousand_rounds_is_woken_from_its_last_segment(tmp_path: Path) -> None:
    flow = sequential(counting("count", ROUNDS), human("clinician", role="clinician"))
    workflow = Workflow("long", flow)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await parked(host, run)
        found = await counted(host, run)
        assert found["step"] == ROUNDS
        assert ROUNDS // 250 - 1 <= found["segment"] <= ROUNDS // 250
        assert await read_now(host, run) < MOST_READ
        await reply(host, await asked(host, run), YES)
        assert (await ended(host, run)).status == "complete"


@pytest.mark.parametrize("times", [10, 100])
async def test_a_loop_that_is_woken_in_every_round_reads_the_same_in_each(tmp_path: Path, times: int) -> None:
    flow = loop(human("clinician", role="clinician"), until="previous.note == 'done'", rounds=times + 1)
    workflow = Workflow("patient", flow)
    async with opened(tmp_path, WatchedStore) as store, serving(tmp_path, workflow, store=store) as host:
        run = await begin(host, workflow)
        for number in range(times):
            question = await asked(host, run, f"clinician@{number + 1}/")
            await parked(host, run)
            await reply(host, question, {"proceed": True, "note": "done" if number == times - 1 else ""})
        outcome = await ended(host, run)
        found = await counted(host, run)
    assert outcome.output["note"] == "done"
    assert found["answered"] == times
    assert len(store.replayed) >= times
    assert max(store.replayed) <= 30


class Pulse(BaseParticipant):
    """Counts the rounds, sleeping in each of them."""

    kind = "pulse"

    def describe(self) -> dict[str, Any]:
        return {}

    async def act(self, task: Task, context: Context) -> Outcome:
        await context.sleep(60)
        before = task.state.get(self.name)
        return Outcome("complete", 1 if before is None else before.output + 1)


async def test_a_loop_that_sleeps_in_every_round_reads_the_same_in_each(tmp_path: Path) -> None:
    clock = HandClock()
    workflow = Workflow("pulse", loop(Pulse("pulse"), until="previous >= 40", rounds=50))
    async with (
        opened(tmp_path, WatchedStore) as store,
        serving(tmp_path, workflow, clock=clock, store=store) as host,
    ):
        run = await begin(host, workflow)
        for _ in range(40):
            await turned(host, clock, run, 60)
        outcome = await ended(host, run)
    assert outcome.output == 40
    assert max(store.replayed) <= 30


class Watch(BaseParticipant):
    """Looks once an hour, by itself and not through others, as a pattern may wait between its rounds."""

    kind = "watch"

    def describe(self) -> dict[str, Any]:
        return {}

    async def act(self, task: Task, context: Context) -> Outcome:
        del task
        last = context.resumption()
        for round_ in range(1 if last is None else last.round + 1, 13):
            await context.sleep(3600)
            await context.segment(round_, {}, {})
        return Outcome("complete")


@pytest.mark.parametrize("before", [5, 8], ids=["none in the first rounds", "one in the first rounds"])
async def test_rounds_of_waits_alone_have_segments_while_another_branch_is_at_work(
    tmp_path: Path, before: int
) -> None:
    clock, system = HandClock(), Elsewhere()
    slow = Slow(system)
    desk = sequential(
        human("signs", role="a"), uses(tool(system.book, timeout="2d"), what="visit"), name="after-signing"
    )
    workflow = Workflow("watch", concurrent(Watch("watch"), desk, resolve=merge()))
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow)
        for _ in range(before):
            await turned(host, clock, run, 3600)
        question = await asked(host, run, "signs")
    async with serving(tmp_path, workflow, clock=clock) as host:
        await reply(host, question, YES)
        await slow.begun.wait()  # and nothing parks until it is over
        for round_ in range(before + 1, 13):
            assert (await counted(host, run))["answered"] == round_
            clock.turn(3600)
            host.ring()

            async def looked(times: int = round_ + 1) -> bool | None:
                return (await counted(host, run))["answered"] == times or None

            await until(looked)
            if round_ < 12:
                await until(lambda times=round_ + 2: asked_times(host, run, times))
        slow.released.set()
        assert (await ended(host, run)).status == "complete"
        assert (await counted(host, run))["segment"] >= 1


async def asked_times(host: Host, run: str, times: int) -> bool | None:
    return (await counted(host, run))["asked"] == times or None


async def test_loops_side_by_side_are_each_woken_from_their_own_last_segment(tmp_path: Path) -> None:
    flow = concurrent(
        sequential(counting("many", 900), human("first", role="a"), name="left"),
        sequential(counting("few", 300), human("second", role="b"), name="right"),
        resolve=merge(),
    )
    workflow = Workflow("side-by-side", flow)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await parked(host, run)
        assert await read_now(host, run) < 2 * MOST_READ
        await reply(host, await asked(host, run, "first"), YES)
        await reply(host, await asked(host, run, "second"), YES)
        assert (await ended(host, run)).status == "complete"


async def test_a_loop_within_a_loop_goes_on_in_its_own_round(tmp_path: Path) -> None:
    inner = loop(
        Function(count, name="inner", pure=True), until="previous >= 40", rounds=50, name="inner-loop"
    )
    body = sequential(inner, human("clinician", role="clinician"), name="body")
    workflow = Workflow("nested", loop(body, until="previous.note == 'done'", rounds=30))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        for number in range(1, 21):
            question = await asked(host, run, f"body@{number}/")
            await parked(host, run)
            assert await read_now(host, run) < MOST_READ
            await reply(host, question, {"proceed": True, "note": "done" if number == 20 else ""})
        outcome = await ended(host, run)
    assert outcome.output["note"] == "done"


@pytest.mark.parametrize("kind", ["segment", "step"], ids=["right before", "right after"])
async def test_a_crash_around_a_segment_loses_no_round(tmp_path: Path, kind: str) -> None:
    workflow = Workflow("long", sequential(counting("count", 400), human("clinician", role="clinician")))
    async with opened(tmp_path / "before", WatchedStore) as store:

        async def power_cut() -> None:
            snapshot(tmp_path / "before", tmp_path / "after")

        async def then() -> None:
            store.written_after["step"] = power_cut

        store.written_after["segment"] = power_cut if kind == "segment" else then
        async with serving(tmp_path, workflow, store=store) as host:
            run = await begin(host, workflow)
            await parked(host, run)
            undisturbed = [event.path for event in await events(host, run, "step", "asked")]
    async with serving(tmp_path / "after", workflow) as host:
        await parked(host, run)
        assert [event.path for event in await events(host, run, "step", "asked")] == undisturbed
        assert (await counted(host, run))["segment"] >= 1
        await reply(host, await asked(host, run), YES)
        assert (await ended(host, run)).status == "complete"


async def test_an_answer_that_is_folded_while_a_segment_is_written_is_not_skipped(tmp_path: Path) -> None:
    folding = asyncio.Event()

    async def gated(given: object, previous: object) -> int:
        if previous == 100:
            await folding.wait()
        return count(given, previous)

    steps = loop(Function(gated, name="count", pure=True), until="previous >= 600", rounds=1000)
    people = sequential(human("first", role="a"), human("second", role="b"), name="people")
    workflow = Workflow("busy", concurrent(steps, people, resolve=merge()))
    async with opened(tmp_path / "before", WatchedStore) as store:

        async def slow_fold() -> None:
            folding.set()
            for _ in range(50):
                if (await counted(host, run))["segment"]:
                    break
                await asyncio.sleep(0.003)
            snapshot(tmp_path / "before", tmp_path / "after")

        store.at("after fold", slow_fold)
        async with serving(tmp_path / "before", workflow, store=store) as host:
            run = await begin(host, workflow)
            await reply(host, await asked(host, run, "first"), YES)
            await parked(host, run)
    folding.set()
    async with serving(tmp_path / "after", workflow) as host:
        await reply(host, await asked(host, run, "second"), YES)
        assert (await ended(host, run)).status == "complete"


async def test_a_call_under_way_while_a_segment_is_written_is_known_after_a_crash(tmp_path: Path) -> None:
    system, written = Elsewhere(), asyncio.Event()
    book = tool(system.book, on_uncertain="retry", timeout="30s")
    clock = HandClock()

    async def hold(draft: Draft) -> None:
        if draft.kind == "intent":  # its branch does not hear that it is on disk until a segment is
            await until(segment_written)
            written.set()

    flow = concurrent(counting("count", 400), uses(book, what="visit"), resolve=merge())
    workflow = Workflow("busy", flow)
    async with opened(tmp_path / "before", WatchedStore) as store:

        async def segment_written() -> bool | None:
            return (await counted(host, run))["segment"] > 0 or None

        async def power_cut() -> None:
            snapshot(tmp_path / "before", tmp_path / "after")

        store.delay = hold
        system.after = [power_cut]
        async with serving(tmp_path / "before", workflow, clock=clock, store=store) as host:
            run = await begin(host, workflow)
            await ended(host, run)
    async with serving(tmp_path / "after", workflow, clock=clock) as host:
        await turned(host, clock, run, 31)
        assert (await ended(host, run)).status == "complete"
    assert len(system.calls) == 2
    assert len(system.booked) == 1


async def test_a_loop_that_was_woken_after_its_segments_still_tells_when_it_began(tmp_path: Path) -> None:
    """So does everything around it: what the segments stand for is not read any more."""
    clock = HandClock()
    flow = sequential(loop(Pulse("pulse"), until="previous >= 20", rounds=50), name="around")
    workflow = Workflow("pulse", flow)
    async with serving(tmp_path, workflow, clock=clock) as host:
        began = clock.now()
        run = await begin(host, workflow)
        for _ in range(20):
            await turned(host, clock, run, 60)
        await ended(host, run)
        ends = await events(host, run, "scope")
        assert (await counted(host, run))["segment"] >= 2
    started = {event.path.rpartition("/")[2]: event.body["started"] for event in ends}
    assert (started["loop@1"], started["around@1"]) == (began, began)
    assert started["pulse@20"] == began + 19 * 60_000_000
