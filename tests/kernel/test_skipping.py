"""A step that an operator skips ends as complete with what the operator gave; the rest goes on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from kernel.scenarios.elsewhere import Elsewhere, Slow, cut, nested, uses
from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import (
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
    resting,
    serving,
    snapshot,
    until,
)
from kernel.scenarios.steering import pause, resume, skip
from kernel.scenarios.watched_store import WatchedStore
from ripieno import Limits, ask
from ripieno.connectors.tool import tool
from ripieno.kernel.host import Host
from ripieno.kernel.rehearsal import rehearse
from ripieno.model.errors import ToolError
from ripieno.model.participant import Context
from ripieno.participants.base import BaseParticipant
from ripieno.participants.function import Function, function
from ripieno.participants.human import human
from ripieno.patterns.concurrent import concurrent
from ripieno.patterns.conditions import rounds
from ripieno.patterns.group_chat import group_chat
from ripieno.patterns.handoff import handoff
from ripieno.patterns.loop import loop
from ripieno.patterns.map import map_over
from ripieno.patterns.resolvers import merge
from ripieno.patterns.sequential import sequential
from ripieno.workflows.workflow import Workflow


def person(name: str = "review") -> BaseParticipant:
    return human(name, role="clinician")


@function(pure=True)
def tail(previous: object) -> object:
    return {"after": previous}


async def test_a_person_who_is_waited_for_is_skipped_and_not_asked_any_more(tmp_path: Path) -> None:
    workflow = Workflow("visit", sequential(person(), tail))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        question = await asked(host, run)
        assert await skip(host, run, "review", {"seen": True}) == "sequential@1/review@1"
        outcome = await ended(host, run)
        assert (await host.store.question(question.number)).state == "closed"
        visit = next(event for event in await events(host, run, "scope") if "review" in event.path)
    assert outcome.output == {"after": {"seen": True}}
    assert visit.body["outcome"]["method"] == "skipped by person:op"
    assert (visit.body["outcome"]["status"], visit.body["outcome"]["confidence"]) == ("complete", "1")


def hanging(name: str = "hangs") -> tuple[Function, asyncio.Event]:
    begun = asyncio.Event()

    async def hang() -> object:
        begun.set()
        return await asyncio.Event().wait()

    return Function(hang, name=name, pure=True), begun


@pytest.mark.parametrize("depth", [0, 1, 3], ids=["plain", "in a branch", "deep in branches"])
async def test_a_step_that_hangs_is_skipped_by_its_name(tmp_path: Path, depth: int) -> None:
    hangs, begun = hanging()
    workflow = Workflow("visit", sequential(nested(sequential(hangs, name="inner"), depth), tail))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await begun.wait()
        assert await skip(host, run, "hangs", 7, names=["hangs"]) == "hangs"
        outcome = await ended(host, run)
    assert outcome.status == "complete"
    assert "7" in str(outcome.output)


async def test_a_step_that_swallows_its_cancellation_is_skipped_all_the_same(tmp_path: Path) -> None:
    begun = asyncio.Event()

    @function(pure=True)
    async def stubborn() -> str:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "never mind"
        return "unreachable"

    workflow = Workflow("visit", sequential(stubborn, tail))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await begun.wait()
        await skip(host, run, "stubborn", 1, names=["stubborn"])
        assert (await ended(host, run)).output == {"after": 1}


async def test_what_the_step_has_claimed_is_awaited_and_recorded_first(tmp_path: Path) -> None:
    system = Elsewhere()
    slow = Slow(system)
    workflow = Workflow("visit", sequential(uses(tool(system.book), what="it"), tail))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await slow.begun.wait()
        await skip(host, run, "desk", "by hand")
        await heard(host, run, 1)
        assert not await events(host, run, "scope")
        slow.released.set()
        assert (await ended(host, run)).output == {"after": "by hand"}
        kinds = [event.kind for event in await events(host, run)]
    assert kinds.index("result") < kinds.index("scope")
    assert len(system.booked) == 1


async def test_a_step_that_retries_is_skipped_before_its_next_attempt(tmp_path: Path) -> None:
    @tool(attempts=9)
    def refuses() -> None:
        msg = "closed today"
        raise ToolError(msg)

    clock = HandClock()
    workflow = Workflow("visit", sequential(uses(refuses), tail))
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow)
        for _ in range(3):

            async def waiting() -> bool | None:
                clock.turn(1)
                host.ring()
                return (await host.store.run(run)).status == "waiting" or None

            await until(waiting)
        await skip(host, run, "desk", 5)
        assert (await ended(host, run)).output == {"after": 5}


async def test_a_claim_that_the_skip_came_before_is_not_made(tmp_path: Path) -> None:
    system, ready, go, noticed = Elsewhere(), asyncio.Event(), asyncio.Event(), asyncio.Event()

    @function(pure=True)
    async def desk(context: Context) -> object:
        ready.set()
        await go.wait()
        return await context.use(tool(system.book), what="it")

    async def never_folds() -> None:
        noticed.set()
        await asyncio.Event().wait()

    workflow = Workflow("visit", sequential(desk, tail))
    async with opened(tmp_path, WatchedStore) as store:
        store.at("after unfolded", never_folds)
        async with serving(tmp_path, workflow, store=store) as host:
            run = await begin(host, workflow)
            await ready.wait()
            await skip(host, run, "desk", 3, names=["desk"])
            await noticed.wait()
            go.set()
            assert (await ended(host, run)).output == {"after": 3}
    assert system.calls == []


@pytest.mark.parametrize("step", ["late", "sequential/late", "sequential@1/late@1"])
async def test_a_step_that_has_not_begun_is_skipped_when_its_turn_comes(tmp_path: Path, step: str) -> None:
    late, begun = hanging("late")
    workflow = Workflow("visit", sequential(person(), late, tail))
    names = ["sequential", "review", "late", "tail"]
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await parked(host, run)
        await skip(host, run, step, 4, names=names)
        await parked(host, run)
    async with serving(tmp_path, workflow) as host:
        await reply(host, await asked(host, run), {"proceed": True})
        assert (await ended(host, run)).output == {"after": 4}
    assert not begun.is_set()


async def test_a_whole_pattern_is_skipped_with_its_branches_and_doubts(tmp_path: Path) -> None:
    system = Elsewhere()
    system.after.append(cut)
    flow = concurrent(person(), uses(tool(system.book), what="it"), resolve=merge(), name="both")
    workflow = Workflow("visit", sequential(flow, tail))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        doubt = await asked(host, run, "uncertain")
        await parked(host, run)
        await skip(host, run, "both", "neither")
        await heard(host, run, 1)
        await resting(host, run)
        assert not (await host.store.run(run)).ended
        await reply(host, doubt, {"happened": True})
        outcome = await ended(host, run)
        assert [row.path for row in await host.store.questions(run=run)] == []
    assert outcome.output == {"after": "neither"}


async def test_one_item_of_a_map_is_skipped_and_the_others_are_not(tmp_path: Path) -> None:
    async def look(item: int, context: Context) -> object:
        if item == 2:
            return await context.sleep(10_000)
        return item

    workflow = Workflow("visit", map_over("input", Function(look, name="look", pure=True), width=3))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow, [1, 2, 3])
        await parked(host, run)
        await skip(host, run, "map@1/look@1", 20)
        assert (await ended(host, run)).output == [1, 20, 3]


async def test_a_skip_by_name_in_a_loop_is_for_one_round(tmp_path: Path) -> None:
    turn = Function(lambda: "again", name="turn", pure=True)
    round_ = sequential(person("gate"), turn, name="round")
    workflow = Workflow("visit", loop(round_, until=lambda _: False, rounds=3))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await parked(host, run)
        await skip(host, run, "turn", "skipped", names=["turn"])
        await skip(host, run, "turn", "said twice", names=["turn"])
        for _ in range(3):
            await reply(host, await asked(host, run), {"proceed": True})
            await until(lambda: settled(host, run))
        await ended(host, run)
        ends = [event for event in await events(host, run, "scope", "step") if "turn@" in event.path]
    assert ["skipped" in event.body for event in ends] == [True, False, False]


async def settled(host: Host, run: str) -> bool | None:
    row = await host.store.run(run)
    return row.ended or bool(await host.store.questions(run=run)) or None


async def test_one_who_is_in_charge_of_a_case_is_skipped(tmp_path: Path) -> None:
    hangs, begun = hanging("triage")
    workflow = Workflow("case", handoff(hangs, tail, edges={hangs: [tail]}))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await begun.wait()
        await skip(host, run, "triage", "closed by hand", names=["triage"])
        assert (await ended(host, run)).status == "complete"


async def test_a_speaker_of_a_chat_is_skipped(tmp_path: Path) -> None:
    begun = asyncio.Event()

    @function(pure=True)
    async def writer(turn: object) -> object:
        if not begun.is_set():
            begun.set()
            await asyncio.Event().wait()
        return turn

    @function(pure=True)
    def tone(turn: object) -> str:
        return f"heard {len(str(turn)) > 0}"

    workflow = Workflow("chat", group_chat(writer, tone, until=rounds(2)))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await begun.wait()
        await skip(host, run, "writer", "a draft by hand", names=["writer"])
        outcome = await ended(host, run)
        assert "tone" in " ".join(event.path for event in await events(host, run))
    assert outcome.status in ("complete", "partial")


async def test_a_crash_after_a_skip_was_folded_ends_the_same(tmp_path: Path) -> None:
    flow = sequential(concurrent(person(), person("second"), resolve=merge(), name="both"), tail)
    workflow = Workflow("visit", flow)
    async with opened(tmp_path / "before", WatchedStore) as store:

        async def power_cut() -> None:
            snapshot(tmp_path / "before", tmp_path / "after")

        async with serving(tmp_path / "before", workflow, store=store) as host:
            run = await begin(host, workflow)
            await asked(host, run, "second")
            await parked(host, run)
            store.written_after["scope"] = power_cut
            await skip(host, run, "both", 9)
            undisturbed = await ended(host, run)
    async with serving(tmp_path / "after", workflow) as host:
        assert (await counted(host, run))["message"] == 1
        assert (await counted(host, run))["scope"] == 0
        assert await ended(host, run) == undisturbed


@pytest.mark.parametrize("first", ["answer", "skip"])
async def test_a_skip_that_is_folded_before_the_end_of_a_visit_decides_it(tmp_path: Path, first: str) -> None:
    """As with a cancellation: whatever the visit was about to end in, so that a crash changes nothing."""
    workflow = Workflow("visit", sequential(person(), tail))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        question = await asked(host, run)
        await parked(host, run)
    async with opened(tmp_path, WatchedStore) as store:
        bare = Host(store)
        if first == "answer":
            await reply(bare, question, {"proceed": True})
            await skip(bare, run, "review", "skipped")
        else:
            await skip(bare, run, "review", "skipped")
            await reply(bare, question, {"proceed": True})
        async with serving(tmp_path, workflow, store=store) as host:
            assert (await ended(host, run)).output == {"after": "skipped"}


async def test_a_cancellation_goes_before_a_skip(tmp_path: Path) -> None:
    workflow = Workflow("visit", sequential(person(), tail))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await parked(host, run)
    async with opened(tmp_path, WatchedStore) as store:
        await skip(Host(store), run, "review")
        await cancel(Host(store), run)
        async with serving(tmp_path, workflow, store=store) as host:
            assert (await ended(host, run)).status == "cancelled"


async def test_an_inner_and_an_outer_step_are_skipped_at_once(tmp_path: Path) -> None:
    workflow = Workflow("visit", sequential(sequential(person(), name="ward"), tail))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await parked(host, run)
    async with opened(tmp_path, WatchedStore) as store:
        await skip(Host(store), run, "review", "inner")
        await skip(Host(store), run, "ward", "outer")
        async with serving(tmp_path, workflow, store=store) as host:
            assert (await ended(host, run)).output == {"after": "outer"}


async def test_a_paused_run_skips_the_step_when_it_is_resumed(tmp_path: Path) -> None:
    workflow = Workflow("visit", sequential(person(), tail))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await parked(host, run)
        await pause(host, run)
        await skip(host, run, "review", 8)
        assert (await resting(host, run)).status == "paused"
        await resume(host, run)
        assert (await ended(host, run)).output == {"after": 8}


async def test_an_outcome_of_a_skipped_step_is_as_sure_as_the_operator(tmp_path: Path) -> None:
    workflow = Workflow("visit", sequential(person().escalate(below=0.9, to=human("chief", role="c")), tail))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await parked(host, run)
        await skip(host, run, "review", 6)
        outcome = await ended(host, run)
    assert outcome.output == {"after": 6}


@pytest.mark.parametrize("what", ["skip", "cancel"])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_step_that_hangs_again_after_a_crash_is_left_all_the_same(
    tmp_path: Path, what: str, when: str
) -> None:
    hangs, begun = hanging()
    workflow = Workflow("visit", sequential(tail, concurrent(person(), hangs, resolve=merge())))

    async def say(host: Host) -> None:
        await (skip(host, run, "hangs", 7, names=["hangs"]) if what == "skip" else cancel(host, run))

    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await asked(host, run)
        await begun.wait()
    begun.clear()
    async with opened(tmp_path, WatchedStore) as store:
        if when == "before":
            await say(Host(store))
        async with serving(tmp_path, workflow, store=store) as host:
            if when == "after":
                await begun.wait()
                await say(host)
            if what == "skip":
                await parked(host, run)
                await reply(host, await asked(host, run), {"proceed": True})
            assert (await ended(host, run)).status == ("complete" if what == "skip" else "cancelled")


async def test_a_run_with_a_step_still_to_be_skipped_is_rehearsed_without_anything_happening(
    tmp_path: Path,
) -> None:
    workflow = Workflow("visit", sequential(person(), tail))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        question = await asked(host, run)
        await skip(host, run, "tail", "by hand", names=["tail"])
        await heard(host, run, 1)
        await parked(host, run)
        before = await host.store.run(run)
        assert (await rehearse(host.store, host.clock, workflow, run)).fits
        assert await host.store.run(run) == before
        await reply(host, question, {"proceed": True})
        assert (await ended(host, run)).output == "by hand"


@pytest.mark.parametrize("within", [False, True], ids=["as a whole", "what it limits"])
@pytest.mark.parametrize("where", ["at work", "parked"])
async def test_a_visit_that_waits_for_room_for_its_allowance_is_skipped(
    tmp_path: Path, where: str, *, within: bool
) -> None:
    boss = Limits(tokens=50, on_exhausted=ask("boss"))
    costly = Function(lambda: 1, name="costly", pure=True).limit(tokens=90, allowance=True)
    hangs, begun = hanging("beside")
    beside = hangs if where == "at work" else person("beside")
    both = concurrent(costly, beside, resolve=merge(), name="both")
    workflow = Workflow("visit", sequential(both, tail), limits=boss)
    names = ["sequential", "both", "costly", "beside"]
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await asked(host, run, "limit")
        await (begun.wait() if where == "at work" else parked(host, run))
        path = "sequential@1/both@1/costly@1/costly@1"
        await skip(host, run, path if within else "costly", "by hand", names=names)
        await heard(host, run, 1)
        await skip(host, run, "beside", names=names)
        outcome = await ended(host, run)
        assert not await events(host, run, "spent")
    assert outcome.output == {"after": {"costly": "by hand"}}
