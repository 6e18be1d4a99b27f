"""Taking back what losing branches did: as declared, the latest first, once; a fork takes back nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kernel.scenarios.elsewhere import Elsewhere, Slow
from kernel.scenarios.house import (
    OPERATOR,
    asked,
    begin,
    ended,
    events,
    parked,
    reply,
    serving,
    until,
)
from kernel.scenarios.office import Office, books
from ripieno import (
    Call,
    Context,
    Function,
    Outcome,
    concurrent,
    human,
    majority,
    merge,
    sequential,
)
from ripieno.connectors.tool import Tool, tool
from ripieno.kernel import commands
from ripieno.kernel.effect_book import EffectBook
from ripieno.kernel.forks import fork
from ripieno.model.errors import DefinitionError
from ripieno.patterns.base import Stage
from ripieno.patterns.loop import loop
from ripieno.patterns.resolvers import first
from ripieno.workflows.workflow import Workflow

ROUNDS = 260
"""Enough for a segment."""


async def run_to_end(home: Path, flow: Stage) -> tuple[Outcome, list[str]]:
    """Run a flow, and give its outcome and the kinds and paths of its undoing."""
    workflow = Workflow("office", flow)
    async with serving(home, workflow) as host:
        run = await begin(host, workflow)
        outcome = await ended(host, run)
        found = [
            f"{item['do']} {item['tool']}"
            for plan in await events(host, run, "undo")
            for item in plan.body["effects"]
        ]
    return outcome, found


# -- losing branches -------------------------------------------------------------------------------------


async def test_what_a_branch_did_that_was_outvoted_is_taken_back_the_latest_first(tmp_path: Path) -> None:
    office = Office()
    flow = concurrent(
        books("a", office.booking, "x", gives=1),
        books("b", Tool(office.book, name="keep"), gives=1),
        sequential(books("c", office.booking, "y", "z"), books("d", office.booking, "w", gives=2), name="s"),
        resolve=majority(),
        losers="undo",
    )
    outcome, found = await run_to_end(tmp_path, flow)
    assert outcome.output == 1
    assert [act for act in office.acts if act.startswith("release")] == [
        "release w",
        "release z",
        "release y",
    ]
    assert found == ["undo book"] * 3


async def test_what_a_stopped_branch_did_is_taken_back_after_its_call_has_ended(tmp_path: Path) -> None:
    system, office = Elsewhere(), Office()
    slow = Slow(system)
    taken: list[Any] = []

    def take_back(result: Any, arguments: dict[str, Any], call: Call) -> None:
        taken.append((result, arguments, call.path))

    async def wins(given: object) -> str:
        del given
        await slow.begun.wait()
        slow.released.set()
        return "won"

    loser = books("loser", tool(system.book, undo=take_back), "visit", stays=True)
    flow = concurrent(loser, Function(wins, pure=True), resolve=first(), losers="undo")
    outcome, found = await run_to_end(tmp_path, flow)
    assert (outcome.output, office.acts) == ("won", [])
    assert taken == [("visit #1", {"what": "visit"}, "concurrent@1/loser@1/tool/1/undo")]
    assert found == ["undo book"]


async def test_by_default_it_is_only_named_in_the_log(tmp_path: Path) -> None:
    office = Office()
    branches = [books(name, office.booking, name, gives=name == "c") for name in "abc"]
    _, found = await run_to_end(tmp_path, concurrent(*branches, resolve=majority()))
    assert found == ["list book"]
    assert sorted(office.acts) == ["book a", "book b", "book c"]


async def test_a_rule_that_settles_nothing_leaves_everything_as_it_is(tmp_path: Path) -> None:
    office = Office()
    branches = [books(name, office.booking, name, gives=name) for name in "ab"]
    outcome, found = await run_to_end(tmp_path, concurrent(*branches, resolve=majority(), losers="undo"))
    assert (outcome.status, found) == ("escalated", [])


async def test_when_the_whole_fails_every_branch_has_lost(tmp_path: Path) -> None:
    office = Office()
    branches = [
        books("a", office.booking, "a"),
        books("b", office.booking, "b", gives=Outcome("failed", reason="no")),
    ]
    flow = concurrent(*branches, resolve=merge(), on_failure=2, losers="undo")
    outcome, found = await run_to_end(tmp_path, flow)
    assert (outcome.status, found) == ("failed", ["undo book"] * 2)


async def test_what_has_no_undo_is_listed_and_reads_are_passed_over(tmp_path: Path) -> None:
    office = Office()
    look, shout = Tool(office.book, name="look", effect="read"), Tool(office.book, name="shout")
    loser = sequential(books("a", shout, "x"), books("b", look, "y", gives=2), name="loser")
    flow = concurrent(
        loser, books("c", look, gives=1), books("d", shout, gives=1), resolve=majority(), losers="undo"
    )
    outcome, found = await run_to_end(tmp_path, flow)
    assert (outcome.output, found) == (1, ["no undo shout"])


@pytest.mark.parametrize("losers", ["list", "undo"])
async def test_what_the_plan_says_is_read_when_the_run_is_taken_up_again(tmp_path: Path, losers: Any) -> None:
    """A person is asked about the first of two, and the run parks in the middle of its plan."""
    office = Office(refuses=losers == "undo")
    branches = [books(name, office.booking, name, gives=name == "c") for name in "abc"]
    flow = sequential(
        concurrent(*branches, resolve=majority(), losers=losers), human("clerk", role="clerk"), name="whole"
    )
    workflow = Workflow("office", flow)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await parked(host, run)
    async with serving(tmp_path, workflow) as host:
        if losers == "undo":
            await reply(host, await asked(host, run, "undo/1/ask/1"), {"undone": True})
        await reply(host, await asked(host, run, "clerk"), {"proceed": True})
        assert (await ended(host, run)).status == "complete"
        assert len(await events(host, run, "undo")) == 1


async def test_what_was_undone_within_a_branch_is_not_undone_again_when_that_branch_loses(
    tmp_path: Path,
) -> None:
    office = Office()
    inner = concurrent(
        books("a", office.booking, "a", gives=Outcome("failed")),
        books("b", office.booking, "b"),
        resolve=merge(),
        on_failure=2,
        losers="undo",
        name="inner",
    )
    outer = concurrent(
        inner.on_failure("continue"),
        books("c", office.booking, "c"),
        resolve=merge(),
        on_failure=2,
        losers="undo",
    )
    await run_to_end(tmp_path, outer)
    assert sorted(office.acts) == sorted(f"{act} {what}" for act in ("book", "release") for what in "abc")


@pytest.mark.parametrize("restarted", ["", "restarted"])
async def test_what_was_done_before_a_segment_of_a_losing_loop_is_taken_back_too(
    tmp_path: Path, restarted: str
) -> None:
    office = Office()

    async def again(context: Context) -> None:
        await context.use(office.booking, what=context.path.rpartition("@")[2])

    def never(names: object) -> bool:
        return names is None

    turning = loop(Function(again, name="again", pure=True), until=never, rounds=ROUNDS)
    after = loop(books("b", office.booking, "b"), until=never, rounds=1, name="after")
    flow = concurrent(
        sequential(turning.on_failure("continue"), after.on_failure("continue"), name="turns"),
        human("judge", role="judge"),
        resolve=merge(),
        on_failure=1,
        losers="undo",
    )
    workflow = Workflow("turning", flow)
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await parked(host, run)
        assert len(await events(host, run, "segment")) > 0
        question = await asked(host, run)
        if not restarted:
            await reply(host, question, {"proceed": False})
            await ended(host, run)
    if restarted:
        async with serving(tmp_path, workflow) as host:
            await reply(host, question, {"proceed": False})
            await ended(host, run)
    released = [f"release {n}" for n in range(ROUNDS, 0, -1)]
    assert [act for act in office.acts if act.startswith("release")] == ["release b", *released]


# -- what is not ours, and what was never done ------------------------------------------------------------


async def test_a_fork_never_takes_back_what_the_original_did(tmp_path: Path) -> None:
    office = Office()
    workflow = Workflow("office", sequential(books("a", office.booking, "x"), human("clerk", role="clerk")))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await parked(host, run)
        forked = (await fork(host.store, host.clock, await host.store.run(run), by=OPERATOR)).id
        host.ring()
        await asked(host, forked, "clerk")
        row = await host.store.run(forked)
        await commands.cancel(host.store, host.clock, row, by=OPERATOR, undo=True)
        outcome = await ended(host, forked)
    assert (outcome.reason, office.acts) == ("cancelled by person:op", ["book x"])


async def test_a_fork_does_again_what_was_taken_back(tmp_path: Path) -> None:
    office = Office()
    flow = concurrent(
        books("a", office.booking, "a", gives=Outcome("failed")),
        books("b", office.booking, "b"),
        resolve=merge(),
        on_failure=2,
        losers="undo",
    )
    workflow = Workflow("office", sequential(flow.on_failure("continue"), human("clerk", role="clerk")))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await parked(host, run)
        row = await host.store.run(run)
        undone = [event.seq for event in await events(host, run, "result") if event.path.endswith("/undo")]
        forked = (await fork(host.store, host.clock, row, by=OPERATOR, at=undone[-1])).id
        host.ring()
        await parked(host, forked)
        plans = await events(host, forked, "undo")
    assert plans == []  # of its own it did nothing: the branches were finished when it was forked
    assert len(office.acts) == 4


async def test_what_was_done_can_be_listed_without_running_anything(tmp_path: Path) -> None:
    system, office = Elsewhere(), Office()
    slow = Slow(system)
    slow_booking = Tool(system.book, name="slow")
    branches = (books("a", office.booking, "x", "y"), books("b", slow_booking, "z"))
    workflow = Workflow("office", concurrent(*branches, resolve=merge(), name="both"))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await slow.begun.wait()

        async def booked() -> bool | None:
            return len(await events(host, run, "result")) == 2 or None

        await until(booked)
        book = EffectBook(await host.store.events(run))
        assert [(entry.path, entry.standing) for entry in book.entries()] == [
            ("both@1/b@1/tool/1", "in doubt"),
            ("both@1/a@1/tool/2", "done"),
            ("both@1/a@1/tool/1", "done"),
        ]
        assert [entry.path for entry in book.standing(["both@1/a@1/tool/1"])] == ["both@1/a@1/tool/1"]
        slow.released.set()
        await ended(host, run)


# -- declarations ----------------------------------------------------------------------------------------


def test_what_only_reads_is_neither_undone_nor_an_undo() -> None:
    with pytest.raises(DefinitionError, match="book only reads"):
        tool(Office().book, effect="read", undo=Office().release)
    with pytest.raises(DefinitionError, match="release only reads"):
        tool(Office().book, undo=tool(Office().release, effect="read"))


def test_losers_are_undone_or_listed() -> None:
    wrong: Any = "forgotten"
    with pytest.raises(DefinitionError, match="losers must be 'list' or 'undo', got 'forgotten'"):
        concurrent(books("a", Office().booking), resolve=merge(), losers=wrong)
